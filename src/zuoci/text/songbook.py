"""The format of the bundled songbook: songs whose sections are marked, and choruses that are written once.

    Title
    @ register | what the song is about, in one sentence
    [verse AABB]
    a line
    [chorus]
    another line
    [verse]
    …
    [chorus]

Songs are parted by an empty line. A mark with nothing under it is a return: the section of that name again, word for
word. A rhyme scheme after a name says how the section's lines rhyme, one letter a line, X for a line that is free;
the scheme is repeated to the end of the section.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MARK = re.compile(r"\[(?P<name>[a-z-]+(?: [0-9])?)(?: (?P<scheme>[A-Z]+))?\]")
_ABOUT = re.compile(r"@ (?P<register>[^|]+?) \| (?P<premise>.+)")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a song.

    Attributes:
        name: verse, pre-chorus, chorus, bridge, …, with a number where there are two of a kind.
        lines: its lines.
        scheme: how they rhyme, one letter a line, repeated to the end; "" where nothing is promised.
        is_return: whether it was sung before, word for word.
    """

    name: str
    lines: tuple[str, ...]
    scheme: str = ""
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class SongbookSong:
    """A song of the songbook.

    Attributes:
        title: its title.
        register: what kind of song it is: love, rap, lullaby, …
        premise: what it is about, in one sentence.
        sections: its parts, in the order in which they are sung.
    """

    title: str
    register: str
    premise: str
    sections: tuple[Section, ...]

    def lines(self, *, returns: bool = True) -> list[str]:
        """All lines in the order in which they are sung, with or without the sections that return."""
        return [line for section in self.sections if returns or not section.is_return for line in section.lines]


def parse_songbook(text: str, name: str) -> list[SongbookSong]:
    """Reads a songbook.

    Args:
        text: of the file.
        name: of the file, for errors.

    Raises:
        CorpusError: a song does not keep the format.
    """
    return [_parse_song(block.split("\n"), name) for block in text.strip("\n").split("\n\n")]


def _parse_song(lines: Sequence[str], name: str) -> SongbookSong:
    title, about, *rest = [*lines, ""][: max(len(lines), 2)]
    match = _ABOUT.fullmatch(about)
    if match is None:
        raise CorpusError(f"{name}: the second line of {title!r} must be '@ register | premise': got {about!r}")
    return SongbookSong(title, match["register"], match["premise"], tuple(_sections(title, rest, name)))


def _sections(title: str, lines: Sequence[str], name: str) -> Iterator[Section]:
    marks = [k for k, line in enumerate(lines) if line.startswith("[")]
    if not marks or marks[0]:
        raise CorpusError(f"{name}: {title!r} must begin with a mark such as [verse]")
    sung: dict[str, Section] = {}
    for begin, end in zip(marks, [*marks[1:], len(lines)], strict=True):
        match = _MARK.fullmatch(lines[begin])
        if match is None:
            raise CorpusError(f"{name}: {title!r} has the odd mark {lines[begin]!r}; write [name] or [name SCHEME]")
        section = Section(match["name"], tuple(lines[begin + 1 : end]), match["scheme"] or "")
        if section.lines:
            sung[section.name] = section
        elif section.name in sung:
            section = Section(section.name, sung[section.name].lines, sung[section.name].scheme, is_return=True)
        else:
            raise CorpusError(f"{name}: {title!r} returns to [{section.name}] before it was written")
        yield section
