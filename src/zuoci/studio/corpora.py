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
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError
from zuoci.studio.failures import ApiError, not_found
from zuoci.text.cleaning import distinct
from zuoci.text.corpus import TEXT_SUFFIXES, Corpus, Song, load_lyrics, read_corpus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

MOST_FILES = 1000
FILE_BYTES = 64 * 2**20
_CORPUS_BYTES = 256 * 2**20  # also of a zip, once it is unpacked
_MOST_CORPORA = 32  # since the launch, that nobody threw away
_MOST_MEMBERS = 20_000
_MOST_ARRIVING = 8  # files at the same time
_WRITTEN_AT_ONCE = 2**20  # bytes
_MOST_EXAMPLES = 5
_LEAST_CHARACTERS = 200
_BUNDLED = ("zh", "en")
_NAMES = ".names.json"  # hidden, so that it is no text of the corpus


@dataclass(frozen=True)
class Figures:
    """What was found in a file, so that nobody has to read it again to say what is in a corpus.

    A text that is alone is cut into songs where its lines are empty; among others it is one song.

    Attributes:
        texts: in the file.
        songs: if it is the only file.
        lines: that are not empty.
        characters: if it is the only file.
        characters_among: if there are others.
        distinct: characters, if it is the only file.
        distinct_among: these characters, if there are others.
        titles: of its first songs.
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
    def of(cls, corpus: Corpus) -> Figures:
        """Those of the songs of one file."""
        texts = len({song.source for song in corpus.songs})
        text = corpus.text
        among = f"{text.rstrip()}\n\n" if texts == 1 else text
        return cls(
            texts=texts,
            songs=len(corpus),
            lines=sum(len(song.lines) for song in corpus.songs),
            characters=len(text),
            characters_among=len(among),
            distinct=len(distinct(text)),
            distinct_among="".join(distinct(among)),
            titles=tuple(song.title[:100] for song in corpus.songs[:_MOST_EXAMPLES]),
        )


@dataclass(frozen=True)
class Dropped:
    """A file.

    Attributes:
        number: its place among the files of its corpus.
        name: as its owner calls it.
        bytes: its size.
        encoding: of the texts in it.
        notes: what was changed or left out.
        error: why it cannot be used.
        figures: of what is in it; None: it cannot be used.
    """

    number: int
    name: str
    bytes: int
    encoding: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    figures: Figures | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What the page shows."""
        return {name: getattr(self, name) for name in ("number", "name", "bytes", "encoding", "notes", "error")}


class Corpora:
    """The corpora that are being put together. What reads or writes files is for a thread."""

    def __init__(self, place: Path) -> None:
        """Keeps them in a folder, which is made for the first of them."""
        self.turn = asyncio.Lock()  # for whoever changes a corpus, or reads it while others might
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
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._place / name).mkdir()
        self._files[name], self._counts[name], self._distinct[name] = {}, 0, Counter()
        return name

    def close(self) -> None:
        """Throws all of them away."""
        shutil.rmtree(self._place, ignore_errors=True)

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
        """The bytes that one more file of a corpus may have.

        Raises:
            ApiError: none.
        """
        self.own(name)
        files = self._files[name]
        left = _CORPUS_BYTES - sum(file.bytes for file in files.values())
        if len(files) >= MOST_FILES or left <= 0:
            raise ApiError(413, f"a corpus holds {MOST_FILES} files and {_CORPUS_BYTES:,} bytes at most; zip the files")
        return min(left, FILE_BYTES)

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
                async for piece in pieces:
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
            if suffix == ".zip":
                _check_zip(file)
            corpus = named(read_corpus(file), folder, {file.name: title})
        except CorpusError as error:
            file.unlink()
            error_text = str(error).replace(str(file), title)
            self._files[name][number] = replace(dropped, bytes=0, error=error_text)
            return
        notes = [note.removeprefix(f"{title}: ") for note in corpus.notes]
        encodings = [match[1] for note in notes if (match := re.match(r"read as (\S+)", note))]
        others = [note for note in notes if not note.startswith("read as ")]
        figures = Figures.of(corpus)
        self._distinct[name].update(figures.distinct_among)
        self._files[name][number] = replace(
            dropped, encoding=tuple(encodings or ["utf-8"]), notes=tuple(others), figures=figures
        )

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
            "examples": list(alone.titles if alone else titles[:_MOST_EXAMPLES]),
            "error": error,
        }

    def read(self, name: str) -> Corpus:
        """The songs.

        Raises:
            CorpusError: there are none.
        """
        folder = self.folder(name)
        return load_lyrics("zh" if name == "zh" else "en") if folder is None else read_kept(folder, self._names(name))

    def keep(self, name: str, place: Path) -> None:
        """Copies a corpus to where a run finds it again, and the names of its files with it."""
        folder = self.folder(name)
        place.mkdir(parents=True)
        names: dict[str, str] = {}
        if folder is not None:
            names = self._names(name)
            for file in names:
                shutil.copyfile(folder / file, place / file)
        document = {"bundled": name if folder is None else None, "names": names}
        (place / _NAMES).write_text(json.dumps(document, ensure_ascii=False), "utf-8")

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
    return load_lyrics(bundled)


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


def _check_zip(file: Path) -> None:
    """Makes sure, before it is unpacked, that a zip is not larger than it looks.

    Raises:
        CorpusError: it is.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorpusError(f"{file} is a damaged zip file: {error}") from None
    size = sum(member.file_size for member in members)  # what is declared is all that will be read
    if size > _CORPUS_BYTES or len(members) > _MOST_MEMBERS:
        raise CorpusError(
            f"{file} unpacks to {size:,} bytes in {len(members):,} files: "
            f"{_CORPUS_BYTES:,} in {_MOST_MEMBERS:,} at most"
        )
