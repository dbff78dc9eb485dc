"""A song of sections: each with its own form, and a chorus that returns word for word."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.writing.test_form import rhyme, writer_of, written

from zuoci import SettingsError, WriteConfig
from zuoci.text.corpus import read_corpus
from zuoci.writing.candidates import next_lines, rewrite
from zuoci.writing.example import form_of
from zuoci.writing.form import Form, count_syllables
from zuoci.writing.text import mark_sections

if TYPE_CHECKING:
    from pathlib import Path


def song(**wish: Any) -> str:
    lyrics = written(writer_of("zh"), "", WriteConfig(**wish))
    return mark_sections(lyrics.text, lyrics.sections)


def sections(text: str) -> list[tuple[str, list[str]]]:
    """The marks of a text, each with the lines below it."""
    return [(first.strip("[]"), lines) for first, *lines in (block.split("\n") for block in text.split("\n\n"))]


def test_sections_have_marks_forms_and_rhymes_of_their_own_and_a_chorus_returns() -> None:
    found = sections(song(structure="V C V C B C", line_length="7", rhyme="AA", section=("c=5,5,5 AAX", "B=3,4 XX")))
    assert [mark for mark, _ in found] == ["Verse 1", "Chorus", "Verse 2", "Chorus", "Bridge", "Chorus"]
    verse, chorus, other, again, bridge, last = (lines for _, lines in found)
    assert chorus == again == last
    assert verse != other
    assert [[count_syllables(line) for line in lines] for lines in (verse, chorus, other)] == [
        [7, 7],
        [5, 5, 5],
        [7, 7],
    ]
    assert [count_syllables(line) for line in bridge] == [3, 4]
    for lines in (verse, chorus[:2], other):
        assert rhyme(lines, "shisanzhe")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    structure=st.text("VPCHBIO", min_size=1, max_size=6),
    stanza=st.sampled_from(["", "2", "3,1"]),
    length=st.sampled_from(["", "3", "2,4"]),
    forms=st.dictionaries(st.sampled_from("VCH"), st.sampled_from(["2", "3,2,3", "AA", "2,2 XX"]), max_size=2),
    seed=st.integers(0, 5),
)
def test_of_any_structure(structure: str, stanza: str, length: str, forms: dict[str, str], seed: int) -> None:
    config = WriteConfig(
        structure=" ".join(structure),
        stanza=stanza,
        line_length=length,
        section=tuple(f"{letter}={form}" for letter, form in forms.items()),
        seed=seed,
    )
    lyrics = written(writer_of("zh"), "", config)
    lines = [line for line in lyrics.text.split("\n") if line]
    assert len(lines) == config.line_count
    found = sections(mark_sections(lyrics.text, lyrics.sections))
    assert len(found) == len(structure)
    for letter in "CH":
        words = [lines for name, (_, lines) in zip(structure, found, strict=True) if name == letter]
        assert all(one == other for one, other in pairwise(words))
    for letter, (_, lines) in zip(structure, found, strict=True):
        if forms.get(letter) == "3,2,3":
            assert [count_syllables(line) for line in lines] == [3, 2, 3]
        if forms.get(letter) == "2,2 XX":
            assert [count_syllables(line) for line in lines] == [2, 2]


def test_marks_are_read_as_sections_again(tmp_path: Path) -> None:
    (tmp_path / "song.txt").write_text(song(structure="VCVC", stanza="2", line_length="4"))
    read = read_corpus(tmp_path / "song.txt").songs[0]
    assert [section.name for section in read.sections] == ["verse 1", "chorus", "verse 2", "chorus"]


EXAMPLE = """[Verse 1]
夜里的风 吹过去
我在门口

[Chorus]
走吧走吧
不回家

[Verse 2]
等你回来开灯

[Chorus]

[Chorus 2]
回来吧回来吧
我在这里
"""


def test_new_words_to_the_sections_of_an_example(tmp_path: Path) -> None:
    (tmp_path / "song.txt").write_text(EXAMPLE)
    wish = form_of(read_corpus(tmp_path / "song.txt").songs[0])
    assert wish == {
        "structure": "V C V C C",
        "section": ("V1=4+3,4", "C1=4,3 AA", "V2=6 X", "C3=6,4"),
    }
    forms = [(section.lines, section.pattern.lengths, section.returns) for section in WriteConfig(**wish).sections]
    assert forms == [
        (2, ((4, 3), (4,)), None),
        (2, ((4,), (3,)), None),
        (1, ((6,),), None),
        (2, ((4,), (3,)), 1),
        (2, ((6,), (4,)), None),
    ]


def test_words_and_openings_do_not_stand_in_lines_that_return() -> None:
    text = song(structure="C C V", stanza="1", line_length="4", word=("山", "路", "光"), line_opening=("3=天",))
    (_, chorus), (_, again), (_, verse) = sections(text)
    assert chorus == again
    assert verse[0].startswith("天")
    assert all(word in chorus[0] + verse[0] for word in "山路光")
    with pytest.raises(SettingsError, match="line 2 repeats a chorus or hook, but begins with '天'"):
        song(structure="CC", stanza="1", line_opening=("2=天",))


def test_an_opening_stands_before_the_first_section() -> None:
    lyrics = written(writer_of("zh"), "山前有路\n天", WriteConfig(structure="VC", stanza="1", line_length="3"))
    lead, mark, *_ = mark_sections(lyrics.text, lyrics.sections).split("\n")
    assert (lead, mark) == ("山前有路", "[Verse]")


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"structure": "V X"}, "a structure is made of V verse, .* got 'X'"),
        ({"structure": " "}, "a structure is made of"),
        ({"structure": "V", "lines": 4}, "structure determines the number of lines; leave out lines"),
        ({"section": ("C=5",)}, "section gives the form of a section of structure; give structure too"),
        ({"structure": "V", "section": ("5,5",)}, "the form of a section is written as C=7,5,7,5 XAXA.* got '5,5'"),
        ({"structure": "V", "section": ("V=",)}, "the form of a section is written"),
        ({"structure": "V", "section": ("V=5", "v=AA")}, "section V has two forms; give one"),
        ({"structure": "V", "section": ("V0=7",)}, "the form of a section is written"),
        ({"structure": "V", "section": ("V=A?",)}, "a rhyme scheme is written in letters"),
        ({"structure": "V", "section": ("V=0+4",)}, "a pattern is made of whole numbers"),
        ({"structure": "V" * 300}, "1000 lines at most: got 1200"),
    ],
)
def test_what_is_no_structure(wish: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WriteConfig(**wish)


def test_a_structure_has_its_own_number_of_lines() -> None:
    with pytest.raises(SettingsError, match="asks for 6 lines: got structure for 4; lengthen it"):
        Form.of(WriteConfig(structure="V", acrostic="山前有路人在")).plan()


def test_a_single_line_has_no_structure() -> None:
    writer, config = writer_of("zh"), WriteConfig(structure="VC")
    with pytest.raises(SettingsError, match="structure is that of a whole text"):
        next_lines(writer, "山前有路", config, 1)
    with pytest.raises(SettingsError, match="structure is that of a whole text"):
        rewrite(writer, "山前有路", 1, config, 1)
