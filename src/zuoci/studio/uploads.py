"""An uploaded file of a corpus, and what was found in it. `corpora` makes both when a file has arrived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zuoci.text.characters import distinct

if TYPE_CHECKING:
    from zuoci.text.corpus import Corpus

MAX_EXAMPLES = 5  # titles that are shown
_NONEMPTY_LINE = re.compile(r"\S[^\n]*")


@dataclass(frozen=True)
class FileStatistics:
    """What was found in a file, so that a corpus can be described without reading its files again.

    A text that is the only one of its corpus is split into songs at empty lines; among others it is one song. So some
    figures depend on whether the file is alone.

    Attributes:
        texts: texts in the file; a zip may hold several.
        songs: songs, if the file is alone.
        lines: lines that are not empty.
        characters: characters, if the file is alone.
        characters_among: characters, if there are other files.
        distinct: how many different characters there are, if the file is alone.
        distinct_among: the different characters themselves, if there are other files.
        titles: the titles of the first songs.
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
    def of(cls, corpus: Corpus) -> FileStatistics:
        """The statistics of a corpus that was read from one file."""
        texts = len({song.source for song in corpus.songs})
        alone = [song.text for song in corpus.songs]
        among = [*alone[:-1], f"{alone[-1].rstrip()}\n\n"] if texts == 1 else alone
        return cls(
            texts=texts,
            songs=len(corpus),
            lines=sum(1 for text in alone for _ in _NONEMPTY_LINE.finditer(text)),
            characters=sum(map(len, alone)),
            characters_among=sum(map(len, among)),
            distinct=len(_distinct(alone)),
            distinct_among="".join(_distinct(among)),
            titles=tuple(song.title[:100] for song in corpus.songs[:MAX_EXAMPLES]),
        )


@dataclass(frozen=True)
class UploadedFile:
    """An uploaded file.

    Attributes:
        number: its number in the corpus.
        name: its name on the user's machine.
        bytes: its size.
        encoding: the encodings of the texts in it.
        notes: what reading it changed or left out.
        error: why it cannot be used; None: it can.
        text_bytes: the bytes of its texts, unpacked.
        line_breaks: the line breaks in its texts.
        statistics: what was found in it; None: it cannot be used.
    """

    number: int
    name: str
    bytes: int
    encoding: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    text_bytes: int = 0
    line_breaks: int = 0
    statistics: FileStatistics | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What the page shows of the file, for JSON."""
        return {name: getattr(self, name) for name in ("number", "name", "bytes", "encoding", "notes", "error")}


def _distinct(texts: list[str]) -> set[str]:
    return set[str]().union(*map(distinct, texts))
