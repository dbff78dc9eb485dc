"""Corpora that users put together of uploaded files, to train on.

A file is stored under a number, and no path is ever made of its own name. That name is shown, and a model remembers it
as a source. A corpus is read once whenever its files change, and what was found is kept.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError, Message
from zuoci.server.errors import ApiError, client_gone, not_found
from zuoci.studio import uploads
from zuoci.studio.corpus_document import describe, describe_files
from zuoci.studio.locks import CorpusLocks
from zuoci.studio.stored_corpus import make_private, read_stored, save_names
from zuoci.studio.uploads import MAX_FILES, MAX_HEAD_BYTES, UploadedFile
from zuoci.text.corpus import Corpus, load_lyrics, read_what_can_be_read
from zuoci.text.folder import is_directory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

UPLOADS = ".uploads"  # folder of all corpora, in the folder of models
MAX_CORPUS_BYTES = 64 * 2**20  # of text, unpacked; in memory a character takes 4 bytes where one is beyond U+FFFF
MAX_REQUEST_BYTES = MAX_CORPUS_BYTES + MAX_HEAD_BYTES
_MAX_CORPUS_LINES = 4_000_000
_MAX_CORPORA = 32  # since the launch, not counting deleted ones
_MAX_ARRIVING = 8  # requests at the same time
_LARGE_BYTES = 4 * 2**20  # what is larger is not read while something else that large is being read
_BUFFER_BYTES = 2**20
_BUNDLED = ("zh", "en")
_FOLDER_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass
class _UserCorpus:
    """A corpus of uploaded files: its folder, its name, its files by number, and what was found in them."""

    folder: Path
    name: str
    created: float
    files: dict[int, UploadedFile] = field(default_factory=dict[int, UploadedFile])
    last_number: int = 0
    found: dict[str, Any] = field(default_factory=dict[str, Any])

    def read(self) -> None:
        """Reads the files, after they have changed."""
        corpus = read_what_can_be_read(self.folder)
        self.found = {**describe(corpus), "files": describe_files(corpus, self.folder, self.files.values())}

    def remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.files.pop(number).stored.unlink(missing_ok=True)


class Corpora:
    """All corpora. Methods that read or write files block: they are to be called in a thread.

    Attributes:
        locks: for whoever changes a corpus, or reads it while others might change it.
    """

    def __init__(self, folder: Path) -> None:
        """Begins without corpora.

        Args:
            folder: where the files of all corpora are stored; it is made with the first corpus.
        """
        self.locks = CorpusLocks()
        self._folder = folder
        self._corpora: dict[str, _UserCorpus] = {}
        self._arriving = 0

    def create(self, name: str = "") -> str:
        """Makes an empty corpus, and returns its id.

        Raises:
            ApiError: there are too many.
        """
        if len(self._corpora) >= _MAX_CORPORA:
            told = "there are {most} corpora already; delete one, or restart the studio"
            raise ApiError(409, Message("many_corpora", told, most=_MAX_CORPORA))
        key = secrets.token_hex(8)
        make_private(self._folder)
        (self._folder / key).mkdir(mode=0o700)
        corpus = _UserCorpus(self._folder / key, name, time.time())
        corpus.read()
        self._corpora[key] = corpus
        return key

    def delete_all(self) -> None:
        """Deletes the files of all corpora, also of those that a killed studio left behind."""
        with suppress(OSError):  # the folder was never made, or somebody else's files are in it
            for folder in [] if self._folder.is_symlink() else list(self._folder.iterdir()):
                if _FOLDER_NAME.fullmatch(folder.name) and is_directory(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            self._folder.rmdir()

    def summaries(self) -> list[dict[str, Any]]:
        """The id, the name and the size of each corpus of uploaded files, the newest first."""
        return [
            {"id": key, "name": one.name, **{name: one.found[name] for name in ("songs", "characters")}}
            for key, one in sorted(self._corpora.items(), key=lambda item: item[1].created, reverse=True)
        ]

    def is_bundled(self, key: str) -> bool:
        """Whether a corpus is a bundled one, which nobody can change.

        Raises:
            ApiError: there is no corpus with this id.
        """
        if key not in _BUNDLED and key not in self._corpora:
            raise not_found("corpus", key)
        return key in _BUNDLED

    def _own(self, key: str) -> _UserCorpus:
        """A corpus of uploaded files.

        Raises:
            ApiError: there is no corpus with this id, or it is a bundled one.
        """
        if self.is_bundled(key):
            raise ApiError(409, Message("bundled", "the bundled lyrics cannot be changed; make a corpus of your own"))
        return self._corpora[key]

    def rename(self, key: str, name: str) -> None:
        """Gives a corpus another name.

        Raises:
            ApiError: there is no corpus with this id, or it is a bundled one.
        """
        self._own(key).name = name

    def delete(self, key: str) -> None:
        """Deletes a corpus.

        Raises:
            ApiError: there is no corpus with this id, or it is a bundled one.
        """
        shutil.rmtree(self._own(key).folder, ignore_errors=True)
        del self._corpora[key]

    def is_large(self, key: str) -> bool:
        """Whether it takes much memory to read a corpus."""
        corpus = self._corpora.get(key)
        return bool(corpus) and sum(file.text_bytes for file in corpus.files.values()) > _LARGE_BYTES

    @asynccontextmanager
    async def receive(self, key: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Path]:
        """Receives the body of a request into a corpus's folder. It is deleted at the end of the block.

        Raises:
            ApiError: too many arrive at the same time, or this one is too large.
        """
        if self._arriving >= _MAX_ARRIVING:
            told = "{most} requests with files are arriving already; try again"
            raise ApiError(429, Message("busy", told, most=_MAX_ARRIVING))
        left = MAX_REQUEST_BYTES
        arrived = self._own(key).folder / f".{secrets.token_hex(8)}"
        self._arriving += 1
        buffer = bytearray()
        try:
            with arrived.open("wb") as file:
                async for chunk in self._unless_draining(chunks):
                    left -= len(chunk)
                    if left < 0:
                        told = "the files have more than {most:,} bytes; send fewer"
                        raise ApiError(413, Message("too_large", told, most=MAX_CORPUS_BYTES))
                    buffer += chunk
                    if len(buffer) >= _BUFFER_BYTES:
                        await asyncio.to_thread(file.write, bytes(buffer))
                        buffer.clear()
                await asyncio.to_thread(file.write, bytes(buffer))
            yield arrived
        finally:
            self._arriving -= 1
            arrived.unlink(missing_ok=True)

    async def _unless_draining(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        while True:
            following = asyncio.ensure_future(anext(chunks, None))
            try:
                chunk = await self.locks.unless_draining(following)
            finally:
                following.cancel()
            if chunk is None:
                return
            yield chunk

    def add_files(self, key: str, arrived: Path, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Takes the files of a received body into a corpus, all of them or none.

        Of a file that cannot be used, only the reason is kept.

        Args:
            key: the corpus's id.
            arrived: the body, in the corpus's folder; see `uploads`.
            is_cancelled: whether the user does not want the files any more; it is asked at the end.

        Raises:
            ApiError: the body is malformed, there are too many files, or the user has cancelled.
        """
        corpus = self._own(key)
        former, former_found, done = set(corpus.files), corpus.found, False
        try:
            for file in uploads.split(arrived, corpus.folder, corpus.last_number + 1):
                corpus.last_number = file.number
                self._take(corpus, file)
            corpus.read()
            done = not is_cancelled()
        finally:
            if not done:
                corpus.remove(set(corpus.files) - former)
                corpus.found = former_found
        if not done:
            raise client_gone()

    def _take(self, corpus: _UserCorpus, file: UploadedFile) -> None:
        """Adds a file to a corpus, if there is room.

        Raises:
            ApiError: the corpus has too many files.
        """
        others = list(corpus.files.values())
        corpus.files[file.number] = file
        if len(corpus.files) > MAX_FILES:
            raise ApiError(413, Message("many_files", "a corpus holds {most:,} files at most", most=MAX_FILES))
        try:
            uploads.measure(file, MAX_CORPUS_BYTES)
        except CorpusError as error:
            file.discard(error.message)
        for code, told, count, elsewhere, most in (
            ("many_bytes", "{name} has {count:,} bytes of text, with {others:,} in other files: {most:,} at most",
             file.text_bytes, sum(one.text_bytes for one in others), MAX_CORPUS_BYTES),
            ("many_lines", "{name} has {count:,} lines, with {others:,} in other files: {most:,} at most",
             file.line_breaks, sum(one.line_breaks for one in others), _MAX_CORPUS_LINES),
        ):  # fmt: skip
            if count + elsewhere > most and not file.error:
                file.discard(Message(code, told, name=file.name, count=count, others=elsewhere, most=most))

    def remove_file(self, key: str, number: int) -> None:
        """Deletes a file of a corpus.

        Raises:
            ApiError: there is no such file.
        """
        corpus = self._own(key)
        if number not in corpus.files:
            raise not_found("file", str(number))
        corpus.remove([number])
        corpus.read()

    def describe(self, key: str) -> dict[str, Any]:
        """What a corpus holds, for JSON.

        Raises:
            ApiError: there is no corpus with this id.
        """
        if self.is_bundled(key):
            return {"id": key, "name": key, "files": [], **_bundled(key)}
        corpus = self._corpora[key]
        return {"id": key, "name": corpus.name, **corpus.found}

    def read(self, key: str) -> Corpus:
        """The songs of a corpus.

        Raises:
            ApiError: there is no corpus with this id.
            CorpusError: the corpus holds no text.
        """
        if self.is_bundled(key):
            return _bundled_lyrics(key)
        return read_stored(self._corpora[key].folder, self._names(key))

    def copy_to(self, key: str, folder: Path) -> None:
        """Copies a corpus into a folder, from which `load_stored` reads it when a run starts or is resumed."""
        bundled = self.is_bundled(key)
        make_private(folder)
        names = {} if bundled else self._names(key)
        for file in names:
            shutil.copyfile(self._corpora[key].folder / file, folder / file)
            (folder / file).chmod(0o600)
        save_names(folder, names, bundled=key if bundled else None)

    def _names(self, key: str) -> dict[str, str]:
        """Stored name of each usable file of a corpus → its name on the user's machine."""
        return {file.stored.name: file.name for file in self._corpora[key].files.values() if not file.error}


def _bundled_lyrics(language: str) -> Corpus:
    return load_lyrics("zh" if language == "zh" else "en", choruses="once")


@cache
def _bundled(language: str) -> dict[str, Any]:
    return describe(_bundled_lyrics(language))
