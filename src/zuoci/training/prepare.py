"""Sources on disk → a prepared corpus, in one pass and in little memory. `text/shards.py` describes the folder.

A kill leaves the former corpus, or none: files are written under new names, and the manifest, which names them, last.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from zuoci.errors import CorpusError, SettingsError
from zuoci.model.lock import locked
from zuoci.model.replacing import is_regular, replace_durably, sync_folder
from zuoci.text.duplicates import folded
from zuoci.text.positions import code_points
from zuoci.text.read_config import ReadConfig
from zuoci.text.shards import FILE_NAME, Manifest, PreparedCorpus, StoredArray
from zuoci.text.sources import MANIFEST, is_prepared
from zuoci.text.streaming import SongStream
from zuoci.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from zuoci.text.corpus import Song, Source

_SHARD = 1 << 25  # ids
_TOGETHER = 1 << 20  # characters that are encoded at once
_TWO_BYTES = 1 << 16  # ids that have 2 bytes
_LONGEST = 20_000  # characters; a longer song is cut into several
MOST_APART = 100_000  # characters; more would make each evaluation slower, and its figures hardly surer
_BITS = 27  # of the hashes by which songs that are trained on are known again: 16 MiB


def prepare(
    sources: Sequence[Source],
    folder: Source,
    config: ReadConfig | None = None,
    *,
    validation: float = 0.1,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> tuple[PreparedCorpus, list[str]]:
    """Writes a corpus that may be larger than memory, for training.

    Args:
        sources: as in `read_corpus`.
        folder: the folder of the corpus; it must not exist, or be empty.
        config: how to read the sources.
        validation: the share of the text that is held apart to judge models by; 100,000 characters at most.
        overwrite: replace the corpus in that folder.
        progress: called now and then with the number of characters so far.

    Returns:
        The corpus, and a sentence for everything that was changed or left out.

    Raises:
        CorpusError: a source cannot be read, or the folder cannot be written.
        ModelFolderError: another process writes into the folder.
        SettingsError: `validation` is out of bounds.
    """
    if not 0.0 <= validation <= 0.9:
        raise SettingsError(f"validation must be from 0 to 0.9: got {validation}")
    config, path, token = config or ReadConfig(), Path(os.path.realpath(folder)), secrets.token_hex(4)
    stream = SongStream(sources, config)
    size = sum(_size(Path(source)) for source in sources)
    parts = HeldApart(min(validation, MOST_APART / max(size, 1)))
    with locked(path):
        existed = path.is_dir()
        _check_destination(path, str(folder), overwrite=overwrite)
        written = False
        try:
            path.mkdir(exist_ok=True)
            manifest = _write(parts.to_train_on(_cut(stream)), parts.apart, path, token, config, progress)
            replace_durably(path / MANIFEST, manifest.to_bytes())
            written = True
        except OSError as error:
            raise CorpusError(f"{folder} cannot be written: {error.strerror or error}") from None
        finally:
            with suppress(OSError, ValueError):  # a damaged manifest does not say what belongs to it
                _sweep(path)
                if not existed and not written:
                    path.rmdir()
    notes = [f"left out {parts.left_out:,} songs that are versions of songs held apart"] if parts.left_out else []
    return PreparedCorpus(path, manifest), [*stream.notes, *notes]


def _write(
    songs: Iterable[str],
    apart: list[str],
    path: Path,
    token: str,
    config: ReadConfig,
    progress: Callable[[int], None] | None,
) -> Manifest:
    """Writes all files but the manifest.

    Args:
        songs: the songs to train on.
        apart: those that are held apart; filled while `songs` is iterated.
        path: the folder.
        token: the part of the names that is this manifest's own.
        config: how the sources are read.
        progress: is called with the number of characters so far.

    Raises:
        CorpusError: there is nothing to train on.
        OSError: a file cannot be written.
    """
    alphabet, size, count = _Alphabet(), 0, 0
    with ExitStack() as stack:
        ids, held, starts = (stack.enter_context(NumberFiles(path, kind, token)) for kind in ("ids", "apart", "songs"))
        for texts in _together(songs):
            ends = size + np.cumsum([len(text) for text in texts])
            starts.add(np.concatenate([[size], ends[:-1]]), 8)
            ids.add(*alphabet.encode("".join(texts)))
            size, count = int(ends[-1]), count + len(texts)
            if progress:
                progress(size)
        if not size:
            raise CorpusError("nothing is left to train on; lower validation, or add text")
        held.add(*alphabet.encode("".join(apart)))
        files = [each.close() for each in (ids, held, starts)]
    sync_folder(path)
    characters = Vocabulary.by_id(alphabet.characters).characters
    return Manifest(
        characters=characters, songs=count, apart=len(apart),
        shards=files[0], held_apart=files[1], starts=files[2], reading=config,
    )  # fmt: skip


def _together(songs: Iterable[str]) -> Iterator[list[str]]:
    """Lists of songs that are encoded at once."""
    texts: list[str] = []
    size = 0
    for song in songs:
        texts.append(song)
        size += len(song)
        if size >= _TOGETHER:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


class _Alphabet:
    """Gives each character the next id when it first comes.

    Attributes:
        characters: the characters by id.
    """

    def __init__(self) -> None:
        """Begins with no character."""
        self.characters = ""
        self._ids = np.full(0x110000, -1, np.int32)

    def encode(self, text: str) -> tuple[NDArray[np.int32], int]:
        """The ids of a text, and the bytes that one needs."""
        points = code_points(text)
        ids = self._ids[points]
        if (ids < 0).any():
            for point in dict.fromkeys(points[ids < 0].tolist()):
                self._ids[point] = len(self.characters)
                self.characters += chr(point)
            ids = self._ids[points]
        return ids, 2 if not len(ids) or ids.max() < _TWO_BYTES else 4


class NumberFiles:
    """Numbers on disk: files of one kind, one after another."""

    def __init__(self, path: Path, kind: str, token: str) -> None:
        """Begins with no file. `kind` and `token` are parts of the names."""
        self._path, self._name = path, f"{kind}-{token}"
        self._done: list[StoredArray] = []
        self._stream: IO[bytes] | None = None
        self._count = self._bytes = 0
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def add(self, numbers: NDArray[Any], size: int) -> None:
        """Writes numbers of `size` bytes each; in another file, if those in this one are smaller, or are many."""
        if self._count >= _SHARD or (self._count and size > self._bytes):
            self._end()
        size = max(size, self._bytes)
        data = numbers.astype(f"<u{size}").tobytes()
        if self._stream is None:
            self._stream = (self._path / self._next_name).open("xb")
        self._stream.write(data)
        self._digest.update(data)
        self._count, self._bytes = self._count + len(numbers), size

    def close(self) -> tuple[StoredArray, ...]:
        """Flushes the last file, and describes all of them."""
        if self._stream:
            self._end()
        return tuple(self._done)

    @property
    def _next_name(self) -> str:
        return f"{self._name}-{len(self._done):05}.bin"

    def _end(self) -> None:
        assert self._stream
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        size = self._bytes
        assert size in (2, 4, 8)
        self._done.append(
            StoredArray(name=self._next_name, count=self._count, bytes=size, sha256=self._digest.hexdigest())
        )
        self._stream, self._count, self._digest = None, 0, hashlib.sha256()


class HeldApart:
    """Parts songs into those to train on and those that models are judged by, while they come.

    A song goes by its longest line, as people would compare it: one that shares it with a song that is trained on is
    trained on, and one that shares it with a song that is held apart is left out.

    Attributes:
        apart: the songs that are held apart.
        left_out: the number of songs that are left out.
    """

    def __init__(self, share: float) -> None:
        """Takes the share of the text that is held apart."""
        self.apart: list[str] = []
        self.left_out = 0
        self._share = share
        self._lines: set[str] = set()  # of the songs that are held apart
        self._trained = np.zeros(1 << _BITS - 3, np.uint8)  # a bit for each hash of a line of a song to train on

    def to_train_on(self, songs: Iterable[str]) -> Iterator[str]:
        """The songs to train on."""
        size = held = 0
        for song in songs:
            size += len(song)
            line = folded(max(song.split("\n"), key=len))
            if line in self._lines:
                self.left_out += 1
                continue
            place, bit = divmod(zlib.crc32(line.encode()) >> 32 - _BITS, 8)
            known = self._trained[place] >> bit & 1
            if not known and held + len(song) <= min(self._share * size, MOST_APART):
                held += len(song)
                self.apart.append(song)
                self._lines.add(line)
            else:
                self._trained[place] |= 1 << bit
                yield song


def _cut(songs: Iterable[Song]) -> Iterator[str]:
    """The texts of songs; those that are too long in parts, which end at line ends."""
    for song in songs:
        if len(song.text) <= _LONGEST:
            yield song.text
            continue
        at = 0
        while at < len(song.text):
            end = song.text.rfind("\n", at, at + _LONGEST) + 1 if len(song.text) - at > _LONGEST else 0
            end = end or at + _LONGEST
            yield song.text[at:end]
            at = end


def _size(path: Path) -> int:
    """Roughly the bytes of a source; 0: it cannot be read, which is said later."""
    files = path.rglob("*") if path.is_dir() else [path]
    with suppress(OSError):
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def _check_destination(path: Path, shown: str, *, overwrite: bool) -> None:
    """Raises a CorpusError if a corpus must not be written into a folder; `shown`: as the user named it."""
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise CorpusError(f"{shown} exists and is not a folder; choose another name")
    if is_prepared(path):
        if not overwrite:
            raise CorpusError(f"{shown} holds a corpus already; choose another folder, or set overwrite to replace it")
    elif any(entry.name not in _files_of(path) for entry in path.iterdir()):
        raise CorpusError(f"{shown} exists and holds something that is not a corpus; choose another folder")


def _files_of(path: Path) -> list[str]:
    """The names of the files in a folder that only a preparation writes, but for the manifest."""
    ours = rf"{FILE_NAME}|\.{re.escape(MANIFEST)}\.[0-9a-f]{{8}}\.tmp"
    return [entry.name for entry in path.iterdir() if re.fullmatch(ours, entry.name) and is_regular(entry)]


def _sweep(path: Path) -> None:
    """Removes what former preparations, and those that were killed, have left beside the corpus in a folder."""
    kept: set[str] = set()
    with suppress(FileNotFoundError):
        kept = {file.name for file in Manifest.from_bytes((path / MANIFEST).read_bytes()).files}
    for name in _files_of(path):
        if name not in kept:
            (path / name).unlink()
