"""Files that were dropped → a corpus, and what was found in it.

A file is kept under a number, never under its own name: that is shown, and stands in what a model remembers of its
sources, but no path is made of it.
"""

from __future__ import annotations

import asyncio
import json
import os
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
from zuoci.server.turns import Turns
from zuoci.studio.dropped import MOST_EXAMPLES, Dropped, Figures
from zuoci.text.corpus import TEXT_SUFFIXES, Corpus, Song, load_lyrics, read_corpus
from zuoci.text.folder import is_directory
from zuoci.text.sources import find_texts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

UPLOADS = ".uploads"  # below the home of models
MOST_FILES = 1000
FILE_BYTES = 64 * 2**20
_CORPUS_BYTES = 64 * 2**20  # of its texts, unpacked; in memory a character takes 4 bytes where one is beyond U+FFFF
_CORPUS_LINES = 4_000_000
_LARGE = 4 * 2**20  # bytes: what is larger is read when nothing else that large is
_MOST_CORPORA = 32  # since the launch, that nobody threw away
_MOST_MEMBERS = 20_000
_MOST_ARRIVING = 8  # files at the same time
_WRITTEN_AT_ONCE = 2**20  # bytes
_LEAST_CHARACTERS = 200
_BUNDLED = ("zh", "en")
_OWN = re.compile(r"[0-9a-f]{16}")  # names of folders of corpora
_NAMES = ".names.json"  # hidden, so that it is no text of the corpus


