"""Sources that are read in parts hold the songs that they hold when they are read as a whole."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zuoci import CorpusError, read_corpus
from zuoci.text import streaming
from zuoci.text.read_config import ReadConfig
from zuoci.text.streaming import SongStream

SONG = "海上升明月\n天涯共此時\n情人怨遙夜\n竟夕起相思\n\n"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PART", 256)


def both(*sources: Path, **settings: object) -> tuple[list[str], list[str]]:
    """The texts of the songs, read in parts and as a whole."""
    config = ReadConfig.model_validate(settings)
    stream = SongStream(sources, config)
    return [song.text for song in stream], [song.text for song in read_corpus(sources, config).songs]


@settings(max_examples=20)  # each starts processes
@given(st.lists(st.text("ab 春\n", max_size=60), min_size=1, max_size=40), st.integers(16, 200))
def test_plain_text_in_parts_is_the_same_text(pieces: list[str], part: int) -> None:
    text = "春" + "\n\n".join(pieces)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "PART", part)
        file = Path(folder, "a.txt")
        file.write_text(text, "utf-8", newline="")
        found, whole = both(file)
    assert "".join(found) == "".join(whole)
    assert len(found) >= len(whole)  # a part that ends within a song makes two of it


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_large_files_in_every_encoding(tmp_path: Path, encoding: str, end: str) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"第{'一' * 9}\n\n" + SONG * 30, encoding, newline=end)
    found, whole = both(file)
    assert found == whole
    assert len(found) == 31


def test_a_file_that_begins_in_ascii(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"la la la\nla la\n\n" * 30 + (SONG * 30).encode("gb18030"))
    found, whole = both(file)
    assert found == whole


def test_several_sources_with_large_and_small_files(tmp_path: Path) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n", "utf-8")
    (folder / "b.txt").write_text("three\n\nfour\n", "utf-8")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("five.txt", "five\n")
    lines = [{"title": str(number), "lyrics": f"line {number}\nand another"} for number in range(20)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (tmp_path / "e.json").write_text(json.dumps(lines, indent=1), "utf-8")
    (tmp_path / "f.txt").write_text(SONG * 20 + "最後一句", "utf-8")
    sources = [folder, *(tmp_path / name for name in ("c.zip", "d.jsonl", "e.json", "f.txt"))]
    found, whole = both(*sources)
    assert "".join(found) == "".join(whole)
    assert len(found) == len(whole) == 2 + 1 + 20 + 20 + 21


def test_a_large_file_beside_others_is_many_songs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n", "utf-8")
    (tmp_path / "b.txt").write_text(SONG * 20, "utf-8")
    assert [song.text for song in SongStream([tmp_path], ReadConfig())] == ["one\n\ntwo\n\n", *[SONG] * 20]


def test_notes_are_those_of_the_whole_and_count_files(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(("[Verse 1]\n春眠不覺曉\n處處聞啼鳥\n\n" + SONG * 5) * 6, "big5", newline="\r\n")
    stream = SongStream([file], ReadConfig())
    list(stream)
    assert list(stream.notes) == list(read_corpus(file).notes)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b"\xff\xff\n\n", r"a\.txt, from byte [\d,]+ on, cannot be read as utf-8: it breaks at byte"),
        ("海上生明月\n\n".encode("gb18030") * 9, r"from byte [\d,]+ on, cannot be read as utf-8"),
        (b"zero \0 byte\n\n", r"from byte [\d,]+ on, is not a text file"),
    ],
)
def test_what_breaks_after_the_first_part_is_one_line(tmp_path: Path, rest: bytes, message: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(SONG.encode() * 9 + rest)
    with pytest.raises(CorpusError, match=message):
        list(SongStream([file], ReadConfig()))


def test_utf_8_after_another_encoding_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes((SONG * 9).encode("gb18030") + (SONG * 9).encode())
    with pytest.raises(
        CorpusError, match=r"from byte \d+ on, cannot be read as gb18030|is utf-8, and what stands before is"
    ):
        list(SongStream([file], ReadConfig()))


def test_a_text_without_line_ends_is_cut_between_characters(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("春夏秋冬" * 4000, "utf-8")
    found, whole = both(file)
    assert "".join(found) == whole[0]
    assert len(found) > 1


def test_a_part_that_cannot_be_read_ends_the_reading(tmp_path: Path) -> None:
    """The error comes from another process."""
    lines = [json.dumps({"lyrics": f"line {number}\nand another"}) + "\n" for number in range(30)]
    (tmp_path / "a.jsonl").write_text("".join([*lines, '{"lyrics": ' + "[" * 100_000 + "\n", *lines]), "utf-8")
    with pytest.raises(CorpusError, match="nests lists and objects too deeply"):
        list(SongStream([tmp_path / "a.jsonl"], ReadConfig()))


def test_a_worker_that_ends_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text(SONG * 30, "utf-8")
    monkeypatch.setattr("sys.executable", shutil.which("true"))
    with pytest.raises(CorpusError, match=r"a\.txt was not read to its end: a process that read it ended"):
        list(SongStream([file], ReadConfig()))


def test_no_worker_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the reading ends."""
    started: list[subprocess.Popen[bytes]] = []
    popen: Any = subprocess.Popen

    def start(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*words, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    file = tmp_path / "a.txt"
    file.write_text(SONG * 60, "utf-8")
    songs = iter(SongStream([file], ReadConfig()))
    for _ in range(20):
        next(songs)
    assert started
    del songs
    gc.collect()
    assert all(worker.returncode is not None for worker in started)
