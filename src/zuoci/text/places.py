"""Places of a corpus → the song and the line that they lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a text `(len(text),)`."""
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)


class Places:
    """Where the songs and the lines of a corpus begin.

    Attributes:
        songs: place of the first character of each song, ascending.
        lines: places that come after a newline, ascending.
    """

    def __init__(self, songs: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
        self.songs = songs
        self.lines = lines

    @classmethod
    def of(cls, corpus: Corpus) -> Places:
        """The places of a corpus."""
        lengths = np.array([len(song.text) for song in corpus.songs], np.int64)
        return cls(lengths.cumsum() - lengths, np.flatnonzero(code_points(corpus.text) == ord("\n")) + 1)

    def find(self, place: int) -> tuple[int, int]:
        """The song of a place, from 0, and the line within the song, from 1; empty lines count."""
        song = int(np.searchsorted(self.songs, place, "right")) - 1
        before, here = np.searchsorted(self.lines, [self.songs[song], place], "right").tolist()
        return song, here - before + 1