class Corpora:
    """The corpora that are being put together. What reads or writes files is for a thread."""

    def __init__(self, place: Path) -> None:
        """Keeps them in a folder, which is made for the first of them."""
        self.turns = Turns()  # for whoever changes a corpus, or reads it while others might
        self._place = place
        self._files: dict[str, dict[int, Dropped]] = {}
        self._counts: dict[str, int] = {}
        self._distinct: dict[str, Counter[str]] = {}  # character → files that have it
        self._arriving = 0

    def begin(self) -> str:
        """A new one, empty.

        Raises:
            ApiError: there are too many.
        """
        if len(self._files) >= _MOST_CORPORA:
            raise ApiError(409, f"there are {_MOST_CORPORA} corpora already; throw one away, or restart the studio")
        name = secrets.token_hex(8)
        make_private(self._place)
        (self._place / name).mkdir(mode=0o700)
        self._files[name], self._counts[name], self._distinct[name] = {}, 0, Counter()
        return name

    def close(self) -> None:
        """Throws all of them away, and those that a studio left that was killed."""
        with suppress(OSError):  # it was never made, or somebody else's files are in it
            for folder in [] if self._place.is_symlink() else list(self._place.iterdir()):
                if _OWN.fullmatch(folder.name) and is_directory(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            self._place.rmdir()

    def folder(self, name: str) -> Path | None:
        """Where the files of a corpus are; None: it is a bundled one.

        Raises:
            ApiError: there is no such corpus.
        """
        if name in _BUNDLED:
            return None
        if name not in self._files:
            raise not_found("corpus", name)
        return self._place / name

    def own(self, name: str) -> Path:
        """Where the files of a corpus are, which may be changed.

        Raises:
            ApiError: there is no such corpus, or it is a bundled one.
        """
        folder = self.folder(name)
        if folder is None:
            raise ApiError(409, "the bundled lyrics stay as they are; begin a corpus of your own", code="bundled")
        return folder

    def forget(self, name: str) -> None:
        """Throws a corpus away."""
        shutil.rmtree(self.own(name), ignore_errors=True)
        del self._files[name], self._counts[name], self._distinct[name]

    def room(self, name: str) -> int:
        """The bytes that the texts of one more file of a corpus may have, unpacked.

        Raises:
            ApiError: none.
        """
        self.own(name)
        files = self._files[name]
        left = _CORPUS_BYTES - sum(file.size for file in files.values())
        if len(files) >= MOST_FILES or left <= 0:
            raise ApiError(413, f"a corpus holds {MOST_FILES} files and {_CORPUS_BYTES:,} bytes of text at most")
        return min(left, FILE_BYTES)

    def is_large(self, name: str, arrived: Path | None = None) -> bool:
        """Whether it takes much memory to read a corpus, or a file that has arrived."""
        if arrived is None:
            return sum(file.size for file in self._files.get(name, {}).values()) > _LARGE
        try:
            return _declared(arrived)[0] > _LARGE if zipfile.is_zipfile(arrived) else arrived.stat().st_size > _LARGE
        except CorpusError:  # whoever reads it says so
            return False

    @asynccontextmanager
    async def arrival(self, name: str, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Path]:
        """Receives a file beside those of a corpus; it is gone afterwards unless it was moved.

        Raises:
            ApiError: too many arrive at the same time, or it is too large.
        """
        if self._arriving >= _MOST_ARRIVING:
            raise ApiError(429, f"{_MOST_ARRIVING} files are arriving already; try again", code="busy")
        left = self.room(name)
        self._arriving += 1
        arrived = self.own(name) / f".{secrets.token_hex(8)}"
        waiting = bytearray()
        try:
            with arrived.open("wb") as file:
                async for piece in self._until_end(pieces):
                    left -= len(piece)
                    if left < 0:
                        raise ApiError(413, "the file is larger than what the corpus has room for", code="too_large")
                    waiting += piece
                    if len(waiting) >= _WRITTEN_AT_ONCE:
                        await asyncio.to_thread(file.write, bytes(waiting))
                        waiting.clear()
                await asyncio.to_thread(file.write, bytes(waiting))
            yield arrived
        finally:
            self._arriving -= 1
            arrived.unlink(missing_ok=True)

    async def _until_end(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        while True:
            following = asyncio.ensure_future(anext(pieces, None))
            try:
                piece = await self.turns.until_end(following)
            finally:
                following.cancel()
            if piece is None:
                return
            yield piece

    def add(self, name: str, title: str, arrived: Path) -> None:
        """Takes in a file that has arrived beside the others; keeps of an unusable one only what is wrong with it."""
        folder = self.own(name)
        self._counts[name] += 1
        number = self._counts[name]
        title = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", PureWindowsPath(title).name)[-200:].strip() or f"{number}"
        suffix = PureWindowsPath(title).suffix.lower()
        if suffix not in TEXT_SUFFIXES | {".zip"}:
            suffix = ".zip" if zipfile.is_zipfile(arrived) else ".txt"
        file = folder / f"{number:06}{suffix}"
        arrived.rename(file)
        dropped = Dropped(number, title, file.stat().st_size)
        try:
            dropped = self._measured(name, dropped, file)
            corpus = named(read_corpus(file), folder, {file.name: title})
        except CorpusError as error:
            file.unlink()
            error_text = str(error).replace(str(file), title)
            self._files[name][number] = Dropped(number, title, 0, error=error_text)
            return
        notes = [note.removeprefix(f"{title}: ") for note in corpus.notes]
        encodings = [match[1] for note in notes if (match := re.match(r"read as (\S+)", note))]
        others = [note for note in notes if not note.startswith("read as ")]
        figures = Figures.of(corpus)
        del corpus
        self._distinct[name].update(figures.distinct_among)
        self._files[name][number] = replace(
            dropped, encoding=tuple(encodings or ["utf-8"]), notes=tuple(others), figures=figures
        )

    def _measured(self, name: str, dropped: Dropped, file: Path) -> Dropped:
        """A file with the sizes of its texts, measured before any of them is read as text.

        Raises:
            CorpusError: the corpus has no room for them.
        """
        if file.suffix == ".zip":
            size, members = _declared(file)  # what is declared is all that will be read
            if size > _CORPUS_BYTES or members > _MOST_MEMBERS:
                most = f"{_CORPUS_BYTES:,} in {_MOST_MEMBERS:,} at most"
                raise CorpusError(f"{file} unpacks to {size:,} bytes in {members:,} files: {most}")
        others = self._files[name].values()
        size = breaks = 0
        for _, data in find_texts(file, {}):
            size += len(data)
            breaks += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        for what, seen, there, most in (
            ("bytes of text", size, sum(one.size for one in others), _CORPUS_BYTES),
            ("lines", breaks, sum(one.breaks for one in others), _CORPUS_LINES),
        ):
            if seen + there > most:
                raise CorpusError(f"{file} has {seen:,} {what}, with {there:,} in other files: {most:,} at most")
        return replace(dropped, size=size, breaks=breaks)

    def remove(self, name: str, number: int) -> None:
        """Throws a file away.

        Raises:
            ApiError: there is no such file.
        """
        folder = self.own(name)
        if number not in self._files[name]:
            raise not_found("file", str(number))
        figures = self._files[name].pop(number).figures
        if figures:
            self._distinct[name] -= Counter(figures.distinct_among)
        for file in folder.glob(f"{number:06}.*"):
            file.unlink()

    def describe(self, name: str) -> dict[str, Any]:
        """What was found, when each file was added: none is read again."""
        if self.folder(name) is None:
            found = [Figures.of(self.read(name))]
        else:
            found = [file.figures for file in self._files[name].values() if file.figures]
        alone = found[0] if len(found) == 1 and found[0].texts == 1 else None
        characters = alone.characters if alone else sum(each.characters_among for each in found)
        error = None if found else "there is no text in it yet"
        if found and characters < _LEAST_CHARACTERS:
            error = f"{characters} characters are too few: add text, {_LEAST_CHARACTERS} at least"
        titles = [title for each in found for title in (each.titles[:1] if each.texts == 1 else each.titles)]
        return {
            "id": name,
            "files": [file.document for file in self._files.get(name, {}).values()],
            "songs": alone.songs if alone else sum(each.texts for each in found),
            "lines": sum(each.lines for each in found),
            "characters": characters,
            "distinct": alone.distinct if alone else len(self._distinct[name]),
            "examples": list(alone.titles if alone else titles[:MOST_EXAMPLES]),
            "error": error,
        }

    def read(self, name: str) -> Corpus:
        """The songs.

        Raises:
            CorpusError: there are none.
        """
        folder = self.folder(name)
        if folder is None:
            return load_lyrics("zh" if name == "zh" else "en", choruses="once")
        return read_kept(folder, self._names(name))

    def keep(self, name: str, place: Path) -> None:
        """Copies a corpus to where a run finds it again, and the names of its files with it."""
        folder = self.folder(name)
        make_private(place)
        names: dict[str, str] = {}
        if folder is not None:
            names = self._names(name)
            for file in names:
                shutil.copyfile(folder / file, place / file)
                (place / file).chmod(0o600)
        document = {"bundled": name if folder is None else None, "names": names}
        (place / _NAMES).write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        (place / _NAMES).chmod(0o600)

    def _names(self, name: str) -> dict[str, str]:
        folder = self.own(name)
        titles = {number: file.name for number, file in self._files[name].items()}
        return {file.name: titles[int(file.stem)] for file in sorted(folder.iterdir()) if file.stem.isdigit()}


def load_kept(place: Path) -> Corpus:
    """The songs that `Corpora.keep` copied.

    Raises:
        CorpusError: they are not there any more, or cannot be read.
    """
    try:
        document: Any = json.loads((place / _NAMES).read_text("utf-8"))
        bundled, names = document["bundled"], document["names"]
        if bundled is None:
            return read_kept(place, {str(file): str(name) for file, name in names.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CorpusError(f"{place} does not hold the lyrics of a run: {_NAMES} is missing or damaged") from None
    return load_lyrics(bundled, choruses="once")


def read_kept(folder: Path, names: dict[str, str]) -> Corpus:
    """The songs of some files in a folder, which stand for the names that their owner gave them."""
    return named(read_corpus(folder), folder, names)


def named(corpus: Corpus, folder: Path, names: dict[str, str]) -> Corpus:
    """The same songs, under other names of their files in a folder."""
    paths = re.compile(re.escape(f"{folder}{os.sep}") + r"(\d{6}\.\w+)")

    def shown(text: str) -> str:
        return paths.sub(lambda found: names.get(found[1], found[0]), text)

    songs = tuple(Song(shown(song.source), song.text) for song in corpus.songs)
    return Corpus(songs, tuple(map(shown, corpus.notes)))


def make_private(folder: Path) -> None:
    """Makes a folder that only its owner can look into, whatever the umask."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _declared(file: Path) -> tuple[int, int]:
    """The bytes that a zip says it unpacks to, and the number of its members.

    Raises:
        CorpusError: it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorpusError(f"{file} is a damaged zip file: {error}") from None
    return sum(member.file_size for member in members), len(members)
