"""The sections of a song: `V C V C B C` and the form of each → `Section`s, and the marks above them.

`zuoci.writing.config` counts the lines of a wish with it, and `zuoci.writing.form` plans them. A wish without a
structure is one section without a mark.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

from zuoci.writing.patterns import SECTIONS, Pattern, parse_numbers, parse_section_forms, parse_structure

if TYPE_CHECKING:
    from collections.abc import Sequence

_RETURNING = frozenset("CH")  # chorus and hook: sung with the same words each time
DEFAULT_LINES = 4  # of a section, or of a text whose form does not say


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
    own = parse_section_forms(forms)
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
