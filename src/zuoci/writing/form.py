"""The form of a text: a wish → a plan of its lines. Also: the length of a line.

`zuoci.writing.rules` parses the form of a `WriteConfig` once (`Form.of`); `zuoci.writing.text` and
`zuoci.writing.candidates` ask it for the plan of each line (`LinePlan`).

The length of a line is counted in syllables, where a Chinese character (any letter of a script without case) and a
word of other letters and digits count as 1 each. Spaces, punctuation and emoji do not count. An apostrophe or a hyphen
within a word does not end the word, and a mark on a letter (an accent, a vowel of Thai or Hindi) belongs to the letter.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, cycle, islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from zuoci.errors import Message, SettingsError
from zuoci.text.characters import extends, graphemes
from zuoci.writing.patterns import parse_line_openings, parse_numbers
from zuoci.writing.rhyme.scheme import repeat_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zuoci.writing.config import WriteConfig
    from zuoci.writing.patterns import Pattern
    from zuoci.writing.rhyme.scheme import Scheme
    from zuoci.writing.structure import Section

_KEYCAP = "\u20e3"  # makes an emoji of a digit

Kind: TypeAlias = Literal["syllable", "letter", "joiner", "mark", "space", "other"]


@lru_cache(maxsize=65536)
def kind(char: str) -> Kind:
    """The kind of a character, as far as the length of a line is concerned.

    Returns:
        `syllable`: counts as 1 by itself; `letter`: part of a word, which counts as 1; `joiner`: an apostrophe or a
        hyphen; `mark`: belongs to the character before it, whatever that is; `space`; `other`: punctuation and symbols.
    """
    if char in "'’-":
        return "joiner"
    if extends(char):
        return "mark"
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
        elif what == "letter" or (what in ("joiner", "mark") and in_word):
            found[-1] += char.lower()
        in_word = what == "letter" or (what in ("joiner", "mark") and in_word)
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
        repeats: the index of the line of the text whose words this one has; None: it has words of its own.
    """

    length: int = 0
    fixed: tuple[tuple[int, str], ...] = ()
    rhyme: tuple[int, str] | None = None
    rhyme_count: int = 1
    ends_stanza: bool = False
    gaps: tuple[int, ...] = ()
    repeats: int | None = None

    def fixed_in(self, line: str) -> list[tuple[int, int]]:
        """Start and end of each fixed text in a line that was written for this plan."""
        found: list[tuple[int, int]] = []
        end = 0
        for _, text in self.fixed:
            start = line.find(text, end)
            if start >= 0:
                end = start + len(text)
                found.append((start, end))
        return found

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
        sections: the sections, with the pattern of their lines; without a structure, one without a mark.
        stanzas: pattern of the lengths of stanzas, in lines; empty: a stanza for each section.
        acrostic: the first characters of the lines.
        openings: line number, from 1 → what the line begins with.
    """

    lines: int
    line_count: int
    sections: tuple[Section, ...]
    stanzas: tuple[int, ...]
    acrostic: str
    openings: Mapping[int, str]

    @classmethod
    def of(cls, config: WriteConfig) -> Form:
        """Parses the form of a wish."""
        sections = config.sections
        sizes = parse_numbers(config.stanza) if config.stanza and not config.structure else ()
        return cls(
            lines=sum(section.lines for section in sections) if config.structure else config.lines,
            line_count=config.line_count,
            sections=sections,
            stanzas=tuple(filter(None, sizes)),
            acrostic="".join(config.acrostic.split()),
            openings=parse_line_openings(config.line_opening),
        )

    @property
    def has_structure(self) -> bool:
        """Whether the sections have marks."""
        return bool(self.sections[0].mark)

    @property
    def scheme(self) -> Scheme:
        """The rhyme scheme of the first section; empty: no rhymes."""
        return self.sections[0].pattern.scheme

    @property
    def marks(self) -> list[tuple[int, str]]:
        """The index of the first line of each section, and its mark; none without a structure."""
        starts = accumulate((section.lines for section in self.sections), initial=0)
        return [(start, section.mark) for start, section in zip(starts, self.sections, strict=False) if section.mark]

    def plan(self, opening: str = "", *, count: int | None = None) -> list[LinePlan]:
        """The plan of all lines; the words of `WriteConfig.word` are not placed yet.

        Args:
            opening: what the first line begins with.
            count: plan this many lines, with the patterns repeated, rather than `line_count`. Without a structure.

        Raises:
            SettingsError: two wishes contradict each other.
        """
        if count is None and self.lines and self.line_count > self.lines:
            values = {"least": self.line_count, "lines": self.lines}
            if self.has_structure:
                told = "acrostic or line_opening asks for {least} lines: got structure for {lines}; lengthen it"
                raise SettingsError(Message("acrostic_structure", told, field="structure", **values))
            told = "acrostic or line_opening asks for {least} lines: got lines {lines}; raise lines"
            raise SettingsError(Message("acrostic_lines", told, field="lines", **values))
        plans = self._plan_sections() if self.has_structure else self._plan_stanzas(count or self.line_count)
        rhyme_counts = Counter(plan.rhyme for plan in plans)
        return [
            dataclasses.replace(
                plan,
                fixed=self._fixed(i, plan, opening if i == 0 else ""),
                rhyme_count=rhyme_counts[plan.rhyme] if plan.rhyme else 1,
                ends_stanza=plan.ends_stanza and i + 1 < len(plans),
            )
            for i, plan in enumerate(plans)
        ]

    def _plan_stanzas(self, count: int) -> list[LinePlan]:
        """Length, gaps, rhyme and stanza of the lines of a form without a structure."""
        stanza_ends = set(accumulate(islice(cycle(self.stanzas), count)))
        plans = _plan_pattern(self.sections[0].pattern, count)
        return [dataclasses.replace(plan, ends_stanza=i in stanza_ends) for i, plan in enumerate(plans, 1)]

    def _plan_sections(self) -> list[LinePlan]:
        """The same of the lines of a structure. A section that returns repeats the lines of the first of its kind."""
        plans: list[LinePlan] = []
        starts: list[int] = []
        for section in self.sections:
            starts.append(len(plans))
            if section.returns is None:
                lines = _plan_pattern(section.pattern, section.lines, first=len(plans))
            else:
                first = starts[section.returns]
                lines = [LinePlan(repeats=line) for line in range(first, first + section.lines)]
            plans += [*lines[:-1], dataclasses.replace(lines[-1], ends_stanza=True)]
        return plans

    def _fixed(self, i: int, plan: LinePlan, opening: str) -> tuple[tuple[int, str], ...]:
        """What a line begins with, as in `LinePlan.fixed`."""
        start = self.line_start(i, opening)
        if start and plan.repeats is not None:
            told = "line {line} repeats a chorus or hook, but begins with {start!r}; take it away"
            raise SettingsError(Message("fixed_repeat", told, field="line_opening", line=i + 1, start=start))
        if plan.length and count_syllables(start) > plan.length:
            told = "line {line} is {length} long, but begins with {start!r} ({syllables}); raise line_length"
            values = {"line": i + 1, "length": plan.length, "start": start, "syllables": count_syllables(start)}
            raise SettingsError(Message("short_line", told, field="line_length", **values))
        return ((0, start),) if start else ()

    def line_start(self, i: int, opening: str = "") -> str:
        """What line `i`, from 0, begins with by acrostic, line openings and `opening`; "" if it is free.

        Raises:
            SettingsError: they contradict each other.
        """
        starts = [text for text in (self.acrostic[i : i + 1], self.openings.get(i + 1, ""), opening) if text]
        start = max(starts, key=len, default="")
        for text in starts:
            if not start.startswith(text):
                told = "line {line} cannot begin with both {first!r} and {second!r}; take one away"
                raise SettingsError(
                    Message("two_openings", told, field="line_opening", line=i + 1, first=text, second=start)
                )
        return start


def _plan_pattern(pattern: Pattern, count: int, first: int = 0) -> list[LinePlan]:
    """Length, gaps and rhyme of some lines, the first of which is line `first` of its text."""
    rhymes = repeat_scheme(pattern.scheme, count, first) if pattern.scheme else [None] * count
    return [LinePlan(pattern.length(i), rhyme=rhyme, gaps=pattern.gaps(i)) for i, rhyme in enumerate(rhymes)]


def length_of(line: str) -> str:
    """The length of a line as `WriteConfig.line_length` has it, with its gaps."""
    parts = [part for part in line.split() if count_syllables(part)]
    if len(parts) > 1 and all(kind(char) != "letter" for part in parts for char in (part[0], part[-1])):
        return "+".join(str(count_syllables(part)) for part in parts)
    return str(max(1, count_syllables(line)))


def lines_with_starts(text: str) -> list[tuple[int, str]]:
    """The lines of a text that are not empty, each with the index of its first character in the text."""
    rows = text.split("\n")
    starts = accumulate((len(row) + 1 for row in rows), initial=0)
    return [(start, row) for start, row in zip(starts, rows, strict=False) if row.strip()]


def line_indices(rows: Sequence[str]) -> list[int]:
    """The indices of those rows of a text that are lines, because they are not empty."""
    return [i for i, row in enumerate(rows) if row.strip()]
