from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zuoci import CorpusError, read_corpus
from zuoci.text.corpus import corpus_of
from zuoci.text.formats.lrc import read_lrc
from zuoci.text.formats.stamps import split_line
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from pathlib import Path


def sung(text: str, name: str = "a.lrc", **config: object) -> list[str]:
    return corpus_of(text.encode(), name, ReadConfig.model_validate(config)).text.splitlines()


def test_lines_are_sorted_and_repeated_as_they_are_sung() -> None:
    text = "[00:05.00]车站没有人\n[00:10.00][00:40.50]上车吧\n[00:30.00]灯还亮着\n[00:20:50]//\n[01:00.00]\n"
    assert sung(text) == ["车站没有人", "上车吧", "灯还亮着", "上车吧"]


@pytest.mark.parametrize(
    "stamp",
    [
        "[00:07.10]", "[00:07:10]", "[00:07]", "[0:07.1]", "[00:07.100]", "[00:07.1000]", "[00:07,10]",
        "[00:00:07.10]",
        "[-00:07.10]", "[00:07.10-1]", "[00:07.10-00:09.30]", "[ 00:07.10 ]", "[00:07.10 ]", "［00:07.10］",
        "【00:07.10】",
        "［００：０７．１０］", "(00:07.10)", "<00:07.10>", "[107:07.10]", "[7100,2000]",
    ],
)  # fmt: skip
def test_every_kind_of_stamp_is_dropped(stamp: str) -> None:
    assert sung(f"{stamp}雨落在站台\n{stamp} 雨停了\n") == ["雨落在站台", "雨停了"]
    assert sung(f"{stamp}雨落在站台\n", "song.txt") == ["雨落在站台"]


@pytest.mark.parametrize(
    "line",
    [
        "[00:01.00] <00:01.00> Rain <00:01.30> on <00:01.60> the <00:01.90> roof <00:02.50>",
        "[00:01.00]<00:01.00>Rain <00:01.30>on <00:01.60>the <00:01.90>roof",
        "[00:01.00]Rain [00:01.30]on [00:01.60]the [00:01.90]roof",
        "[00:01.00][00:01.00]Rain [00:01.30]on [00:01.60]the [00:01.90]roof[00:02.50]",
        "<00:01.00>Rain <00:01.30>on <00:01.60>the <00:01.90>roof",
        "[1000,1500](1000,300,0)Rain (1300,300,0)on (1600,300,0)the (1900,600,0)roof",
        "[1000,1500]Rain (1000,300)on (1300,300)the (1600,300)roof(1900,600)",
        "[1000,1500]<0,300,0>Rain <300,300,0>on <600,300,0>the <900,600,0>roof",
    ],
)
def test_stamps_before_words_leave_one_line_with_one_blank_between_words(line: str) -> None:
    assert sung(f"{line}\n{line.replace('00:01', '00:08').replace('[1000', '[8000')}\n") == ["Rain on the roof"] * 2


def test_a_stamp_repeats_a_line_only_at_its_beginning() -> None:
    assert sung("[00:01.00]雨[00:01.20]落[00:01.40]下\n") == ["雨落下"]
    assert sung("[00:01.00]雨落下[00:02.00]\n") == ["雨落下"]
    assert sung("[00:05.00][00:20.00]雨落下[00:06.00]\n") == ["雨落下", "雨落下"]


def test_tags_translations_and_singers_are_no_words() -> None:
    text = (
        "[ti:夜车]\n[ar:某人]\n[offset:+100]\n[by:me]\n[#:x]\n[length: 03:20]\n"
        "[00:10.00]one two three\n[00:10.00][tr:zh-Hans]一二三\n[00:10.00][tt]<0,0><600,3>\n"
        "[00:12.00]F: 她上了车\n[00:14.00]男：他下了车\n[00:16.00]v2: <00:16.00>stay <00:16.50>here\n"
        "[00:18.00][Chorus]\n"
        "[bg: <00:19.00>(ah)]\n[00:20.00]就在窗口\n"
    )
    corpus = corpus_of(text.encode(), "a.lrc")
    assert corpus.text.splitlines() == ["one two three", "她上了车", "他下了车", "stay here", "就在窗口"]
    assert corpus.songs[0].title == "夜车"
    assert [section.name for section in corpus.songs[0].sections] == ["", "chorus"]
    dropped = {(each.line, each.why) for each in corpus.files[0].dropped}
    assert {(1, "ID tags"), (8, "translations"), (10, "singer marks"), (13, "section marks")} <= dropped


