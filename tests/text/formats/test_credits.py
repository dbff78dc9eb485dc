from __future__ import annotations

import pytest

from zuoci import load_lyrics
from zuoci.text.corpus import corpus_of
from zuoci.text.formats.credits import credit_kind
from zuoci.text.formats.plain import read_plain

SONG = "车站没有人\n灯还亮着\n我说：上车吧\n"
ROLES = (
    "作词", "词", "曲", "词曲", "作词/作曲", "填 词", "编曲 Arrangement", "編曲", "混音/母带", "录音师", "錄音室",
    "录音棚", "制作人 Producer",
    "吉他手", "人声录音", "和声编写", "配唱制作人", "音乐总监", "弦乐监制", "二胡", "统筹", "封面设计", "打擊樂",
    "製作公司", "合聲", "OP", "SP",
    "OP/SP", "A&R", "Written by",
    "Vocal", "Mixing Engineer", "Mastered by", "Executive Producer", "Lyrics by", "作詞", "ギター", "작사",
    "Музыка", "Paroles",
)  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("colon", ["：", ": ", " : "])
def test_a_credit_of_any_role_is_dropped_at_the_head_and_at_the_end(role: str, colon: str) -> None:
    credit = f"{role}{colon}陈某"
    for text in (f"夜车\n{credit}\n{SONG}", f"{SONG}{credit}\n"):
        corpus = corpus_of(text.encode(), "a.txt")
        assert credit not in corpus.text
        assert corpus.text.endswith(SONG)
        number = text.split("\n").index(credit) + 1
        assert [(each.line, each.why) for each in corpus.files[0].dropped] == [(number, "credit lines")]


SUNG = (
    "我说：别走", "她说：下雪了", "妈妈说：早点回家", "爱：是一种病", "时间：它不等人", "地点：你家门口的树下",
    "音乐：请你再大声一点", "副歌里唱：别走",
    "词：这一句是唱的", "录音：留住昨天的声音", "曲：终人散后谁还记得我", "鼓：咚咚咚", "歌：唱给谁听呢",
    "Love: it's all there is", "Music: the only thing I know", "Chorus: La la la", "I said: get on",
    "Remember: nobody waits", "Written by the moon",
    "Produced by the sea",
    "Mama said: come home", "One thing: stay", "Words: they never come to me", "未经你许可 我爱上了你",
    "陌生人：你好", "老师：同学们好",
)  # fmt: skip


@pytest.mark.parametrize("line", SUNG)
def test_a_sung_line_with_a_colon_stays_wherever_it_stands(line: str) -> None:
    for text in (
        f"{line}\n{SONG}",
        f"{SONG}{line}\n",
        f"夜车\n作词：陈某\n{line}\n{SONG}",
        f"{SONG}{line}\n混音：陈某\n",
    ):
        assert line in corpus_of(text.encode(), "a.txt").text.split("\n"), text
    timed = "".join(
        f"[00:{second:02}.00]{words}\n"
        for second, words in zip(range(0, 40, 8), [line, *SONG.split("\n")], strict=False)
    )
    assert line in corpus_of(timed.encode(), "a.lrc").text.split("\n")


def test_no_line_of_the_bundled_lyrics_is_taken_for_a_credit() -> None:
    for language in ("zh", "en"):
        corpus = load_lyrics(language, choruses="once")
        document = read_plain(corpus.text)
        assert {each.why for each in document.dropped} <= {"singer marks"}  # two English duets have `Both:`
        assert document.text.count("\n") == corpus.text.count("\n")


def test_labels_of_unknown_words_count_between_known_ones_only() -> None:
    between = "夜车\n作词：陈某\n国风部分：林某\n作曲：王某\n" + SONG
    assert "国风部分" not in corpus_of(between.encode(), "a.txt").text
    after = "夜车\n作词：陈某\n作曲：王某\n国风部分：林某\n" + SONG
    assert "国风部分" in corpus_of(after.encode(), "a.txt").text
    fast = "[00:00.00]作词：陈某\n[00:00.50]国风部分：林某\n[00:01.00]车站没有人\n[00:05.00]灯还亮着\n"
    assert corpus_of(fast.encode(), "a.lrc").text == "车站没有人\n灯还亮着\n"


def test_shapes_without_a_colon_and_several_on_a_line() -> None:
    for head in (
        "作词 陈某\n作曲 王某\n", "词：陈某 曲：王某\n", "词/陈某 曲/王某\n",
        "Lyrics by Jane Doe\nMusic by John Doe\n",
        "【作词】：陈某\n", "**作曲**：王某\n",
    ):  # fmt: skip
        assert corpus_of(f"夜车\n{head}\n{SONG}".encode(), "a.txt").text == f"夜车\n\n{SONG}", head


@pytest.mark.parametrize(
    "notice",
    [
        "（未经著作权人许可，不得翻唱、翻录或使用）", "未经许可，不得翻唱或使用",
        "某某享有本翻译作品的著作权", "【未經授權 請勿轉載】",
        "版权所有 翻录必究", "© 2020 Doe Records",
        "℗ 2019 某某文化", "Copyright 2001 by Jane Doe", "All rights reserved.", "本歌曲版权归某某所有，禁止使用",
        "歌词由某某提供", "ISRC CN-A01-20-00001",
    ],
)  # fmt: skip
def test_notices_of_owners_are_dropped(notice: str) -> None:
    assert corpus_of(f"{SONG}{notice}\n".encode(), "a.txt").text == SONG


def test_the_title_line_of_a_song_with_time_stamps() -> None:
    rest = "[00:15.00]车站没有人\n[00:19.00]灯还亮着\n"
    for head in (
        "[00:00.00]夜车 - 某人\n", "[ti:夜车]\n[ar:某人]\n[00:00.00]夜车 - 某人\n[00:00.50]词：陈某\n",
        "[00:00.00]夜车 (Live) - 某人/某某\n[00:01.00]曲：王某\n",
    ):  # fmt: skip
        assert corpus_of((head + rest).encode(), "a.lrc").text == "车站没有人\n灯还亮着\n"
    kept = "[00:00.00]走 - 还是不走\n[00:03.00]车站没有人\n"
    assert corpus_of(kept.encode(), "a.lrc").text == "走 - 还是不走\n车站没有人\n"


def test_each_song_of_a_collection_has_its_own_head() -> None:
    text = "夜车\n词：陈某 曲：王某\n\n车站没有人\n灯还亮着\n\n早班\n词：林某\n\n天亮了\n人走了\n"
    corpus = corpus_of(text.encode(), "a.txt")
    assert [(song.title, len(song.lines)) for song in corpus.songs] == [("夜车", 3), ("早班", 3)]


def test_a_hostile_line_is_judged_at_once() -> None:
    for text in ("：" * 100_000, "作词" * 100_000 + "：", "a " * 100_000 + "by x", "（" * 100_000):
        assert credit_kind(text) == ""
