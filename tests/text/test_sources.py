"""What lies on a disk: too large, endless, special, damaged, or written by zuoci itself."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

import zuoci
from zuoci import CorpusError, read_corpus
from zuoci.text import sources
from zuoci.text.formats import archive
from zuoci.text.sources import readable

if TYPE_CHECKING:
    from pathlib import Path

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def pack(path: Path, data: bytes, method: int, declared: int | None = None) -> Path:
    """A zip with one member, which says that it unpacks to `declared` bytes."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.txt", data)
    if declared is not None:
        raw = bytearray(path.read_bytes())
        for at in (raw.index(b"PK\x03\x04") + 22, raw.index(b"PK\x01\x02") + 24):
            raw[at : at + 4] = struct.pack("<I", declared)
        path.write_bytes(raw)
    return path


@pytest.mark.parametrize("method", METHODS)
def test_members_of_every_compression_are_read_whole(tmp_path: Path, method: int) -> None:
    text = "".join(f"第{n}行的歌词\n" for n in range(3000))
    assert read_corpus(pack(tmp_path / "a.zip", text.encode(), method)).text == text


@pytest.mark.parametrize("method", METHODS)
def test_a_member_is_unpacked_only_as_far_as_it_says(tmp_path: Path, method: int) -> None:
    """A hundred bytes of bzip2 can hold a hundred million."""
    size = 2**27 if method == zipfile.ZIP_LZMA else 2**25  # LZMA alone takes 2**26 bytes
    path = pack(tmp_path / "a.zip", b"a" * size, method, declared=100)
    tracemalloc.start()
    with pytest.raises(CorpusError, match=r"a\.txt is damaged"):
        read_corpus(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.75 * size


def test_an_archive_is_unpacked_to_a_multiple_of_its_size_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_FREE_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(20):
            packed.writestr(f"{number}.txt", b"a" * 100_000)
    with pytest.raises(CorpusError, match=r"a\.zip unpacks to 2 MiB, from \d,\d+ bytes: at most 1 MiB are read"):
        read_corpus(tmp_path / "a.zip")


def test_members_that_share_bytes(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", b"many words\n" * 1000, zipfile.ZIP_DEFLATED)
    raw = path.read_bytes()
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[start:end]
    tail = bytearray(raw[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, 50 * len(entry))
    path.write_bytes(raw[:start] + entry * 50 + tail)
    with pytest.raises(CorpusError, match=r"is a damaged zip file: a\.txt and a\.txt share bytes"):
        read_corpus(path)


def test_archives_in_archives_stay_closed(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", b"words", zipfile.ZIP_DEFLATED).read_bytes()
    (tmp_path / "inner.zip").unlink()
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", inner)
        archive.writestr("b.txt", "other words")
    corpus = read_corpus(tmp_path / "outer.zip")
    assert corpus.text == "other words"
    assert "left out 1 files that are not text" in corpus.notes[0]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("archives")
    return folder, [pack(folder / "a.zip", b"many words\n" * 20, method).read_bytes() for method in METHODS]


def test_a_member_without_a_name_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "some words")
        archive.writestr("QQQQ", "other words")
    path.write_bytes(path.read_bytes().replace(b"QQQQ", b"\0QQQ"))  # a null character ends a name
    assert read_corpus(path).text == "some words"


@limits(max_examples=300)
@given(kind=st.integers(0, 3), at=st.floats(0, 1, exclude_max=True), what=st.binary(min_size=1, max_size=4))
def test_a_damaged_zip_is_read_or_refused(
    archives: tuple[Path, list[bytes]], kind: int, at: float, what: bytes
) -> None:
    folder, raws = archives
    raw = bytearray(raws[kind])
    place = int(at * len(raw))
    raw[place : place + len(what)] = what
    (folder / "b.zip").write_bytes(raw)
    with suppress(CorpusError):
        read_corpus(folder / "b.zip")


@pytest.mark.skipif(os.name == "nt", reason="special files of Unix")
def test_special_files_are_refused_by_name_and_left_out_of_folders(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words", "utf-8")
    os.mkfifo(tmp_path / "pipe.txt")
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "circle.txt").symlink_to("circle.txt")
    (tmp_path / "nowhere.txt").symlink_to("gone")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    (tmp_path / "up").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        folder = os.open(tmp_path, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{folder}/socket.txt")
        os.close(folder)
        corpus = read_corpus(tmp_path)
        with pytest.raises(CorpusError, match=r"socket\.txt is a socket: name a text file"):
            read_corpus(tmp_path / "socket.txt")
    assert corpus.text == "words"
    assert "left out 6 special files and broken links (circle.txt, nowhere.txt, pipe.txt, …)" in corpus.notes[0]
    for name, message in (
        ("pipe.txt", "holds no text"),
        ("pipe.zip", "is a pipe, and a zip cannot be read from one"),
        ("circle.txt", "cannot be read: Too many levels of symbolic links"),
        ("nowhere.txt", "does not exist"),
        ("zero.txt", "is a device: name a text file"),
        ("a\0b", "is no name of a file"),
        ("x" * 5000, "cannot be read: File name too long"),
    ):
        with pytest.raises(CorpusError, match=message):
            read_corpus(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_a_pipe_with_a_writer_is_read_to_its_end_and_no_further_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pipe(data: bytes) -> str:
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        opened.append(reader)
        return f"/dev/fd/{reader}"

    opened: list[int] = []
    assert read_corpus(pipe("歌词".encode())).text == "歌词"
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 1000)
    with pytest.raises(CorpusError, match="is larger than"):
        read_corpus(pipe(b"a" * 1001))
    for reader in opened:
        os.close(reader)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(CorpusError, match=r"a\.txt is larger than 2 GiB; cut it into smaller files"):
        read_corpus(tmp_path / "a.txt")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("words", "utf-8")

    def refuse(path: object, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CorpusError, match=r"a\.txt cannot be read: Permission denied"):
        read_corpus(tmp_path)


def test_what_zuoci_wrote_is_no_lyrics(corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    for number, song in enumerate(corpus.songs):
        (songs / f"{number:02}.txt").write_text(song.text, "utf-8")
    before = read_corpus(songs)
    run = zuoci.Run(corpus, settings, device="cpu")
    zuoci.save_run(run, songs / "stopped")
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    zuoci.save_trained(end, songs / "renamed" / "model")
    (songs / "renamed" / "model" / "notes.md").write_text("my notes", "utf-8")
    (songs / "stopped" / "notes.txt").write_text("my notes", "utf-8")
    after = read_corpus(songs)
    assert after.songs == before.songs
    (note,) = after.notes
    assert "left out 2 models and corpora that zuoci wrote (stopped, renamed/model)" in note
    for name in ("config.json", "vocabulary.json", "model.safetensors"):  # damaged, it is a model all the same
        (songs / "renamed" / "model" / name).unlink()
        assert read_corpus(songs).songs == before.songs
    # A zip of the model and the model's own folder: known by what stands in the card.
    zuoci.save_trained(end, tmp_path / "other")
    shutil.make_archive(str(songs / "given"), "zip", tmp_path / "other")
    assert read_corpus(songs).songs == before.songs
    with pytest.raises(
        CorpusError, match=r"holds no text: .*; left out 1 models and corpora that zuoci wrote \(README\.md\)"
    ):
        read_corpus(tmp_path / "other")
    # What only has such names is the user's.
    (songs / "mine").mkdir()
    (songs / "mine" / "config.json").write_text('{"format": "another"}', "utf-8")
    (songs / "mine" / "README.md").write_text("A song", "utf-8")
    assert "A song" in read_corpus(songs).text


@pytest.mark.skipif(os.name == "nt", reason="names are bytes only in Unix")
def test_names_that_are_not_utf8_become_readable_and_can_be_saved(tmp_path: Path) -> None:
    chinese = os.fsdecode("歌词".encode("gbk") + b".txt")
    french = os.fsdecode(b"caf\xe9.txt")
    for name in (chinese, french):
        (tmp_path / name).write_text("山前百人\n路上百歌\n", "utf-8")
    corpus = read_corpus(tmp_path)
    assert {song.source for song in corpus.songs} == {f"{tmp_path}/歌词.txt", f"{tmp_path}/caf\ufffd.txt"}
    fingerprint = zuoci.Fingerprint.of(corpus)
    assert zuoci.Fingerprint.from_bytes(fingerprint.to_bytes()).names == ["caf\ufffd.txt", "歌词.txt"]
    raw = zuoci.Corpus(tuple(zuoci.Song(name, "山前百人\n") for name in (chinese, "\ud800.txt")))
    assert zuoci.Fingerprint.from_bytes(zuoci.Fingerprint.of(raw).to_bytes()).names == ["歌词.txt", "\ufffd.txt"]
    assert read_corpus(tmp_path / chinese).songs[0].source == f"{tmp_path}/歌词.txt"


@given(st.text(st.characters(), max_size=10))
def test_a_readable_name_can_be_encoded_and_stays(name: str) -> None:
    shown = readable(name)
    shown.encode()
    assert readable(shown) == shown