def test_of_translations_the_first_language_is_kept_or_all() -> None:
    text = "[00:28.00]We missed the bus\n[00:28.00]我们误了车\n[00:31.00]So we walk\n[00:31.00]那就走吧\n"
    assert sung(text) == ["We missed the bus", "So we walk"]
    assert sung(text, translations="all") == ["We missed the bus", "我们误了车", "So we walk", "那就走吧"]
    blocks = "[00:28.00]バスは来ない\n[00:31.00]歩こう\n[00:28.00]没有车\n[00:31.00]走吧\n[00:28.00]basu wa konai\n"
    assert sung(blocks) == ["バスは来ない", "歩こう"]
    corpus = corpus_of(text.encode(), "a.lrc")
    assert "a.lrc: dropped 2 translations" in corpus.notes


def test_two_voices_in_one_language_are_no_translation() -> None:
    assert len(sung("[00:01.00]雨落下\n[00:05.00]风吹来\n[00:09.00]你说走\n[00:09.00]我说留\n[00:14.00]天亮了\n")) == 5


def test_credit_lines_in_json_are_dropped() -> None:
    text = '{"t":0,"c":[{"tx":"作词: "},{"tx":"某人","li":"x"}]}\n'
    text += '{"t":900,"c":[{"tx":"吉他: "},{"tx":"某某"}]}\n[00:12.00]雨落下\n'
    corpus = corpus_of(text.encode(), "a.lrc")
    assert corpus.text == "雨落下\n"
    assert [each.text for each in corpus.files[0].dropped] == ["作词: 某人", "吉他: 某某"]


@pytest.mark.parametrize(
    "text",
    [
        "[99:00.00]纯音乐，请欣赏\n", "[00:00.00]此歌曲为没有填词的纯音乐，请您欣赏\n", "[00:01.00]純音樂 請欣賞",
        "[00:00.00]暂无歌词", "[ti:x]\n[ar:y]\n",
    ],
)  # fmt: skip
def test_a_song_without_words_holds_no_lyrics(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorpusError, match="holds no lyrics"):
        corpus_of(text.encode(), "a.lrc")
    (tmp_path / "a.lrc").write_text(text, "utf-8")
    (tmp_path / "b.txt").write_text("雨落下\n", "utf-8")
    corpus = read_corpus(tmp_path)
    assert corpus.text == "雨落下\n"
    assert any("left out 1 files in which nothing is sung" in note for note in corpus.notes)


def test_files_one_after_another_are_several_songs() -> None:
    text = "[ti:一]\n[00:01.00]雨落下\n[00:05.00]风吹来\n\n[ti:二]\n[00:01.00]天亮了\n[00:05.00]人走了\n"
    corpus = corpus_of(text.encode(), "a.txt")
    assert [(song.title, song.lines) for song in corpus.songs] == [
        ("一", ["雨落下", "风吹来"]),
        ("二", ["天亮了", "人走了"]),
    ]


def test_a_block_of_lrc_within_plain_text_is_read_as_lrc() -> None:
    text = "雨落下\n风吹来\n一夜\n\n[00:01.00]天亮了\n[00:05.00]人走了\n\n车来了\n没有人\n上车\n还有谁\n"
    corpus = corpus_of(text.encode(), "a.txt")
    assert corpus.text == text.replace("[00:01.00]", "").replace("[00:05.00]", "")
    assert len(corpus.songs) == 3


def test_qrc_in_xml() -> None:
    text = '<?xml version="1.0"?>\n'
    text += '<QrcInfos><Lyric_1 LyricType="1" LyricContent="[ti:x]&#10;[1000,900]雨(1000,300)落(1300,300)&#10;"/>\n'
    assert sung(text, "a.qrc") == ["雨落"]


def test_time_stamps_repeat_a_line_within_bounds() -> None:
    """A few kilobytes of zip would become gigabytes of song."""
    many = "".join(f"[{second // 60}:{second % 60:02}]" for second in range(250)) + "歌词" * 900 + "\n"
    with pytest.raises(CorpusError, match=r"b\.lrc repeats its lines to more than [\d,]+ characters"):
        read_lrc(many * 100, ReadConfig(), "b.lrc")
    chorus = "".join(f"[{minute}:00]" for minute in range(100)) + "啦啦啦\n"
    assert sung(chorus) == ["啦啦啦"] * 100


def test_a_line_of_stamps_without_end_is_none_of_a_song() -> None:
    assert split_line("[00:01.00]" * 399 + "雨") == ([1.0], "雨")
    assert split_line("[00:01.00]" * 400 + "雨") is None
