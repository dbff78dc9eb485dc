"""A long text → a compact set of its windows, by which copies are recognised without the text.

A base model comes with such a filter of all that it has read; see `docs/format.md`. `writing/originality.py` finds
copies with it and `writing/guards.py` bans them. For a person's own lyrics there is `fingerprint`, which also knows
song and line, and takes 16 to 60 times as much for each character.

A window is N characters in a row. Capital letters are taken for small ones, and all that is no letter and no digit for
a space, so that another layout, punctuation or line break does not hide a copy. For each different window, the hash

    h = mix(Σₖ mₖ mix(cₖ)) mod 2⁶⁴                                    (as in `fingerprint`)

is stored in a binary fuse filter of `bits` bits (Graf and Lemire, 2022): three cells a, b, c of a table follow from h,
and the table is filled so that

    table[a] ⊕ table[b] ⊕ table[c] = value(h)                         a number of `bits` bits

for all n windows, which takes 1.125 n cells. Every window of the text is recognised. Another one is taken for a window
of the text with a probability of 2⁻ᵇⁱᵗˢ. That is often, but a copied span of `known_from` characters makes
k = known_from − N + 1 successive windows known, which happens by chance with 2⁻ᵇⁱᵗˢ ᵏ if they differ. So the fewest
bits go for a span if N is short, as long as windows of N characters rarely stand in two texts by chance. A span that
repeats itself (la la la …), so that two of k successive windows are the same, does not count as copied.
"""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from zuoci.errors import ModelFolderError
from zuoci.text.fingerprint import NO_CHARACTER, mix, mix_points
from zuoci.text.folder import BASE_WINDOWS as FILE
from zuoci.text.folder import read_files, safetensors_metadata
from zuoci.text.peeling import peel
from zuoci.text.positions import code_points

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

_FORMAT, _VERSION = "zuoci-windows", 1
_BITS = (1, 2, 4, 8)  # of a cell
_MOST_SEEDS = 100  # a table fails with few per cent of the seeds
_PIECE = 1 << 20  # windows that are hashed in one call
_VALUE = np.uint64(0xD6E8FEB86659FD93)  # makes the value of a window independent of its cells


