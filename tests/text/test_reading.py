"""Folders and archives with good and bad files in them: what is named, what is left out, what ends the reading."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

from zuoci import CorpusError, read_corpus
from zuoci.text.corpus import read_one
from zuoci.text.duplicates import near_duplicates
from zuoci.text.formats.archive_names import decode_names
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from pathlib import Path


def test_all_unreadable_files_of_a_folder_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("雨落下\n", "utf-8")
    (tmp_path / "b.txt").write_bytes(b"caf\xe9 \xff\xff\xfe")
    (tmp_path / "c.txt").write_bytes(b"%PDF-1.4")
    (tmp_path / "d.zip").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "e.txt").write_text(" \n", "utf-8")
    with pytest.raises(CorpusError) as error:
        read_corpus(tmp_path)
    message = str(error.value)
    assert "3 files that cannot be read" in message
    assert all(name in message for name in ("b.txt", "c.txt", "d.zip", "--skip-unreadable"))
    assert "\n" not in message
    corpus = read_corpus(tmp_path, ReadConfig(skip_unreadable=True))
    assert corpus.text == "雨落下\n"
    assert any("left out 3 files that cannot be read" in note for note in corpus.notes)
    assert any(f"left out 1 empty files ({tmp_path}/e.txt)" in note for note in corpus.notes)


def test_one_bad_member_of_an_archive_is_a_note(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.txt", "雨落下\n")
        archive.writestr("bad.txt", b"caf\xe9 \xff\xff\xfe")
        archive.writestr("torn.txt", "many words")
    data = (tmp_path / "a.zip").read_bytes().replace(b"many words", b"many w\x00rds")
    (tmp_path / "a.zip").write_bytes(data)
    corpus = read_corpus(tmp_path / "a.zip")
    assert corpus.text == "雨落下\n"
    (note,) = corpus.notes
    assert "left out 2 files that cannot be read" in note
    assert "bad.txt" in note
    assert "torn.txt is damaged" in note


def test_an_encrypted_member_is_a_note(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "雨落下\n")
        archive.writestr("secret.txt", "many words")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    corpus = read_corpus(tmp_path / "a.zip")
    assert corpus.text == "雨落下\n"
    assert "secret.txt is encrypted" in corpus.notes[0]


NAMES = {
    "utf-8": ["歌/雨夜.txt", "歌/一二三四.txt"],
    "gb18030": ["歌词/雨夜的车站.txt", "歌词/风.txt"],
    "big5": ["歌詞/時間的車站.txt", "歌詞/許願.txt"],
    "shift_jis": ["うた/夜のバス.txt", "うた/雨.txt"],
    "cp949": ["노래/밤버스.txt", "노래/비.txt"],
    "cp437": ["Beyoncé.txt", "Motörhead.txt"],
    "cp1252": ["Beyoncé.txt", "Sigur Rós.txt", "Motörhead.txt"],
}


@pytest.mark.parametrize("codec", NAMES)
def test_names_in_archives_are_read_in_the_encoding_that_fits(tmp_path: Path, codec: str) -> None:
    names = NAMES[codec]
    assert decode_names([name.encode(codec) for name in names]) == names
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, name in enumerate(names):
            archive.writestr("p" * (len(name.encode(codec)) - 5) + f"{number}.txt", f"雨落下{number}\n")
    data = (tmp_path / "a.zip").read_bytes()
    for number, name in enumerate(names):
        data = data.replace(b"p" * (len(name.encode(codec)) - 5) + b"%d.txt" % number, name.encode(codec))
    (tmp_path / "a.zip").write_bytes(data)
    corpus = read_corpus(tmp_path / "a.zip")
    assert sorted(song.source for song in corpus.songs) == sorted(f"{tmp_path}/a.zip/{name}" for name in names)


def test_a_flag_on_one_of_the_two_names_is_no_damage(tmp_path: Path) -> None:
    """Some programs say in one place only that a name is UTF-8."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("雨夜.txt", "雨落下\n")
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data = bytearray((tmp_path / "a.zip").read_bytes())
        at = data.index(mark) + offset
        struct.pack_into("<H", data, at, 0)
        (tmp_path / "b.zip").write_bytes(data)
        assert read_corpus(tmp_path / "b.zip").songs[0].source == f"{tmp_path}/b.zip/雨夜.txt"


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"a" * 2**25)
    with zipfile.ZipFile(tmp_path / "padded.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"a" * 2**25)
        archive.writestr("b.txt", os.urandom(2**20), zipfile.ZIP_STORED)
    for name in ("one.zip", "padded.zip"):
        tracemalloc.start()
        with pytest.raises(CorpusError, match=r"unpacks to 3[23] MiB, from .*; raise --max-unpacked-mb"):
            read_corpus(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**23
    assert len(read_corpus(tmp_path / "one.zip", ReadConfig(max_unpacked_mb=33)).text) == 2**25


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.txt", "a")
    with pytest.raises(CorpusError, match=r"holds 30 files: at most 20 are read; raise --max-members"):
        read_corpus(tmp_path / "a.zip", ReadConfig(max_members=20))
    assert len(read_corpus(tmp_path / "a.zip", ReadConfig(max_members=30))) == 30


def test_a_web_page_that_is_called_zip_says_so(tmp_path: Path) -> None:
    (tmp_path / "lyrics.txt.zip").write_text("<!DOCTYPE html>\n<html><body>not found</body></html>", "utf-8")
    with pytest.raises(CorpusError, match="is a web page and not a zip file"):
        read_one(tmp_path / "lyrics.txt.zip")


def test_versions_of_a_song_are_found(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("雨落下\n风吹来\n天亮了\n人走了\n", "utf-8")
    (tmp_path / "2.txt").write_text("雨 落下，\n风吹来！\n天亮了\n灯灭了\n", "utf-8")
    (tmp_path / "3.txt").write_text("车来了\n没有人\n上车\n雨落下\n", "utf-8")
    assert near_duplicates(read_corpus(tmp_path).songs) == [[0, 1]]
