"""What a reader of a format returns: the songs of a file, and everything that was dropped from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zuoci.text.songbook import Section


class NoLyricsError(CorpusError):
    """A file is well formed and holds no lyrics: a JSON file with other fields, a table without a text column."""


LONGEST_LINE = 400  # characters; a longer one is no line of a song, and nothing is taken out of it


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a song while it is being read.

    Attributes:
        number: its number in the file, from 1.
        text: what stands in it.
        time: when it is sung, in seconds; None in formats without times.
        times: how often it is sung in a row.
    """

    number: int
    text: str
    time: float | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line, or a part of one, that is not trained on.

    Attributes:
        line: the number of the line in its file, from 1.
        text: what was dropped.
        why: the kind of thing that it is, in the plural: `credit lines`, `section marks`, …
    """

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class ParsedSong:
    """A song of a file.

    Attributes:
        text: its lines as they are trained on; in plain text, with the empty lines after it.
        title: the title that the file names outside the lines; "": none.
        sections: the sections that are marked, in the order in which they are sung.
    """

    text: str
    title: str = ""
    sections: tuple[Section, ...] = ()


@dataclass
class Document:
    """A file that was read.

    Attributes:
        format: the name of the format.
        songs: the songs.
        dropped: what is not trained on.
        notes: what else was done, in words.
        separate: whether the format says where songs begin; if not, the songs are blocks between empty lines, and in a
            source of several files each file is one song.
    """

    format: str
    songs: list[ParsedSong] = field(default_factory=list[ParsedSong])
    dropped: list[Dropped] = field(default_factory=list[Dropped])
    notes: list[Message] = field(default_factory=list[Message])
    separate: bool = False

    @property
    def text(self) -> str:
        """The texts of the songs, one after another."""
        return "".join(song.text for song in self.songs)


def located(dropped: Iterable[Dropped], text: str) -> list[Dropped]:
    """What was dropped from values within a file, with the lines of the file where it stands."""
    found: list[Dropped] = []
    at = 0
    for each in dropped:
        place = text.find(each.text.split("\n")[0].replace('"', '\\"') or "\n", at)
        at = place if place >= 0 else at
        found.append(Dropped(text.count("\n", 0, at) + 1, each.text, each.why))
    return found


def numbered(text: str) -> list[Line]:
    """The lines of a text. Only newlines part them."""
    return [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
