"""A prepared corpus: the ids of a text in files that are mapped into memory, so that it can be larger than memory.

`training/prepare.py` writes the folder, and a run reads it through `PreparedCorpus`. In it are, with a token in place
of `T` and a number in place of `N`:

- `corpus.json`, the manifest: the characters by id, the other files with their checksums, how the sources were read;
- `ids-T-N.bin`: the ids of the songs to train on, little-endian, in 2 bytes each, or 4 from 65,536 characters on;
- `apart-T-N.bin`: the same of the songs that are held apart;
- `songs-T-N.bin`: where each song to train on begins, in 8 bytes each.

A character has the id that was free when it first came. A run gives it the id in its own vocabulary while it reads, so
that it computes what it would compute with the same text in memory. The names of the files belong to one manifest:
another preparation writes other files, and the manifest is replaced last.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zuoci.errors import CorpusError
from zuoci.text.corpus import Corpus, Song
from zuoci.text.positions import code_points
from zuoci.text.read_config import ReadConfig  # noqa: TC001 - pydantic needs it
from zuoci.text.sources import MANIFEST, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from zuoci.text.corpus import Source
    from zuoci.text.vocabulary import Vocabulary

FILE_NAME = r"(?:ids|apart|songs)-[0-9a-f]{8}-\d{5}\.bin"
BEGINNING = 500_000  # characters of a prepared corpus that are read as text, for settings, counts and openings
_READ = 1 << 20  # bytes
_AREA = 1 << 21  # bytes: the most that the system maps around one that is read
_MOST_AREAS = 32  # of a corpus that are mapped at once


class StoredArray(BaseModel):
    """A file of numbers.

    Attributes:
        name: its name.
        count: how many numbers it holds.
        bytes: the size of one.
        sha256: the checksum of its contents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=f"^{FILE_NAME}$")
    count: int = Field(ge=0)
    bytes: Literal[2, 4, 8]
    sha256: str


