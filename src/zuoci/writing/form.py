"""The form of a text: how many lines, how long, how they begin, what must stand in them, which rhyme.

A line's length is counted in units: a Chinese character (any letter of a script without case) counts 1, a word of
other letters and digits counts 1; spaces and punctuation count nothing. An apostrophe or a hyphen within a word
does not end it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, cycle, islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from zuoci.errors import SettingsError
from zuoci.writing.rhyme.scheme import letters_for, parse_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.config import WriteConfig

Kind: TypeAlias = Literal["unit", "word", "joiner", "space", "other"]

LONGEST = 40  # units of a line whose length is free
MOST_LINES = 1000


@lru_cache(maxsize=65536)
def kind(char: str) -> Kind:
    """What a character is to the length of a line."""
    if char in "'’-":
        return "joiner"
    category = unicodedata.category(char)
    if category == "Lo" or char in "〇々":
        return "unit"
    if category[0] in "LMN":
        return "word"
    return "space" if char.isspace() else "other"


def syllables(line: str) -> int:
    """The length of a line."""
    count, in_word = 0, False
    for char in line:
        what = kind(char)
        count += what == "unit" or (what == "word" and not in_word)
        in_word = what == "word" or (what == "joiner" and in_word)
    return count


@dataclass(frozen=True)
class Line:
    """What a line has to be.

    Attributes:
        length: in units; 0: free.
        fixed: texts that must stand in it, each after so many units.
        rhyme: lines with the same one rhyme; None: free.
        rhymes: how many lines of the text have it.
        last: of its stanza, but not of the text.
    """

    length: int = 0
    fixed: tuple[tuple[int, str], ...] = ()
    rhyme: tuple[int, str] | None = None
    rhymes: int = 1
    last: bool = False


def parse_numbers(pattern: str) -> tuple[int, ...]:
    """Reads a pattern such as `7,5,7,5`.

    Raises:
        SettingsError: it is not made of whole numbers from 0.
    """
    parts = pattern.replace("，", ",").replace(" ", ",").split(",")
    parts = [part for part in parts if part]
    if not parts or not all(part.isascii() and part.isdigit() and int(part) <= MOST_LINES for part in parts):
        raise SettingsError(f"a pattern is made of whole numbers up to {MOST_LINES}, as 7,5,7,5: got {pattern!r}")
    return tuple(map(int, parts))


def parse_line_openings(pairs: Sequence[str]) -> dict[int, str]:
    """Reads pairs such as `3=我说`: a line, from 1, and how it begins.

    Raises:
        SettingsError: one is no such pair.
    """
    openings: dict[int, str] = {}
    for pair in pairs:
        line, _, text = pair.partition("=")
        number = int(line) if line.strip().isascii() and line.strip().isdigit() else 0
        if not (1 <= number <= MOST_LINES and text.strip()) or "\n" in text:
            raise SettingsError(f"how a line begins is written as 3=我说, the line and its first words: got {pair!r}")
        openings[number] = text.strip()
    return openings


def parse_words(words: Sequence[str]) -> tuple[str, ...]:
    """Reads words that must appear.

    Raises:
        SettingsError: one cannot stand within a line.
    """
    for word in words:
        if not word or word != word.strip() or "\n" in word:
            raise SettingsError(f"a word that must appear stands within a line, without blanks around it: got {word!r}")
    return tuple(words)


def form_of(song: str) -> dict[str, Any]:
    """The settings `lines`, `line_length` and `stanza` that describe an example.

    Raises:
        SettingsError: the example has no line.
    """
    stanzas = [[line for line in block.split("\n") if line.strip()] for block in _blocks(song)]
    lengths = [max(1, syllables(line)) for stanza in stanzas for line in stanza]
    if not lengths:
        raise SettingsError("the example has no line to take the form from")
    return {
        "lines": len(lengths),
        "line_length": ",".join(map(str, lengths)),
        "stanza": ",".join(str(len(stanza)) for stanza in stanzas),
    }


def line_places(rows: Sequence[str]) -> list[int]:
    """The places of those rows of a text that are lines: that are not empty."""
    return [place for place, row in enumerate(rows) if row.strip()]


def _blocks(text: str) -> list[str]:
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def line_count(config: WriteConfig) -> int:
    """The number of lines that a form comes to, whatever asks for them.

    It is `lines`, or else what the longest of acrostic, scheme, openings, pattern of lengths and stanzas asks for, and
    4 if none of them does. An acrostic or an opening beyond `lines` counts: `plan` refuses it.
    """
    acrostic = sum(not char.isspace() for char in config.acrostic)
    least = max(acrostic, max(parse_line_openings(config.line_opening), default=0))
    if config.lines:
        return max(config.lines, least)
    lengths = parse_numbers(config.line_length) if config.line_length else ()
    scheme = parse_scheme(config.rhyme) if config.rhyme else ()
    stanzas = parse_numbers(config.stanza) if config.stanza else ()
    return max(least, len(scheme), len(lengths) if len(lengths) > 1 else 0, sum(stanzas)) or 4


def syllable_count(config: WriteConfig) -> int:
    """The units that a form comes to, at most."""
    lengths = parse_numbers(config.line_length) if config.line_length else (0,)
    return sum(length or LONGEST for length in islice(cycle(lengths), line_count(config)))


def plan(config: WriteConfig, opening: str = "") -> list[Line]:
    """The lines of a text, `line_count` of them, `word`s not yet placed.

    Args:
        config: the form.
        opening: what the first line begins with.

    Raises:
        SettingsError: two wishes contradict each other.
    """
    acrostic = [char for char in config.acrostic if not char.isspace()]
    lengths = parse_numbers(config.line_length) if config.line_length else (0,)
    stanzas = [size for size in (parse_numbers(config.stanza) if config.stanza else ()) if size]
    openings = parse_line_openings(config.line_opening)
    scheme = parse_scheme(config.rhyme) if config.rhyme else None
    count = line_count(config)
    if config.lines and count > config.lines:
        raise SettingsError(f"acrostic or line_opening asks for {count} lines: got lines {config.lines}; raise lines")
    rhymes = letters_for(scheme, count) if scheme else [None] * count
    alike = Counter(rhymes)
    ends = set(accumulate(islice(cycle(stanzas), count)))
    lines: list[Line] = []
    for i in range(count):
        starts = [text for text in (acrostic[i] if i < len(acrostic) else "", openings.get(i + 1, "")) if text]
        starts += [opening] * (i == 0 and bool(opening))
        start = max(starts, key=len, default="")
        for text in starts:
            if not start.startswith(text):
                raise SettingsError(f"line {i + 1} cannot begin with both {text!r} and {start!r}; take one away")
        length = lengths[i % len(lengths)]
        if length and syllables(start) > length:
            raise SettingsError(
                f"line {i + 1} is {length} long, but begins with {start!r} ({syllables(start)}); raise line_length"
            )
        lines.append(
            Line(
                length=length,
                fixed=((0, start),) if start else (),
                rhyme=rhymes[i],
                rhymes=alike[rhymes[i]] if rhymes[i] else 1,
                last=i + 1 in ends and i + 1 < count,
            )
        )
    return lines
