from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci import CorpusError, load_lyrics
from zuoci.text.cleaning import decode, unify_line_ends

LYRICS = load_lyrics("zh").text


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@given(start=st.integers(0, 9_000), length=st.integers(40, 300))
def test_a_page_of_lyrics_is_read_in_any_usual_encoding(codec: str, start: int, length: int) -> None:
    text = LYRICS[start : start + length]
    assert decode(text.encode(codec), "x") == (text, codec)


TRADITIONAL = "請把這首歌唱給遠方的朋友聽\n車站裡還有一盞燈沒有關\n我們說過的話都寫在紙上\n風從門外吹進來翻了一頁\n"


def test_big5_and_gb18030_are_told_apart() -> None:
    assert decode(TRADITIONAL.encode("big5"), "x") == (TRADITIONAL, "big5")
    assert decode(TRADITIONAL.encode("gb18030"), "x") == (TRADITIONAL, "gb18030")


def test_latin_1_is_not_taken_for_chinese() -> None:
    with pytest.raises(CorpusError, match=r"poem\.txt cannot be read as UTF-8, GB18030 or Big5: it breaks at byte 3"):
        decode("café, été, naïve, forêt\n".encode("latin-1"), "poem.txt")


def test_a_broken_utf_16_file() -> None:
    with pytest.raises(CorpusError, match="cannot be read as utf-16"):
        decode(b"\xff\xfea", "x")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_text_or_a_clear_error(data: bytes) -> None:
    try:
        text, _ = decode(data, "x")
    except CorpusError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert isinstance(text, str)


def test_line_ends() -> None:
    assert unify_line_ends("a\nb") == ("a\nb", [])
    assert unify_line_ends("a\r\nb\rc\n")[0] == "a\nb\nc\n"