class Manifest(BaseModel):
    """What `corpus.json` says.

    Attributes:
        characters: the characters by id.
        songs: the number of songs to train on.
        apart: the number of songs that are held apart.
        shards: the files of the ids to train on, one after another.
        held_apart: the files of the ids that are held apart.
        starts: the files of where songs begin.
        reading: the settings with which the sources were read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["zuoci-corpus"] = "zuoci-corpus"
    version: Literal[1] = 1
    characters: str
    songs: int = Field(ge=0)
    apart: int = Field(ge=0)
    shards: tuple[StoredArray, ...]
    held_apart: tuple[StoredArray, ...]
    starts: tuple[StoredArray, ...]
    reading: ReadConfig

    @property
    def files(self) -> list[StoredArray]:
        """All files that the manifest names."""
        return [*self.shards, *self.held_apart, *self.starts]

    @property
    def checksum(self) -> str:
        """SHA-256 of all that the manifest says, and so of all contents of the corpus."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """The contents of `corpus.json`."""
        return (json.dumps({**self.model_dump(), "checksum": self.checksum}, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Reads what `to_bytes` returned.

        Raises:
            ValueError: it is damaged, or another version of zuoci wrote it.
        """
        try:
            values: Any = json.loads(data)
            checksum = values.pop("checksum")
            manifest = cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise ValueError(f"{error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
        except (KeyError, AttributeError, TypeError, RecursionError):
            raise ValueError("it is no manifest") from None
        if manifest.checksum != checksum:
            raise ValueError("the checksum does not match its contents")
        return manifest


class PreparedCorpus:
    """A corpus that `zuoci prepare` wrote.

    Attributes:
        folder: its folder.
        manifest: what it holds.
        notes: nothing: what was changed was said when it was prepared.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Takes the parts; `open` reads them."""
        self.folder, self.manifest = folder, manifest

    @classmethod
    def open(cls, folder: Source) -> PreparedCorpus:
        """Opens a prepared corpus. Nothing of the text is read.

        Raises:
            CorpusError: it is damaged: a file is missing or has another size.
        """
        path = Path(folder)
        try:
            manifest = Manifest.from_bytes((path / MANIFEST).read_bytes())
        except OSError as error:
            raise CorpusError(f"{path / MANIFEST} cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise _damaged(path / MANIFEST, str(error).splitlines()[0]) from None
        for file in manifest.files:
            _check_size(path / file.name, file)
        return cls(path, manifest)

    def verify(self) -> None:
        """Reads all files, and compares their checksums.

        Raises:
            CorpusError: a file is damaged.
        """
        for file in self.manifest.files:
            digest = hashlib.sha256()
            try:
                with (self.folder / file.name).open("rb") as stream:
                    while data := stream.read(_READ):
                        digest.update(data)
            except OSError as error:
                raise CorpusError(f"{self.folder / file.name} cannot be read: {error.strerror or error}") from None
            if digest.hexdigest() != file.sha256:
                raise _damaged(self.folder / file.name, "its checksum is another one")

    def __len__(self) -> int:
        """The number of songs, those that are held apart included."""
        return self.manifest.songs + self.manifest.apart

    @property
    def character_count(self) -> int:
        """The number of characters, those of songs that are held apart included."""
        return self.training_count + _count(self.manifest.held_apart)

    @property
    def training_count(self) -> int:
        """The number of characters to train on."""
        return _count(self.manifest.shards)

    @property
    def config(self) -> ReadConfig:
        """The settings with which the sources were read."""
        return self.manifest.reading

    @property
    def held_apart(self) -> str:
        """The text of the songs that are held apart."""
        return self._decode(StoredIds(self.folder, self.manifest.held_apart, len(self.manifest.characters)))

    @cached_property
    def beginning(self) -> Corpus:
        """The first songs to train on, of 500,000 characters at most; of a longer song its beginning."""
        ids = self._ids()
        text = self._decode(ids, BEGINNING)
        starts = _mapped(self.folder, self.manifest.starts[0])[: BEGINNING + 1].astype(np.int64)
        ends = [*starts[1:].tolist(), len(ids)][: len(starts)]
        whole = [(start, end) for start, end in zip(starts.tolist(), ends, strict=True) if end <= len(text)]
        name = readable(str(self.folder))
        return Corpus(
            tuple(Song(name, text[start:end]) for start, end in whole or [(0, len(text))]), config=self.config
        )

    def encode(self, vocabulary: Vocabulary) -> StoredIds:
        """The ids of the text to train on in a vocabulary that has all its characters."""
        return self._ids(vocabulary.ids_of(code_points(self.manifest.characters)))

    def _ids(self, ids: NDArray[np.int64] | None = None) -> StoredIds:
        return StoredIds(self.folder, self.manifest.shards, len(self.manifest.characters), ids)

    def _decode(self, ids: StoredIds, most: int | None = None) -> str:
        points = code_points(self.manifest.characters)[ids[torch.arange(min(len(ids), most or len(ids)))].numpy()]
        return points.astype("<u4").tobytes().decode("utf-32-le")


AnyCorpus: TypeAlias = Corpus | PreparedCorpus


class StoredIds:
    """The ids of a text that is on disk. They are read where they are asked for.

    The files are mapped into memory, and unmapped before much of them has been read, so that the pages that were read
    do not add up to the whole corpus.
    """

    def __init__(
        self, folder: Path, files: Sequence[StoredArray], size: int, ids: NDArray[np.int64] | None = None
    ) -> None:
        """Takes files.

        Args:
            folder: their folder.
            files: the files, one after another.
            size: the number of different ids in the files.
            ids: what each of them becomes; default: itself.
        """
        self._folder, self._files = folder, files
        self._ends = np.cumsum([file.count for file in files], dtype=np.int64)
        self._ids = np.arange(size) if ids is None else ids
        self._maps: dict[int, NDArray[Any]] = {}
        self._areas = 0

    def __len__(self) -> int:
        """The number of characters."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: Tensor) -> Tensor:
        """The ids at some positions, int64, of the shape of `index`.

        Raises:
            CorpusError: a file is damaged, or gone.
        """
        places = index.numpy().reshape(-1)
        found = np.empty(len(places), np.int64)
        which = np.searchsorted(self._ends, places, "right")
        for number in np.unique(which).tolist():
            here = np.flatnonzero(which == number)
            file = self._files[number]
            inside = places[here] - (self._ends[number] - file.count)
            areas, area = np.unique(inside * file.bytes // _AREA, return_inverse=True)
            for first in range(0, len(areas), _MOST_AREAS):
                chosen = (first <= area) & (area < first + _MOST_AREAS)
                self._make_room(min(_MOST_AREAS, len(areas) - first))
                if number not in self._maps:
                    self._maps[number] = _mapped(self._folder, file)
                found[here[chosen]] = self._maps[number][inside[chosen]]
        if len(found) and found.max() >= len(self._ids):
            raise _damaged(self._folder, "an id in it belongs to no character")
        return torch.from_numpy(self._ids[found]).view(index.shape)

    def _make_room(self, areas: int) -> None:
        """Unmaps the files if with so many more areas too much of them would be in memory."""
        self._areas += areas
        if self._areas > _MOST_AREAS:
            self._maps.clear()
            self._areas = areas


def _count(files: Sequence[StoredArray]) -> int:
    return sum(file.count for file in files)


def _check_size(path: Path, file: StoredArray) -> None:
    """Checks that a file is there, and as large as it was.

    Raises:
        CorpusError: it is not.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from None
    if size != file.count * file.bytes:
        raise _damaged(path, f"it has {size:,} bytes, and should have {file.count * file.bytes:,}")


def _mapped(folder: Path, file: StoredArray) -> NDArray[Any]:
    """The numbers in a file, mapped into memory.

    Raises:
        CorpusError: it is damaged, or gone.
    """
    path = folder / file.name
    _check_size(path, file)
    if not file.count:  # nothing cannot be mapped
        return np.empty(0, f"<u{file.bytes}")
    try:
        return np.memmap(path, f"<u{file.bytes}", "r")
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, reason: str) -> CorpusError:
    return CorpusError(f"{readable(str(path))} is damaged: {reason}; prepare the corpus again")