class Windows(BaseModel):
    """What a filter stores.

    Attributes:
        name: the base model whose text it is, such as `zh`.
        window: characters of a window.
        bits: bits of a cell.
        known_from: length of the shortest span that counts as copied, in characters.
        count: number of different windows.
        seed: chosen so that the table can be filled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=100)
    window: int = Field(ge=2, le=64)
    bits: int = Field(ge=1, le=8)
    known_from: int = Field(ge=2, le=1000)
    count: int = Field(default=0, ge=0, lt=2**31)
    seed: int = Field(default=0, ge=0, lt=_MOST_SEEDS)


@lru_cache(1 << 16)
def _fold(point: int) -> int:
    """The code point that stands for another one in windows."""
    char = chr(point)
    small = char.lower()
    return (ord(small) if len(small) == 1 else point) if char.isalnum() else ord(" ")


def fold(points: NDArray[Any]) -> NDArray[np.uint32]:
    """Code points with small letters for capitals and a space for all that is no letter and no digit, `(n,)`."""
    different, places = np.unique(points, return_inverse=True)
    return np.array([_fold(point) for point in different.tolist()], np.uint32)[places]


class WindowFilter:
    """A compact set of the windows of a text.

    Attributes:
        about: what it stores.
        cells: the table, packed, uint8.
    """

    def __init__(self, about: Windows, cells: NDArray[np.uint8]) -> None:
        """Takes the parts; `of` and `from_bytes` make them."""
        self.about = about
        self.cells = cells
        self.multipliers = mix_points(np.arange(NO_CHARACTER + 1, NO_CHARACTER + 1 + about.window)) | np.uint64(1)
        self._segments, self._segment = _sizes(about.count)
        self._seed = mix_points(np.array([about.seed]))[0]

    @property
    def known_from(self) -> int:
        """Length of the shortest span that counts as copied, in characters."""
        return self.about.known_from

    @property
    def successive(self) -> int:
        """k, the number of successive windows in a span of `known_from` characters."""
        return self.known_from - self.about.window + 1

    @property
    def source(self) -> str:
        """The name of the text, for people."""
        return f"the text that the base model {self.about.name} has read"

    @classmethod
    def of(cls, text: str, *, name: str, window: int, bits: int, known_from: int) -> WindowFilter:
        """Makes the filter of a text. The same text gives the same filter. Takes about 100 bytes for each character.

        Args:
            text: the text.
            name: the base model that has read it.
            window: characters of a window.
            bits: bits for a window, 1, 2, 4 or 8.
            known_from: length of the shortest span that counts as copied; at least `window`.
        """
        assert bits in _BITS
        assert known_from >= window
        about = Windows(name=name, window=window, bits=bits, known_from=known_from)
        hashes = np.sort(cls(about, np.empty(0, np.uint8)).hashes(text))
        hashes = hashes[np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]]
        for seed in range(_MOST_SEEDS):
            filled = cls(about.model_copy(update={"count": len(hashes), "seed": seed}), np.empty(0, np.uint8))
            table = peel(*filled._rows(hashes), (filled._segments + 2) * filled._segment)
            if table is not None:
                filled.cells = _pack(table, bits)
                return filled
        raise AssertionError("no seed fills the table")

    def hashes(self, text: str) -> Hashes:
        """The hash of the window at each position of a text, `(max(n − N + 1, 0),)`."""
        points = fold(code_points(text))
        found = np.empty(max(len(points) - self.about.window + 1, 0), np.uint64)
        for start in range(0, len(found), _PIECE):
            piece = mix_points(points[start : start + _PIECE + self.about.window - 1])
            found[start : start + _PIECE] = mix(self.sums(piece, len(piece) - self.about.window + 1))
        return found

    def sums(self, values: Hashes, count: int) -> Hashes:
        """Σₖ mₖ values[p + k] for the first `count` positions p, over as many k as there are values.

        Args:
            values: folded characters as `mix_points` returns them, `(…, n)`.
            count: number of positions; with n − N + 2 of them the last character of each window is left out.

        Returns:
            The sums modulo 2⁶⁴, `(…, count)`. `mix` makes hashes of them.
        """
        total = np.zeros((*values.shape[:-1], count), np.uint64)
        for k in range(min(values.shape[-1] - count + 1, self.about.window)):
            total += self.multipliers[k] * values[..., k : k + count]
        return total

    def contains(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Whether the windows with these hashes are known; mistaken for 2⁻ᵇⁱᵗˢ of the others."""
        if not self.about.count:
            return np.zeros(hashes.shape, np.bool_)
        (a, b, c), values = self._rows(hashes)
        return (self._cell(a) ^ self._cell(b) ^ self._cell(c)) == values

    def distances(self, hashes: Hashes) -> NDArray[np.int64]:
        """How many positions before each window the same one begins, `(…, n)`; `successive` if not among the last."""
        found = np.full(hashes.shape, self.successive)
        for d in range(min(self.successive, hashes.shape[-1]) - 1, 0, -1):
            found[..., d:][hashes[..., d:] == hashes[..., :-d]] = d
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The maximal spans of at least `known_from` characters all of whose windows are known: starts and lengths.

        Any `successive` windows of a span differ. Spans may overlap where a text repeats itself.

        A copied span may be reported a little longer than it is: by 1 / (2ᵇⁱᵗˢ − 1) characters on average at each end.
        """
        hashes, k = self.hashes(text), self.successive
        known, distances = self.contains(hashes), self.distances(hashes)
        copied = np.ones(max(len(hashes) - k + 1, 0), np.bool_)  # from each position on, `known_from` characters
        for j in range(k):
            copied &= known[j : j + len(copied)] & (distances[j : j + len(copied)] > j)
        borders = np.flatnonzero(np.diff(copied.astype(np.int8), prepend=0, append=0))
        starts, lengths = borders[::2], borders[1::2] - borders[::2] + self.known_from - 1
        return list(zip(starts.tolist(), lengths.tolist(), strict=True))

    def _rows(self, hashes: Hashes) -> tuple[tuple[NDArray[np.int64], ...], NDArray[np.uint8]]:
        """The three cells of each window, and its value."""
        hashes = mix(hashes ^ self._seed)
        half, low = np.uint64(32), np.uint64(self._segment - 1)
        first = ((hashes >> half) * np.uint64(self._segments * self._segment) >> half).astype(np.int64)
        second = first + self._segment ^ (hashes >> np.uint64(18) & low).astype(np.int64)
        third = first + 2 * self._segment ^ (hashes & low).astype(np.int64)
        values = mix(hashes ^ _VALUE) >> np.uint64(64 - self.about.bits)
        return (first, second, third), values.astype(np.uint8)

    def _cell(self, cells: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The contents of cells."""
        bit = cells * self.about.bits
        return self.cells[bit >> 3] >> (bit & 7).astype(np.uint8) & np.uint8(2**self.about.bits - 1)

    def to_bytes(self) -> bytes:
        """The contents of the filter's file. The same filter gives the same bytes."""
        about = {"format": _FORMAT, "version": _VERSION, "windows": self.about.model_dump()}
        return save_arrays({"cells": self.cells}, {"zuoci": json.dumps({**about, "sha256": self._digest()})})

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.about.model_dump()).encode() + self.cells.tobytes()).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes) -> WindowFilter:
        """Reads bytes that `to_bytes` returned.

        Raises:
            ValueError: the bytes are damaged.
        """
        try:
            cells, about = load_arrays(data)["cells"], json.loads(safetensors_metadata(data)["zuoci"])
            sound = (about["format"], about["version"]) == (_FORMAT, _VERSION)
            found = cls(Windows.model_validate(about["windows"]), cells)
            bits = (found._segments + 2) * found._segment * found.about.bits
            sound = sound and cells.dtype == np.uint8 and cells.shape == (-(-bits // 8),)
            sound = sound and found.about.bits in _BITS and found.about.window <= found.known_from
            sound = sound and about["sha256"] == found._digest()
        except ValidationError:
            raise ValueError("its description is not one of windows") from None
        except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise ValueError(str(error).strip().partition("\n")[0]) from None
        if not sound:
            raise ValueError("its checksum does not fit, or another version of zuoci wrote it")
        return found

    @classmethod
    def find(cls, folder: str | PathLike[str]) -> WindowFilter | None:
        """Reads the filter in a model's folder; None if there is none.

        Raises:
            ModelFolderError: the filter is damaged.
        """
        data = read_files(folder, [FILE]).get(FILE)
        return None if data is None else cls.parse(Path(folder) / FILE, data)

    @classmethod
    def parse(cls, file: Path, data: bytes) -> WindowFilter:
        """Reads the contents of a filter's file.

        Raises:
            ModelFolderError: the contents are damaged.
        """
        try:
            return cls.from_bytes(data)
        except ValueError as error:
            raise ModelFolderError(f"{file} is damaged: {error}; train the model again, or delete the file") from None


def _sizes(count: int) -> tuple[int, int]:
    """The number of segments in which first cells lie, and the cells of a segment, for `count` windows.

    The figures are those of Graf and Lemire for three cells.
    """
    n = max(count, 2)
    segment = 2 ** min(math.floor(math.log(n) / math.log(3.33) + 2.25), 18)
    factor = max(1.125, 0.875 + 0.25 * math.log(1_000_000) / math.log(n))
    return max(math.ceil(n * factor / segment) - 2, 1), segment


def _pack(table: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Cells of `bits` bits → bytes; the first cell in the lowest bits."""
    padded = np.concatenate([table, np.zeros(-len(table) % (8 // bits), np.uint8)]).reshape(-1, 8 // bits)
    packed = np.zeros(len(padded), np.uint8)
    for k, column in enumerate(padded.T):
        packed |= column << np.uint8(k * bits)
    return packed
