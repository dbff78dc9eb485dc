"""Parsers of what a person writes in the text fields of a `WriteConfig`: patterns, schemes, pairs.

`zuoci.writing.config` checks its fields with them, and `zuoci.writing.form` reads them with them.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from zuoci.errors import Message, SettingsError
from zuoci.writing.rhyme.scheme import LETTERS, own_syllables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.rhyme.scheme import Scheme

MOST_LINES = 1000  # of a text
SECTIONS = {
    "V": "Verse", "P": "Pre-Chorus", "C": "Chorus", "H": "Hook", "B": "Bridge", "I": "Intro", "O": "Outro",
}  # fmt: skip


class Pattern(NamedTuple):
    """The form of some lines; it begins anew if there are more of them.

    Attributes:
        lengths: the parts of each line between its gaps, in syllables; empty: any.
        scheme: the rhyme scheme; empty: no rhymes.
    """

    lengths: tuple[tuple[int, ...], ...] = ()
    scheme: Scheme = ()

    @classmethod
    def of(cls, line_length: str, rhyme: str) -> Pattern:
        """Parses the two fields of a `WriteConfig`."""
        return cls(parse_lengths(line_length) if line_length else (), parse_scheme(rhyme) if rhyme else ())

    @property
    def lines(self) -> int:
        """The number of lines that the pattern describes; 0: any."""
        return max(len(self.scheme), len(self.lengths) if len(self.lengths) > 1 else 0)

    def parts(self, line: int) -> tuple[int, ...]:
        """The parts of a line between its gaps, in syllables; (0,): any."""
        return self.lengths[line % len(self.lengths)] if self.lengths else (0,)

    def length(self, line: int) -> int:
        """The length of a line, in syllables; 0: any."""
        return sum(self.parts(line))

    def gaps(self, line: int) -> tuple[int, ...]:
        """The numbers of syllables after which a line pauses."""
        return tuple(accumulate(self.parts(line)[:-1]))


def parse_numbers(pattern: str) -> tuple[int, ...]:
    """Parses a pattern of numbers such as `7,5,7,5`.

    Raises:
        SettingsError: the pattern does not consist of whole numbers from 0 to `MOST_LINES`.
    """
    parts = [part for part in re.split(r"[,，\s]+", pattern) if part]
    if not parts or not all(map(_is_number, parts)):
        told = "a pattern is made of whole numbers up to {most}, as 7,5,7,5: got {pattern!r}"
        raise SettingsError(Message("number_pattern", told, most=MOST_LINES, pattern=pattern))
    return tuple(map(int, parts))


def parse_lengths(pattern: str) -> tuple[tuple[int, ...], ...]:
    """Parses a pattern of line lengths such as `7,4+3` into the parts of each line, between which there are gaps.

    Raises:
        SettingsError: the pattern cannot be parsed.
    """
    lines = [line.split("+") for line in re.split(r"[,，\s]+", pattern) if line]
    valid = all(_is_number(part) and (int(part) or len(line) == 1) for line in lines for part in line)
    if not lines or not valid or any(sum(map(int, line)) > MOST_LINES for line in lines):
        told = (
            "a pattern is made of whole numbers up to {most}, as 7,5,7,5, or 4+3 for a line with a gap: got {pattern!r}"
        )
        raise SettingsError(Message("length_pattern", told, most=MOST_LINES, pattern=pattern))
    return tuple(tuple(map(int, line)) for line in lines)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= MOST_LINES


def parse_line_openings(pairs: Sequence[str]) -> dict[int, str]:
    """Parses pairs such as `3=我说` into line number (from 1) → what the line begins with.

    Raises:
        SettingsError: a pair cannot be parsed.
    """
    openings: dict[int, str] = {}
    for pair in pairs:
        line, _, text = pair.partition("=")
        line = line.strip()
        number = int(line) if line.isascii() and line.isdigit() else 0
        if not (1 <= number <= MOST_LINES and text.strip()) or "\n" in text:
            told = "a line opening is written as 3=我说, line number and first words: got {pair!r}"
            raise SettingsError(Message("opening_pattern", told, pair=pair))
        openings[number] = text.strip()
    return openings


def parse_words(words: Sequence[str]) -> tuple[str, ...]:
    """Checks words that must appear.

    Raises:
        SettingsError: a word is empty, has blanks around it, or holds a newline.
    """
    for word in words:
        if not word or word != word.strip() or "\n" in word:
            told = "a word that must appear stands within a line, without blanks around it: got {word!r}"
            raise SettingsError(Message("word_pattern", told, word=word))
    return tuple(words)


def parse_readings(pairs: Sequence[str]) -> dict[str, str]:
    """Parses pairs such as `长大=zhang3 da4` into phrase → pinyin.

    Raises:
        SettingsError: a pair cannot be parsed, or the pinyin does not fit the phrase.
    """
    readings: dict[str, str] = {}
    for pair in pairs:
        phrase, equals, reading = pair.partition("=")
        if not equals:
            raise SettingsError(
                Message("reading_pattern", "a reading is written as 长大=zhang3 da4: got {pair!r}", pair=pair)
            )
        readings[phrase.strip()] = reading.strip()
        own_syllables(phrase.strip(), reading.strip())
    return readings


def parse_scheme(text: str) -> Scheme:
    """Parses a rhyme scheme into a letter for each line, or None for a line without rhyme.

    Lines with equal letters rhyme; X and - mark lines without rhyme. Spaces, commas, newlines and | may separate
    stanzas and are ignored.

    Raises:
        SettingsError: the scheme is empty or holds another character.
    """
    plain = re.sub(r"[\s,|]", "", unicodedata.normalize("NFKC", text)).upper()
    for mark in plain:
        if mark not in LETTERS and mark not in "X-":
            told = (
                "a rhyme scheme is written in letters, equal ones for lines that rhyme and X for free lines, as AABB "
                "or XAXA; got {mark!r} in {scheme!r}"
            )
            raise SettingsError(Message("scheme_pattern", told, mark=mark, scheme=text))
    if not plain:
        told = "the rhyme scheme is empty; write a letter for each line, as AABB or XAXA"
        raise SettingsError(Message("empty_scheme", told))
    return tuple(None if mark in "X-" else mark for mark in plain)


def parse_structure(text: str) -> str:
    """Parses the structure of a song such as `V C V C B C` into its letters, those of `SECTIONS`.

    Raises:
        SettingsError: it holds another character, or no letter.
    """
    letters = re.sub(r"[\s,，|-]", "", unicodedata.normalize("NFKC", text)).upper()
    wrong = next((letter for letter in letters if letter not in SECTIONS), None)
    if wrong or not letters:
        known = ", ".join(f"{letter} {name.lower()}" for letter, name in SECTIONS.items())
        told = "a structure is made of {known}, as V C V C B C: got {wrong!r}"
        raise SettingsError(Message("structure_pattern", told, known=known, wrong=wrong or text))
    return letters


def parse_section_forms(pairs: Sequence[str]) -> dict[str, Pattern]:
    """Parses forms of sections such as `C=7,5 AA`, or `V2=7,7` for the second verse.

    Returns:
        Letter, with the number if one is given → the form of the lines.

    Raises:
        SettingsError: one cannot be parsed, or a section has two.
    """
    forms: dict[str, Pattern] = {}
    for pair in pairs:
        name, equals, form = unicodedata.normalize("NFKC", pair).partition("=")
        name = name.strip().upper()
        parts = form.split()
        if not re.fullmatch(rf"[{''.join(SECTIONS)}](?:[1-9]\d{{0,2}})?", name) or not equals or not parts:
            told = (
                "the form of a section is written as C=7,5,7,5 XAXA, or V2=… for the second verse, its letter "
                "({letters}), the lengths of its lines and its rhyme scheme: got {pair!r}"
            )
            raise SettingsError(Message("section_pattern", told, letters=" ".join(SECTIONS), pair=pair))
        if name in forms:
            raise SettingsError(Message("two_forms", "section {name} has two forms; give one", name=name))
        lengths = "".join(part for part in parts if part[0].isdigit())
        scheme = "".join(part for part in parts if not part[0].isdigit())
        forms[name] = Pattern.of(lengths, scheme)
    return forms
