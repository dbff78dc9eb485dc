"""What was found in a file that was dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zuoci.text.cleaning import distinct

if TYPE_CHECKING:
    from zuoci.text.corpus import Corpus

MOST_EXAMPLES = 5
_LINE = re.compile(r"\S[^\n]*")  # that is not empty


@dataclass(frozen=True)
class Figures:
    """What was found in a file, so that nobody has to read it again to say what is in a corpus.

    A text that is alone is cut into songs where its lines are empty; among others it is one song.

    Attributes:
        texts: in the file.
        songs: if it is the only file.
        lines: that are not empty.
        characters: if it is the only file.
        characters_among: if there are others.
        distinct: characters, if it is the only file.
        distinct_among: these characters, if there are others.
        titles: of its first songs.
    """

    texts: int
    songs: int
    lines: int
    characters: int
    characters_among: int
    distinct: int
    distinct_among: str
    titles: tuple[str, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> Figures:
        """Those of the songs of one file."""
        texts = len({song.source for song in corpus.songs})
        alone = [song.text for song in corpus.songs]
        among = [*alone[:-1], f"{alone[-1].rstrip()}\n\n"] if texts == 1 else alone
        return cls(
            texts=texts,
            songs=len(corpus),
            lines=sum(1 for text in alone for _ in _LINE.finditer(text)),
            characters=sum(map(len, alone)),
            characters_among=sum(map(len, among)),
            distinct=len(_distinct(alone)),
            distinct_among="".join(_distinct(among)),
            titles=tuple(song.title[:100] for song in corpus.songs[:MOST_EXAMPLES]),
        )


@dataclass(frozen=True)
class Dropped:
    """A file.

    Attributes:
        number: its place among the files of its corpus.
        name: as its owner calls it.
        bytes: its size.
        encoding: of the texts in it.
        notes: what was changed or left out.
        error: why it cannot be used.
        size: bytes of its texts, unpacked.
        breaks: ends of lines in them.
        figures: of what is in it; None: it cannot be used.
    """

    number: int
    name: str
    bytes: int
    encoding: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    size: int = 0
    breaks: int = 0
    figures: Figures | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What the page shows."""
        return {name: getattr(self, name) for name in ("number", "name", "bytes", "encoding", "notes", "error")}


def _distinct(texts: list[str]) -> set[str]:
    return set[str]().union(*map(distinct, texts))
