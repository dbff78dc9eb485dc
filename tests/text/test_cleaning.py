from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from zuoci import CorpusError, read_corpus
from zuoci.text.cleaning import clean_lrc, unify_line_ends

if TYPE_CHECKING:
    from pathlib import Path


def test_line_ends() -> None:
    assert unify_line_ends("a\nb") == ("a\nb", [])
    assert unify_line_ends("a\r\nb\rc\n")[0] == "a\nb\nc\n"


LRC = """[ti:晚班车]
[ar:无名]
[offset:+100]
[00:00.00]作词：某人
[00:01.00]作曲 : 某人
[00:05.00]车站没有人
[00:30.00]<00:30.10>灯<00:30.40>还亮着
[00:10.00][00:40.50]上车吧
[00:20:50]//
[01:00.00]
"""


def test_an_lrc_file_becomes_the_lines_as_they_are_sung() -> None:
    text, notes = clean_lrc(LRC)
    assert text == "车站没有人\n上车吧\n灯还亮着\n上车吧\n"
    assert notes == ["dropped the time stamps", "dropped 3 ID tags", "dropped 2 credit lines"]


def test_credits_are_dropped_near_the_head_only() -> None:
    sung = [f"[00:{i:02d}.00]第{i}句" for i in range(20)]
    text, notes = clean_lrc("\n".join(["[00:00.00]编曲：甲", *sung, "[00:59.00]词：这一句是唱的"]))
    assert "编曲" not in text
    assert text.endswith("词：这一句是唱的\n")
    assert "dropped 1 credit lines" in notes


def test_time_stamps_repeat_a_line_within_bounds(tmp_path: Path) -> None:
    """A few kilobytes of zip would become gigabytes of song."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.lrc", ("[0:01]" * 5000 + "歌词" * 5000 + "\n") * 2)
    with pytest.raises(CorpusError, match=r"b\.lrc repeats its lines to more than 320,0\d\d characters, from 80,0\d\d"):
        read_corpus(file)
    chorus = "".join(f"[{minute}:00]" for minute in range(100)) + "啦啦啦\n"
    assert clean_lrc(chorus)[0] == "啦啦啦\n" * 100
