"""The form of a text: a wish → a plan of its lines. Also: the length of a line, and the form of an example.

`zuoci.writing.rules` parses the form of a `WriteConfig` once (`Form.of`); `zuoci.writing.text` and
`zuoci.writing.candidates` ask it for the plan of each line (`LinePlan`).

The length of a line is counted in syllables, where a Chinese character (any letter of a script without case) and a
word of other letters and digits count as 1 each. Spaces, punctuation and emoji do not count. An apostrophe or a hyphen
within a word does not end the word, and a mark on a letter (an accent, a vowel of Thai or Hindi) belongs to the letter.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, cycle, islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from zuoci.errors import SettingsError
from zuoci.text.characters import extends, graphemes
from zuoci.writing.config import parse_lengths, parse_line_openings, parse_numbers, parse_scheme
from zuoci.writing.rhyme.scheme import Rhymes, repeat_scheme, scheme_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zuoci.writing.config import WriteConfig
    from zuoci.writing.rhyme.scheme import Scheme

_KEYCAP = "\u20e3"  # makes an emoji of a digit

Kind: TypeAlias = Literal["syllable", "letter", "joiner", "space", "other"]


@lru_cache(maxsize=65536)
def kind(char: str) -> Kind:
    """The kind of a character, as far as the length of a line is concerned.

    Returns:
        `syllable`: counts as 1 by itself; `letter`: part of a word, which counts as 1; `joiner`: an apostrophe, a
        hyphen, or a mark that belongs to the character before it; `space`; `other`: punctuation and symbols.
    """
    if char in "'’-" or extends(char):
        return "joiner"
    category = unicodedata.category(char)
    if category == "Lo" or char in "〇々":
        return "syllable"
    if category[0] in "LN":
        return "letter"
    return "space" if char.isspace() else "other"


def units(text: str) -> list[str]:
    """The syllables of a text, as defined at the top of this file; words in lower case."""
    found: list[str] = []
    in_word = False
    for char in text:
        what = kind(char)
        if what == "syllable" or (what == "letter" and not in_word):
            found.append(char.lower())
        elif what == "letter" or (what == "joiner" and in_word):
            found[-1] += char.lower()
        in_word = what == "letter" or (what == "joiner" and in_word)
    return found


def count_syllables(line: str) -> int:
    """The length of a line in syllables, as defined at the top of this file."""
    count, in_word = 0, False
    for grapheme in graphemes(unicodedata.normalize("NFC", line)):
        what = "other" if _KEYCAP in grapheme else kind(grapheme[0])
        count += what == "syllable" or (what == "letter" and not in_word)
        in_word = what == "letter" or (what == "joiner" and in_word)
    return count


@dataclass(frozen=True)
class LinePlan:
    """What one line has to be.

    Attributes:
        length: in syllables; 0: any.
        gaps: the numbers of syllables after which the line pauses: a space.
        fixed: pairs (number of syllables before, text) of texts that must stand in the line, in order.
        rhyme: equal for lines that rhyme with each other; None: the line need not rhyme.
        rhyme_count: number of lines of the text with this rhyme.
        ends_stanza: whether an empty line follows.
    """

    length: int = 0
    fixed: tuple[tuple[int, str], ...] = ()
    rhyme: tuple[int, str] | None = None
    rhyme_count: int = 1
    ends_stanza: bool = False
    gaps: tuple[int, ...] = ()

    @property
    def opening(self) -> str:
        """What the line begins with; "" if it is free."""
        return self.fixed[0][1] if self.fixed and self.fixed[0][0] == 0 else ""

    @property
    def fixed_syllables(self) -> int:
        """The length of all fixed texts together."""
        return sum(count_syllables(text) for _, text in self.fixed)


@dataclass(frozen=True)
class Form:
    """The form that a `WriteConfig` asks for, parsed.

    Attributes:
        lines: the number of lines that was asked for; 0: it follows from the other fields.
        line_count: the number of lines.
        lengths: pattern of the lengths of lines, in syllables; empty: any.
        gaps: the gaps of these lines, as in `LinePlan`.
        stanzas: pattern of the lengths of stanzas, in lines; empty: one stanza.
        acrostic: the first characters of the lines.
        openings: line number, from 1 → what the line begins with.
        scheme: the rhyme scheme; empty: no rhymes.
    """

    lines: int
    line_count: int
    lengths: tuple[int, ...]
    gaps: tuple[tuple[int, ...], ...]
    stanzas: tuple[int, ...]
    acrostic: str
    openings: Mapping[int, str]
    scheme: Scheme

    @classmethod
    def of(cls, config: WriteConfig) -> Form:
        """Parses the form of a wish."""
        lengths = parse_lengths(config.line_length) if config.line_length else ()
        return cls(
            lines=config.lines,
            line_count=config.line_count,
            lengths=tuple(map(sum, lengths)),
            gaps=tuple(tuple(accumulate(parts[:-1])) for parts in lengths),
            stanzas=tuple(filter(None, parse_numbers(config.stanza))) if config.stanza else (),
            acrostic="".join(config.acrostic.split()),
            openings=parse_line_openings(config.line_opening),
            scheme=parse_scheme(config.rhyme) if config.rhyme else (),
        )

    def plan(self, opening: str = "", *, count: int | None = None) -> list[LinePlan]:
        """The plan of all lines; the words of `WriteConfig.word` are not placed yet.

        Args:
            opening: what the first line begins with.
            count: plan this many lines, with the patterns repeated, rather than `line_count`.

        Raises:
            SettingsError: two wishes contradict each other.
        """
        if count is None and self.lines and self.line_count > self.lines:
            raise SettingsError(
                f"acrostic or line_opening asks for {self.line_count} lines: got lines {self.lines}; raise lines"
            )
        count = count or self.line_count
        rhymes = repeat_scheme(self.scheme, count) if self.scheme else [None] * count
        rhyme_counts = Counter(rhymes)
        stanza_ends = set(accumulate(islice(cycle(self.stanzas), count)))
        plans: list[LinePlan] = []
        for i in range(count):
            start = self.line_start(i, opening if i == 0 else "")
            length = self.lengths[i % len(self.lengths)] if self.lengths else 0
            if length and count_syllables(start) > length:
                raise SettingsError(
                    f"line {i + 1} is {length} long, but begins with {start!r} ({count_syllables(start)}); raise"
                    " line_length"
                )
            plans.append(
                LinePlan(
                    length=length,
                    fixed=((0, start),) if start else (),
                    rhyme=rhymes[i],
                    rhyme_count=rhyme_counts[rhymes[i]] if rhymes[i] else 1,
                    ends_stanza=i + 1 in stanza_ends and i + 1 < count,
                    gaps=self.gaps[i % len(self.gaps)] if self.gaps else (),
                )
            )
        return plans

    def line_start(self, i: int, opening: str = "") -> str:
        """What line `i`, from 0, begins with by acrostic, line openings and `opening`; "" if it is free.

        Raises:
            SettingsError: they contradict each other.
        """
        starts = [text for text in (self.acrostic[i : i + 1], self.openings.get(i + 1, ""), opening) if text]
        start = max(starts, key=len, default="")
        for text in starts:
            if not start.startswith(text):
                raise SettingsError(f"line {i + 1} cannot begin with both {text!r} and {start!r}; take one away")
        return start


def form_of(song: str, rhymes: Rhymes | None = None) -> dict[str, Any]:
    """The settings `lines`, `line_length`, `stanza` and `rhyme` that describe the form of an example.

    Args:
        song: the example. A space within a line of Chinese characters is a gap.
        rhymes: determines which lines rhyme; None: the default standard. `rhyme` is left out if no lines do.

    Raises:
        SettingsError: the example has no line.
    """
    stanzas = _stanzas(song)
    lines = [line for stanza in stanzas for line in stanza]
    if not lines:
        raise SettingsError("the example has no line to take the form from")
    form = {
        "lines": len(lines),
        "line_length": ",".join(map(length_of, lines)),
        "stanza": ",".join(str(len(stanza)) for stanza in stanzas),
    }
    scheme = scheme_of(lines, rhymes or Rhymes())
    return form if set(scheme) <= {"X"} else {**form, "rhyme": scheme}


def length_of(line: str) -> str:
    """The length of a line as `WriteConfig.line_length` has it, with its gaps."""
    parts = [part for part in line.split() if count_syllables(part)]
    if len(parts) > 1 and all(kind(char) != "letter" for part in parts for char in (part[0], part[-1])):
        return "+".join(str(count_syllables(part)) for part in parts)
    return str(max(1, count_syllables(line)))


def _stanzas(text: str) -> list[list[str]]:
    """The lines of a text, grouped at empty lines."""
    stanzas: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            stanzas[-1].append(line)
        elif stanzas[-1]:
            stanzas.append([])
    return [stanza for stanza in stanzas if stanza]


def lines_with_starts(text: str) -> list[tuple[int, str]]:
    """The lines of a text that are not empty, each with the index of its first character in the text."""
    rows = text.split("\n")
    starts = accumulate((len(row) + 1 for row in rows), initial=0)
    return [(start, row) for start, row in zip(starts, rows, strict=False) if row.strip()]


def line_indices(rows: Sequence[str]) -> list[int]:
    """The indices of those rows of a text that are lines, because they are not empty."""
    return [i for i, row in enumerate(rows) if row.strip()]
