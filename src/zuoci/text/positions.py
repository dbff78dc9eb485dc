"""Positions in the text of a corpus: the code point there, and the song and the line that it is in.

`vocabulary`, `fingerprint` and what looks for copies use them without the readers of files that `corpus` needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus


def code_points(text: str) -> NDArray[np.uint32]:
    """The Unicode code points of a text, uint32 `(len(text),)`."""
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)


class LineIndex:
    """Finds the song and the line of a position in the text of a corpus.

    Attributes:
        songs: the position of the first character of each song, ascending.
        lines: the positions that come after a newline, ascending.
    """

    def __init__(self, songs: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
        self.songs = songs
        self.lines = lines

    @classmethod
    def of(cls, corpus: Corpus) -> LineIndex:
        """The index of a corpus."""
        lengths = np.array([len(song.text) for song in corpus.songs], np.int64)
        return cls(lengths.cumsum() - lengths, np.flatnonzero(code_points(corpus.text) == ord("\n")) + 1)

    def find(self, position: int) -> tuple[int, int]:
        """The song that holds a position, counted from 0, and the line in that song, counted from 1.

        Empty lines count.
        """
        song = int(np.searchsorted(self.songs, position, "right")) - 1
        before, here = np.searchsorted(self.lines, [self.songs[song], position], "right").tolist()
        return song, here - before + 1
