"""A corpus → hashes of its windows of 8 characters, by which copied text is recognised without the lyrics.

Training saves a fingerprint with a model; `writing/originality.py` looks up copies in it and bans them.

For the window c₁ … c₈ that starts at each position of the corpus, 64 bits are kept, in the order of the positions:

    h(c₁ … c₇), upper 40 bits | c₈ ⊕ lower 21 bits of h | 2 bits unused | whether c₁ comes after a newline

where h = mix(Σ mₖ mix(cₖ)) mod 2⁶⁴, mₖ are fixed odd numbers and mix is the finalizer of SplitMix64 (Steele, Lea and
Flood, 2014). Beside them, the positions where songs begin and the names of their files are kept. That makes 8 bytes for
each character and 8 for each song.

A window that is not in a corpus of n characters is taken for one of its windows with a probability of n/2⁶¹: 10⁻¹² for
two million characters. The hash is not made to resist somebody who searches for collisions.

What a fingerprint gives away: it holds no text and cannot be decoded. But whoever knows seven characters in a row can
find the eighth, and so on to the end of the text, and whoever guesses seven characters can check the guess, millions
of times a second. So it keeps lyrics from being read, not from being recognised. It does not protect a secret.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from zuoci.errors import ModelFolderError
from zuoci.text.folder import FINGERPRINT as FILE
from zuoci.text.folder import read_files, safetensors_metadata
from zuoci.text.positions import LineIndex, code_points
from zuoci.text.sources import readable
from zuoci.text.suffixes import SuffixArray

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from zuoci.text.corpus import Corpus

    Hashes = NDArray[np.uint64]

WINDOW = 8
NO_CHARACTER = 0x1FFFFF  # larger than every code point, and all 21 bits are set: also the mask of a code point
_FORMAT, _VERSION = "zuoci-fingerprint", 1
_KEY, _FLAGS = np.uint64(24), np.uint64(3)  # bits below the hash of seven characters, and below the eighth
_PIECE = 1 << 20  # characters that are hashed in one call


def mix(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64: a bijection on 64 bits in which every output bit depends on every input bit."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def mix_points(points: NDArray[Any]) -> Hashes:
    """Hashes code points to 64 bits each."""
    return mix(points.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))


_MULTIPLIERS = mix_points(np.arange(NO_CHARACTER + 1, NO_CHARACTER + WINDOW)) | np.uint64(1)


def hash_sevens(values: Hashes) -> Hashes:
    """Hashes every seven successive characters, given as `mix_points` returns them: `(R, n)` → h `(R, n − 6)`."""
    values = np.ascontiguousarray(values)
    rows, columns = values.shape
    shape = rows, columns - WINDOW + 2, WINDOW - 1
    sevens: Hashes = np.ndarray(shape, np.uint64, values, strides=(*values.strides, values.itemsize))  # pyright: ignore
    return mix(sevens @ _MULTIPLIERS)


def hash_windows(points: NDArray[Any]) -> Hashes:
    """Hashes every window of a text to 61 bits: code points `(n,)` → `(n − 7,)`. The lowest 3 bits are zero."""
    words = np.empty(max(len(points) - WINDOW + 1, 0), np.uint64)
    for start in range(0, len(words), _PIECE):
        piece = points[start : start + _PIECE + WINDOW - 1]
        sevens = hash_sevens(mix_points(piece[:-1])[None])[0]
        eighths = (sevens ^ piece[WINDOW - 1 :]) & np.uint64(NO_CHARACTER)
        words[start : start + _PIECE] = sevens >> _KEY << _KEY | eighths << _FLAGS
    return words


class Fingerprint:
    """The hashed windows of a corpus.

    Attributes:
        words: the 64 bits for the window at each position, uint64 `(n,)`.
        line_index: where songs and lines begin.
        names: the names of the files that songs come from.
        sources: the index in `names` of each song's file, int64 `(songs,)`.
    """

    known_from: ClassVar[int] = WINDOW

    def __init__(
        self, words: Hashes, songs: NDArray[np.int64], sources: NDArray[np.int64], names: Sequence[str]
    ) -> None:
        """Takes the parts; `of` and `from_bytes` make them."""
        self.words = words
        self.line_index = LineIndex(songs, np.flatnonzero(words & np.uint64(1)))
        self.sources = sources
        self.names = names

    def __len__(self) -> int:
        """The number of characters in the corpus."""
        return len(self.words)

    @classmethod
    def of(cls, corpus: Corpus, *, join_lines: bool = False) -> Fingerprint:
        """Makes the fingerprint of all songs of a corpus, the held-out ones included: they exist already, too.

        Args:
            corpus: the songs.
            join_lines: whether the model was trained with spaces for newlines, so that it writes spaces.
        """
        points = code_points(corpus.text)
        line_index = LineIndex.of(corpus)
        if join_lines:
            points = np.where((points == ord("\n")) | (points == ord("\r")), ord(" "), points)
        words = hash_windows(np.concatenate([points, np.full(WINDOW - 1, NO_CHARACTER, np.uint32)]))
        starts = line_index.lines
        words[starts[starts < len(words)]] |= np.uint64(1)
        names = list(dict.fromkeys(song.source for song in corpus.songs))
        numbers = {name: number for number, name in enumerate(names)}
        sources = np.array([numbers[song.source] for song in corpus.songs], np.int64)
        # Only file names: a path would tell strangers about somebody's disk. PureWindowsPath knows both separators.
        return cls(words, line_index.songs, sources, [PureWindowsPath(readable(name)).name for name in names])

    def to_bytes(self) -> bytes:
        """The contents of the fingerprint's file. The same fingerprint gives the same bytes."""
        arrays = {
            "windows": self.words,
            "songs": np.stack([self.line_index.songs, self.sources], 1).astype(np.uint32),
        }
        about = {"format": _FORMAT, "version": _VERSION, "sources": self.names}
        return save_arrays(arrays, {"zuoci": json.dumps(about, ensure_ascii=False)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Reads bytes that `to_bytes` returned.

        Raises:
            ValueError: the bytes are damaged.
        """
        try:
            arrays = load_arrays(data)
            about = json.loads(safetensors_metadata(data)["zuoci"])
            names: list[str] = about["sources"]
            words, songs = arrays["windows"], arrays["songs"]
            sound = (about["format"], about["version"]) == (_FORMAT, _VERSION)
            sound = sound and (words.dtype, songs.dtype) == (np.uint64, np.uint32)
            sound = sound and words.ndim == 1 and songs.shape == (len(songs), 2)
            sound = sound and isinstance(names, list)  # pyright: ignore[reportUnnecessaryIsInstance]
            sound = sound and all(name == readable(str(name)) for name in names)
            starts, sources = songs.astype(np.int64).T
            sound = sound and (len(songs) > 0 or not len(words)) and not starts[:1].any()
            sound = sound and bool((np.diff(starts) >= 0).all() and (starts <= len(words)).all())
            sound = sound and bool((sources < len(names)).all())
        except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise ValueError(str(error).strip().partition("\n")[0]) from None
        if not sound:
            raise ValueError("its parts do not belong together, or another version of zuoci wrote it")
        return cls(words, starts, sources, names)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Fingerprint:
        """Reads the fingerprint in a model's folder.

        Raises:
            ModelFolderError: there is no fingerprint, or it is damaged.
        """
        fingerprint = cls.find(folder)
        if fingerprint is None:
            raise ModelFolderError(f"{folder} holds no {FILE}: the model was saved without; name the corpus instead")
        return fingerprint

    @classmethod
    def find(cls, folder: str | PathLike[str]) -> Fingerprint | None:
        """Reads the fingerprint in a model's folder; None if the model was saved without one.

        Raises:
            ModelFolderError: the fingerprint is damaged.
        """
        data = read_files(folder, [FILE]).get(FILE)
        return None if data is None else cls.parse(Path(folder) / FILE, data)

    @classmethod
    def parse(cls, file: Path, data: bytes) -> Fingerprint:
        """Reads the contents of a fingerprint's file.

        Raises:
            ModelFolderError: the contents are damaged.
        """
        try:
            return cls.from_bytes(data)
        except ValueError as error:
            raise ModelFolderError(f"{file} is damaged: {error}; name the corpus instead") from None

    @cached_property
    def suffixes(self) -> SuffixArray:
        """The windows as a sequence in which stretches can be found. Made on first use."""
        return SuffixArray(self.words >> _FLAGS)

    def symbols(self, text: str) -> Hashes:
        """The windows of a text, as symbols of `suffixes`."""
        return hash_windows(code_points(text)) >> _FLAGS

    def source(self, song: int) -> str:
        """The name of the file that song number `song` comes from."""
        return self.names[int(self.sources[song])]

    def title(self, song: int) -> None:
        """None: a fingerprint holds no titles, since they are text."""
        del song

    def continuations(self) -> tuple[Hashes, Hashes]:
        """For each position, the hash of the next seven characters, and the eighth character, masked."""
        return self.words >> _KEY, self.words >> _FLAGS & np.uint64(NO_CHARACTER)

    @staticmethod
    def contexts(values: Hashes) -> tuple[Hashes, Hashes]:
        """The hashes of the last characters of texts, to look up in `continuations`.

        Args:
            values: the characters as `mix_points` returns them, `(R, n)` with n ≥ 7.

        Returns:
            The hashes of every seven characters `(R, n − 6)`, and for each row the mask of the character that would
            follow `(R,)`: code point ⊕ mask is the masked character.
        """
        sevens = hash_sevens(values)
        return sevens >> _KEY, sevens[:, -1] & np.uint64(NO_CHARACTER)
