from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci import CorpusError, load_lyrics, read_corpus
from zuoci.text.formats.plain import blocks

if TYPE_CHECKING:
    from pathlib import Path


def test_a_plain_text_stands_character_for_character(tmp_path: Path) -> None:
    text = "  First\nline\n\n\nSecond\n\t\nThird, without an end"
    (tmp_path / "a.txt").write_text(text, "utf-8")
    corpus = read_corpus(tmp_path / "a.txt")
    assert corpus.text == text
    assert [song.title for song in corpus.songs] == ["First", "Second", "Third, without an end"]
    assert corpus.songs[0].lines == ["  First", "line"]
    assert corpus.notes == ()


@given(st.text(alphabet="ab \n\t", max_size=40))
def test_blocks_joined_are_the_text_again(text: str) -> None:
    songs = list(blocks(text))
    assert "".join(songs) == text
    if len(songs) > 1:
        assert all(song.strip() for song in songs)


def test_windows_line_ends_become_newlines_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("一\r\n二\r三".encode())
    corpus = read_corpus(tmp_path / "a.txt")
    assert corpus.text == "一\n二\n三"
    assert "turned carriage returns into newlines" in corpus.notes[0]


def test_a_folder_is_read_recursively_in_order_one_song_a_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("hidden", "utf-8")
    (tmp_path / "b" / "2.txt").write_text("words\n\nmore words", "utf-8")
    (tmp_path / "1.TXT").write_text("一个人走在街上", "gb18030")
    (tmp_path / "3.lrc").write_text("[ti:x]\n[00:01.00]sung", "utf-8")
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "empty.txt").write_text("\n", "utf-8")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("in/zip.txt", "packed")
    corpus = read_corpus(tmp_path)
    assert [song.source.removeprefix(str(tmp_path)) for song in corpus.songs] == [
        "/1.TXT", "/3.lrc", "/more.zip/in/zip.txt", "/b/2.txt",
    ]  # fmt: skip
    assert corpus.text == "一个人走在街上\n\nsung\n\npacked\n\nwords\n\nmore words\n\n"
    assert any("left out 1 files that are not text (cover.jpg)" in note for note in corpus.notes)
    assert any("gb18030" in note for note in corpus.notes)


def test_several_sources_are_parted_by_an_empty_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo", "utf-8")
    (tmp_path / "b.txt").write_text("three", "utf-8")
    corpus = read_corpus([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert corpus.text == "one\n\ntwo\n\nthree"
    assert len(corpus) == 3


def test_a_zip_from_chinese_windows_keeps_its_names(tmp_path: Path) -> None:
    name = "一二三四五.txt"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("p" * 10 + ".txt", "歌词")
    data = (tmp_path / "a.zip").read_bytes().replace(b"p" * 10 + b".txt", name.encode("gbk"))
    (tmp_path / "b.zip").write_bytes(data)
    assert read_corpus(tmp_path / "b.zip").songs[0].source == f"{tmp_path}/b.zip/{name}"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.txt", b"", "holds no text"),
        ("blank.txt", b" \n\n", "holds no text"),
        ("binary.txt", b"ab\x00cd", "not a text file: it has a zero byte at position 2"),
        ("bytes.txt", b"caf\xe9 \xff\xff\xfe", "is not UTF-8 from byte 3 on, and its encoding is in doubt"),
        ("broken.zip", b"PK\x03\x04 no zip", "damaged zip file"),
    ],
)
def test_bad_files_are_named_with_what_is_wrong(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=message) as error:
        read_corpus(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_member_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "many words " * 100)
    data = bytearray(path.read_bytes())
    data[40:50] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=r"a\.txt is damaged"):
        read_corpus(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere\.txt does not exist"):
        read_corpus(tmp_path / "nowhere.txt")
    with pytest.raises(CorpusError, match="holds no text"):
        read_corpus(tmp_path)
    with pytest.raises(CorpusError, match="no source"):
        read_corpus([])
    with pytest.raises(CorpusError, match="there are 'zh' and 'en'"):
        load_lyrics("fr")  # pyright: ignore[reportArgumentType]


def test_the_bundled_chinese_lyrics() -> None:
    corpus = load_lyrics("zh")
    assert len(corpus) >= 600
    assert len(corpus.text) > len(load_lyrics("zh", choruses="once").text) >= 250_000
    first = corpus.text.replace("\n", " ")[:10_000]
    assert 1_000 <= len(set(first)) <= 1_200
    assert "不分开" in first
    assert first.count("分开") > first.count("不分开")


def test_the_bundled_english_lyrics() -> None:
    corpus = load_lyrics("en")
    assert len(corpus) >= 200
    assert len(corpus.text) > len(load_lyrics("en", choruses="once").text) >= 150_000
    assert corpus.text.isascii()
