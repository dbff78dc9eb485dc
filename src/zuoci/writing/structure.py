"""The sections of a song: `V C V C B C` and the form of each → `Section`s, and the marks above them.

`zuoci.writing.config` counts the lines of a wish with it, and `zuoci.writing.form` plans them. A wish without a
structure is one section without a mark.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate, cycle
from typing import TYPE_CHECKING, NamedTuple

from zuoci.writing.patterns import (
    SECTIONS,
    parse_lengths,
    parse_numbers,
    parse_scheme,
    parse_section_forms,
    parse_structure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.rhyme.scheme import Scheme

_RETURNING = frozenset("CH")  # chorus and hook: sung with the same words each time
DEFAULT_LINES = 4  # of a section, or of a text whose form does not say


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


@dataclass(frozen=True)
class Section:
    """A section of a song.

    Attributes:
        mark: what stands above it in brackets, as `Verse 2`; "" in a wish without a structure.
        lines: the number of its lines.
        pattern: their form.
        returns: the index of the section whose words are sung again; None: it has words of its own.
    """

    mark: str
    lines: int
    pattern: Pattern
    returns: int | None = None


def sections_of(
    structure: str, forms: Sequence[str], *, line_length: str, rhyme: str, stanza: str
) -> tuple[Section, ...]:
    """The sections that a wish asks for; the arguments are the fields of `WriteConfig`, `forms` is `section`."""
    common = Pattern.of(line_length, rhyme)
    sizes = tuple(filter(None, parse_numbers(stanza))) if stanza else ()
    if not structure:
        return (Section("", max(common.lines, sum(sizes)), common),)
    letters = parse_structure(structure)
    own = {name: Pattern.of(*form) for name, form in parse_section_forms(forms).items()}
    sung, seen = Counter(letters), Counter[str]()
    found: list[Section] = []
    for letter, size in zip(letters, cycle(sizes or (0,)), strict=False):
        seen[letter] += 1
        name, first = f"{letter}{seen[letter]}", letters.index(letter)
        if letter in _RETURNING and first < len(found) and name not in own:
            found.append(replace(found[first], returns=first))
            continue
        mine = own.get(name) or own.get(letter) or Pattern()
        pattern = Pattern(mine.lengths or common.lengths, mine.scheme or common.scheme)
        lines = mine.lines or size or pattern.lines or DEFAULT_LINES
        numbered = sung[letter] > 1 and letter not in _RETURNING
        found.append(Section(f"{SECTIONS[letter]} {seen[letter]}" if numbered else SECTIONS[letter], lines, pattern))
    return tuple(found)
