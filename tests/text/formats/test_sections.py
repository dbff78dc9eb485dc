from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.text.corpus import Corpus, corpus_of
from zuoci.text.formats.sections import mark_of


def read(text: str) -> Corpus:
    return corpus_of(text.encode(), "a.txt")


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("[Verse 1]", "verse 1"), ("[Verse 1: Jane & John]", "verse 1"), ("**Chorus**", "chorus"),
        ("**[Verse 2]**", "verse 2"),
        ("(Chorus)", "chorus"), ("Chorus:", "chorus"), ("[PRE-CHORUS]", "pre-chorus"), ("【副歌】", "chorus"),
        ("副歌：", "chorus"),
        ("主歌1：", "verse 1"), ("[主歌二]", "verse 二"), ("(间奏)", "interlude"), ("### Bridge", "bridge"),
        ("--- Outro ---", "outro"),
        ("[Refrain]", "chorus"), ("[Couplet 2]", "verse 2"), ("[Estribillo]", "chorus"), ("[Припев]", "chorus"),
        ("サビ：", "chorus"),
        ("[후렴]", "chorus"), ("{Verse}", "verse"), ("[Middle 8]", "bridge"), ("第一段主歌：", "verse 一"),
    ],
)  # fmt: skip
def test_marks_of_many_sites_and_languages(mark: str, name: str) -> None:
    corpus = read(f"{mark}\n车站没有人\n灯还亮着\n")
    assert corpus.text == "车站没有人\n灯还亮着\n"
    assert [section.name for section in corpus.songs[0].sections] == [name]
    assert corpus.songs[0].sections[0].lines == ("车站没有人", "灯还亮着")


def test_sections_returns_and_repeats() -> None:
    text = "夜车\n\n[Verse 1]\n车站没有人\n\n[Chorus]\n上车吧 (x2)\n\n"
    text += "[Verse 2]\n灯还亮着\n\n[Chorus]\n\n[Instrumental]\n\n[Outro]\n走了\n"
    corpus = read(text)
    assert corpus.text == "夜车\n\n车站没有人\n\n上车吧\n\n灯还亮着\n\n走了\n"
    (song,) = corpus.songs
    assert [(section.name, section.lines, section.is_return) for section in song.sections] == [
        ("verse 1", ("车站没有人",), False),
        ("chorus", ("上车吧", "上车吧"), False),
        ("verse 2", ("灯还亮着",), False),
        ("chorus", ("上车吧", "上车吧"), True),
        ("outro", ("走了",), False),
    ]


@pytest.mark.parametrize(
    "mark", ["(x2)", "×2", " x2", "（×2）", "[x2]", " *2", "(2x)", "（重复两遍）", "(repeat)", "(bis)", "（2遍）"]
)
def test_a_repeat_mark_is_structure_and_no_text(mark: str) -> None:
    corpus = read(f"上车吧{mark}\n灯还亮着\n")
    assert corpus.text == "上车吧\n灯还亮着\n"
    assert corpus.songs[0].sections[0].lines == ("上车吧", "上车吧", "灯还亮着")


@pytest.mark.parametrize(
    "line",
    [
        "Bridge", "Chorus of birds", "The bridge (over the river)", "Verse by verse we go", "副歌唱不完",
        "(oh oh oh)", "[laughing in the dark at you]",
        "Sing [softly] to me", "Intro to nothing at all", "break", "我在第一段路上", "Rap it up", "2 x 2 is four",
        "- and so on -", "*", "** **",
    ],
)  # fmt: skip
def test_a_sung_line_is_no_mark(line: str) -> None:
    text = f"车站没有人\n{line}\n灯还亮着\n"
    assert read(text).text == text


def test_several_bare_names_are_marks_and_songs_are_told_apart() -> None:
    corpus = read("Verse 1\n车站没有人\n\nChorus\n上车吧\n\n早班\n\n[Verse 1]\n天亮了\n\n[Chorus]\n走了\n")
    assert [song.text.split("\n")[0] for song in corpus.songs] == ["车站没有人", "早班"]
    assert [[section.name for section in song.sections] for song in corpus.songs] == [["verse 1", "chorus"]] * 2


def test_bare_names_without_lines_are_words() -> None:
    assert read("verse\n\nchorus").text == "verse\n\nchorus"


def test_the_speakers_of_a_play_are_no_marks() -> None:
    play = "Chorus:\nTwo houses stand\n\nJULIA:\nWho is there?\n\nROLAND:\nNobody.\n\nJULIA:\nThen go.\n"
    assert read(play).text == play


def test_directions_go_where_a_song_has_marks() -> None:
    assert read("[Verse]\n车站没有人\n[轻轻地]\n灯还亮着\n[Guitar Solo]\n").text == "车站没有人\n灯还亮着\n"


def test_the_frame_of_a_site() -> None:
    text = (
        "12 ContributorsTranslationsEspañolNight Bus Lyrics[Verse 1: Jane]\nNobody waits\n\n[Chorus]\nGet on, get on\n"
        "See Jane LiveGet tickets as low as $50You might also like[Verse 2]\nThe lamps are lit\n\n"
        "[Outro]\nGood night37Embed\n"
    )
    corpus = read(text)
    assert corpus.text == "Nobody waits\n\nGet on, get on\nThe lamps are lit\n\nGood night\n"
    assert [section.name for section in corpus.songs[0].sections] == ["verse 1", "chorus", "verse 2", "outro"]
    for frame in (
        "--- Advertisement ---",
        "https://example.invalid/song",
        "更多歌词请访问 某站",
        "Submit Corrections",
        "(1409617829201)",
    ):
        assert read(f"Nobody waits\n{frame}\nThe lamps are lit\n").text == "Nobody waits\nThe lamps are lit\n", frame
    for sung in ("Share", "You might as well like it", "更多的雨", "Embed me in your heart", "I cancel everything"):
        assert (
            read(f"Nobody waits\n{sung}\nThe lamps are lit\n").text == f"Nobody waits\n{sung}\nThe lamps are lit\n"
        ), sung


def test_readings_and_music_signs_and_singers() -> None:
    assert (
        read("雨(yǔ)落(luò)下\n囁《ささや》いた\n漢字(かんじ)の歌\n走吧～♪\n").text
        == "雨落下\n囁いた\n漢字の歌\n走吧～\n"
    )
    assert (
        read("周：雨落下\n林：风吹来\n周：天亮了\n林：人走了\n合：再见\n").text
        == "雨落下\n风吹来\n天亮了\n人走了\n再见\n"
    )
    kept = "爱(love)你\n夜(一个人)\n他说：走\n他说：留\n书《夜》\n"
    assert read(kept).text == kept


@given(st.text(st.sampled_from("[](){}【】（）《》：:x2×*#-_ \n副歌verseChorusab♪词曲"), max_size=60))
def test_any_text_is_cleaned_to_lines_of_its_own(text: str) -> None:
    try:
        corpus = read(text)
    except Exception as error:
        assert type(error).__name__ == "CorpusError"  # noqa: PT017
        return
    given_characters = set(text)
    assert set(corpus.text) <= given_characters | {"\n"}
    assert len(corpus.text) <= len(text) + 2


def test_a_long_line_is_no_mark() -> None:
    for text in ("[" * 200_000, "(" + " " * 200_000, "*" * 200_000, "副歌" * 100_000):
        assert mark_of(text) is None
