"""Corpora that users put together of uploaded files, to train on.

A file is stored under a number, and no path is ever made of its own name. That name is shown, and a model remembers it
as a source.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import zipfile
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError
from zuoci.server.errors import ApiError, not_found
from zuoci.studio.locks import CorpusLocks
from zuoci.studio.stored_corpus import make_private, read_stored, save_names, with_names
from zuoci.studio.uploads import MAX_EXAMPLES, FileStatistics, UploadedFile
from zuoci.text.corpus import Corpus, load_lyrics, read_corpus
from zuoci.text.folder import is_directory
from zuoci.text.sources import TEXT_SUFFIXES, LeftOut, find_texts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

UPLOADS = ".uploads"  # folder of all corpora, in the folder of models
MAX_FILES = 1000  # of a corpus
MAX_FILE_BYTES = 64 * 2**20
_MAX_CORPUS_BYTES = 64 * 2**20  # of text, unpacked; in memory a character takes 4 bytes where one is beyond U+FFFF
_MAX_CORPUS_LINES = 4_000_000
_MAX_CORPORA = 32  # since the launch, not counting deleted ones
_MAX_ZIP_MEMBERS = 20_000
_MAX_ARRIVING = 8  # files at the same time
_LARGE_BYTES = 4 * 2**20  # what is larger is not read while something else that large is being read
_BUFFER_BYTES = 2**20
_MIN_CHARACTERS = 200  # of a corpus to train on
_BUNDLED = ("zh", "en")
_FOLDER_NAME = re.compile(r"[0-9a-f]{16}")


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
        self._files: dict[str, dict[int, UploadedFile]] = {}  # of each corpus, by number
        self._last_number: dict[str, int] = {}
        self._distinct: dict[str, Counter[str]] = {}  # of each corpus: character → in how many files it occurs
        self._arriving = 0

    def create(self) -> str:
        """Makes an empty corpus, and returns its id.

        Raises:
            ApiError: there are too many.
        """
        if len(self._files) >= _MAX_CORPORA:
            raise ApiError(409, f"there are {_MAX_CORPORA} corpora already; delete one, or restart the studio")
        name = secrets.token_hex(8)
        make_private(self._folder)
        (self._folder / name).mkdir(mode=0o700)
        self._files[name], self._last_number[name], self._distinct[name] = {}, 0, Counter()
        return name

    def delete_all(self) -> None:
        """Deletes the files of all corpora, also of those that a killed studio left behind."""
        with suppress(OSError):  # the folder was never made, or somebody else's files are in it
            for folder in [] if self._folder.is_symlink() else list(self._folder.iterdir()):
                if _FOLDER_NAME.fullmatch(folder.name) and is_directory(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            self._folder.rmdir()

    def folder(self, name: str) -> Path | None:
        """The folder of a corpus's files; None: the corpus is a bundled one.

        Raises:
            ApiError: there is no corpus with this id.
        """
        if name in _BUNDLED:
            return None
        if name not in self._files:
            raise not_found("corpus", name)
        return self._folder / name

    def writable_folder(self, name: str) -> Path:
        """The folder of a corpus's files, to change them.

        Raises:
            ApiError: there is no corpus with this id, or it is a bundled one.
        """
        folder = self.folder(name)
        if folder is None:
            raise ApiError(409, "the bundled lyrics cannot be changed; make a corpus of your own", code="bundled")
        return folder

    def delete(self, name: str) -> None:
        """Deletes a corpus.

        Raises:
            ApiError: there is no corpus with this id, or it is a bundled one.
        """
        shutil.rmtree(self.writable_folder(name), ignore_errors=True)
        del self._files[name], self._last_number[name], self._distinct[name]

    def bytes_left(self, name: str) -> int:
        """How many bytes of text, unpacked, one more file of a corpus may have.

        Raises:
            ApiError: the corpus is full, is a bundled one, or does not exist.
        """
        self.writable_folder(name)
        files = self._files[name]
        left = _MAX_CORPUS_BYTES - sum(file.text_bytes for file in files.values())
        if len(files) >= MAX_FILES or left <= 0:
            raise ApiError(413, f"a corpus holds {MAX_FILES} files and {_MAX_CORPUS_BYTES:,} bytes of text at most")
        return min(left, MAX_FILE_BYTES)

    def is_large(self, name: str, arrived: Path | None = None) -> bool:
        """Whether it takes much memory to read a corpus, or a file that has arrived for it."""
        if arrived is None:
            return sum(file.text_bytes for file in self._files.get(name, {}).values()) > _LARGE_BYTES
        try:
            size = _unpacked_size(arrived)[0] if zipfile.is_zipfile(arrived) else arrived.stat().st_size
        except CorpusError:  # `add_file` says what is wrong with it
            return False
        return size > _LARGE_BYTES

    @asynccontextmanager
    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Path]:
        """Receives a file into a corpus's folder. It is deleted at the end of the block unless it was moved.

        Raises:
            ApiError: too many files arrive at the same time, or this one is too large.
        """
        if self._arriving >= _MAX_ARRIVING:
            raise ApiError(429, f"{_MAX_ARRIVING} files are arriving already; try again", code="busy")
        left = self.bytes_left(name)
        self._arriving += 1
        arrived = self.writable_folder(name) / f".{secrets.token_hex(8)}"
        buffer = bytearray()
        try:
            with arrived.open("wb") as file:
                async for chunk in self._unless_draining(chunks):
                    left -= len(chunk)
                    if left < 0:
                        raise ApiError(413, "the file is larger than the room left in the corpus", code="too_large")
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

    def add_file(self, name: str, title: str, arrived: Path) -> None:
        """Takes a received file into a corpus. Of a file that cannot be used, only its error is kept.

        Args:
            name: the corpus's id.
            title: the name of the file on the user's machine.
            arrived: the file, in the corpus's folder.
        """
        folder = self.writable_folder(name)
        self._last_number[name] += 1
        number = self._last_number[name]
        title = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", PureWindowsPath(title).name)[-200:].strip() or f"{number}"
        file = folder / f"{number:06}{_suffix(title, arrived)}"
        arrived.rename(file)
        uploaded = UploadedFile(number, title, file.stat().st_size)
        try:
            uploaded = self._measure(name, uploaded, file)
            corpus = with_names(read_corpus(file), folder, {file.name: title})
        except CorpusError as error:
            file.unlink()
            message = str(error).replace(str(file), title)
            self._files[name][number] = UploadedFile(number, title, 0, error=message)
            return
        notes = [note.removeprefix(f"{title}: ") for note in corpus.notes]
        encodings = [match[1] for note in notes if (match := re.match(r"read as (\S+)", note))]
        notes = [note for note in notes if not note.startswith("read as ")]
        statistics = FileStatistics.of(corpus)
        del corpus
        self._distinct[name].update(statistics.distinct_among)
        self._files[name][number] = replace(
            uploaded, encoding=tuple(encodings or ["utf-8"]), notes=tuple(notes), statistics=statistics
        )

    def _measure(self, name: str, uploaded: UploadedFile, file: Path) -> UploadedFile:
        """The file with the sizes of its texts, which are measured before any of them is decoded.

        Raises:
            CorpusError: the corpus has no room for them, or the file is damaged.
        """
        if file.suffix == ".zip":
            size, members = _unpacked_size(file)  # no more than what is declared will be read
            if size > _MAX_CORPUS_BYTES or members > _MAX_ZIP_MEMBERS:
                limits = f"{_MAX_CORPUS_BYTES:,} in {_MAX_ZIP_MEMBERS:,} at most"
                raise CorpusError(f"{file} unpacks to {size:,} bytes in {members:,} files: {limits}")
        others = self._files[name].values()
        size = breaks = 0
        for _, data in find_texts(file, LeftOut()):
            size += len(data)
            breaks += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        for what, count, elsewhere, limit in (
            ("bytes of text", size, sum(one.text_bytes for one in others), _MAX_CORPUS_BYTES),
            ("lines", breaks, sum(one.line_breaks for one in others), _MAX_CORPUS_LINES),
        ):
            if count + elsewhere > limit:
                raise CorpusError(f"{file} has {count:,} {what}, with {elsewhere:,} in other files: {limit:,} at most")
        return replace(uploaded, text_bytes=size, line_breaks=breaks)

    def remove_file(self, name: str, number: int) -> None:
        """Deletes a file of a corpus.

        Raises:
            ApiError: there is no such file.
        """
        folder = self.writable_folder(name)
        if number not in self._files[name]:
            raise not_found("file", str(number))
        statistics = self._files[name].pop(number).statistics
        if statistics:
            self._distinct[name] -= Counter(statistics.distinct_among)
        for file in folder.glob(f"{number:06}.*"):
            file.unlink()

    def describe(self, name: str) -> dict[str, Any]:
        """What a corpus holds, for JSON. Uploaded files are not read again."""
        if self.folder(name) is None:
            found = [FileStatistics.of(self.read(name))]
        else:
            found = [file.statistics for file in self._files[name].values() if file.statistics]
        alone = found[0] if len(found) == 1 and found[0].texts == 1 else None
        characters = alone.characters if alone else sum(each.characters_among for each in found)
        error = None if found else "there is no text in it yet"
        if found and characters < _MIN_CHARACTERS:
            error = f"{characters} characters are too few: add text, {_MIN_CHARACTERS} characters at least"
        titles = [title for each in found for title in (each.titles[:1] if each.texts == 1 else each.titles)]
        return {
            "id": name,
            "files": [file.document for file in self._files.get(name, {}).values()],
            "songs": alone.songs if alone else sum(each.texts for each in found),
            "lines": sum(each.lines for each in found),
            "characters": characters,
            "distinct": alone.distinct if alone else len(self._distinct[name]),
            "examples": list(alone.titles if alone else titles[:MAX_EXAMPLES]),
            "error": error,
        }

    def read(self, name: str) -> Corpus:
        """The songs of a corpus.

        Raises:
            ApiError: there is no corpus with this id.
            CorpusError: the corpus holds no text.
        """
        folder = self.folder(name)
        if folder is None:
            return load_lyrics("zh" if name == "zh" else "en", choruses="once")
        return read_stored(folder, self._names(name))

    def copy_to(self, name: str, folder: Path) -> None:
        """Copies a corpus into a folder, from which `load_stored` reads it when a run starts or is resumed."""
        source = self.folder(name)
        make_private(folder)
        names: dict[str, str] = {}
        if source is not None:
            names = self._names(name)
            for file in names:
                shutil.copyfile(source / file, folder / file)
                (folder / file).chmod(0o600)
        save_names(folder, names, bundled=name if source is None else None)

    def _names(self, name: str) -> dict[str, str]:
        """Stored name of each file of a corpus → its name on the user's machine."""
        folder = self.writable_folder(name)
        titles = {number: file.name for number, file in self._files[name].items()}
        return {file.name: titles[int(file.stem)] for file in sorted(folder.iterdir()) if file.stem.isdigit()}


def _suffix(title: str, arrived: Path) -> str:
    """The suffix under which a file is stored, by which `read_corpus` knows its format."""
    suffix = PureWindowsPath(title).suffix.lower()
    if suffix in TEXT_SUFFIXES | {".zip"}:
        return suffix
    return ".zip" if zipfile.is_zipfile(arrived) else ".txt"


def _unpacked_size(file: Path) -> tuple[int, int]:
    """The bytes that a zip file unpacks to by its own account, and the number of its members.

    Raises:
        CorpusError: the file is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorpusError(f"{file} is a damaged zip file: {error}") from None
    return sum(member.file_size for member in members), len(members)
