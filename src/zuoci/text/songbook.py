"""The format of the bundled lyrics: songs with marked sections, in which a chorus is written once.

`corpus.load_lyrics` reads the bundled files with it; docs/songbook.py lists what is in them.

    Title
    @ register | what the song is about, in one sentence
    [verse AABB]
    a line
    [chorus]
    another line
    [verse]
    …
    [chorus]

An empty line separates songs. A mark with no lines under it is a return: the section of that name is sung again, word
for word. A rhyme scheme after the name says which lines of the section rhyme: one letter for each line, the same letter
for lines that rhyme, X for a line that need not. The scheme is repeated to the end of the section.
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
        name: verse, pre-chorus, chorus, bridge, …, with a number where the song has two of a kind.
        lines: the lines of the section.
        scheme: the rhyme scheme, one letter for each line, repeated to the end; "" if the section has none.
        is_return: whether an earlier section is sung again, word for word.
    """

    name: str
    lines: tuple[str, ...]
    scheme: str = ""
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class SongbookSong:
    """A song of the songbook.

    Attributes:
        title: the title.
        register: the kind of song: love, rap, lullaby, …
        premise: what the song is about, in one sentence.
        sections: the parts of the song, in the order in which they are sung.
    """

    title: str
    register: str
    premise: str
    sections: tuple[Section, ...]

    def lines(self, *, returns: bool = True) -> list[str]:
        """The lines in the order in which they are sung, with or without the returns."""
        return [line for section in self.sections if returns or not section.is_return for line in section.lines]


def parse_songbook(text: str, name: str) -> list[SongbookSong]:
    """Reads a songbook.

    Args:
        text: the contents of the file.
        name: the name of the file, for errors.

    Raises:
        CorpusError: a song does not keep the format.
    """
    return [_parse_song(block.split("\n"), name) for block in text.strip("\n").split("\n\n")]


def _parse_song(lines: Sequence[str], name: str) -> SongbookSong:
    """Reads the lines of one song."""
    title, about, *rest = [*lines, ""][: max(len(lines), 2)]
    match = _ABOUT.fullmatch(about)
    if match is None:
        raise CorpusError(f"{name}: the second line of {title!r} must be '@ register | premise': got {about!r}")
    return SongbookSong(title, match["register"], match["premise"], tuple(_sections(title, rest, name)))


def _sections(title: str, lines: Sequence[str], name: str) -> Iterator[Section]:
    """Reads the sections of a song; a return gets the lines of the section that it repeats."""
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
