"""Songs on disk: a folder of plain text files that the writer sees, and beside each what a text file cannot say.

A song's title is the name of its file. The folder `.zuoci` in it holds, for each song, who wrote which line and which
lines are locked (`TITLE.json`), and former versions (`TITLE.versions.jsonl`). A text that another program has changed
is taken as it is; what is known of its lines is kept for those that are the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import unicodedata
from contextlib import contextmanager, suppress
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Annotated, Any

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from zuoci.errors import CorpusError
from zuoci.model.replacing import replace_durably
from zuoci.server.errors import ApiError, not_found
from zuoci.server.options import MAX_TEXT, Body
from zuoci.studio.lrc import read_lrc, write_lrc
from zuoci.text.characters import clean_characters
from zuoci.text.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

MAX_LINES = 5000  # of a song, empty ones included
MAX_SHELF = 500  # liked lines
MAX_SONGS = 2000  # that are listed
_DETAILS = ".zuoci"
_MAX_VERSIONS = 400  # beyond it, every other one of the older half goes
_MAX_TITLE, _MAX_TITLE_BYTES = 60, 180  # file systems allow 255 bytes, endings included
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')  # in names of files, on some system
_LOCK_SECONDS = 10.0

_Value = (
    bool
    | Annotated[int, Field(ge=-(2**53), le=2**53)]
    | Annotated[float, Field(ge=-1e15, le=1e15)]
    | Annotated[str, Field(max_length=1000)]
)
_Setting = _Value | Annotated[list[_Value], Field(max_length=100)] | None


class Author(Body):
    """A model that wrote lines, with the settings that write them again."""

    model: str = Field(max_length=300)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    settings: dict[Annotated[str, Field(max_length=100)], _Setting] = Field(default={}, max_length=50)


class LineDetails(Body):
    """What is known of a line besides its text."""

    id: int = Field(ge=0, le=2**53, description="the line keeps it while its text changes")
    locked: bool = False
    by: int | None = Field(default=None, ge=0, le=MAX_LINES, description="index of its author; null: the person")
    time: str | None = Field(default=None, max_length=12, pattern=r"^\d{1,3}:\d{1,2}([.:]\d{1,3})?$")


class SongDetails(Body):
    """What is known of a song besides its text."""

    lines: list[LineDetails] = Field(default=[], max_length=MAX_LINES)
    authors: list[Author] = Field(default=[], max_length=MAX_LINES)
    shelf: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=MAX_SHELF)
    tags: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=100)


class _Stored(SongDetails):
    """The file beside a song: its details, and the text that they belong to."""

    text: str = ""


class Songs:
    """The songs in a folder."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder; it is made when the first song is saved."""
        self.folder = folder
        self._details = folder / _DETAILS

    def summaries(self) -> list[dict[str, Any]]:
        """Title, time of the last change and first line of each song, the newest first."""
        try:
            files = [file for file in self.folder.iterdir() if file.suffix == ".txt" and not file.name.startswith(".")]
        except FileNotFoundError:
            return []
        found: list[dict[str, Any]] = []
        for file in files:
            with suppress(OSError):
                with file.open("rb") as stream:
                    head = stream.read(400).decode("utf-8", "ignore").splitlines()
                first = next((line.strip() for line in head if line.strip() and not line.startswith(("[", "#"))), "")
                found.append({"id": file.stem, "modified": file.stat().st_mtime, "first_line": first[:80]})
        return sorted(found, key=lambda song: song["modified"], reverse=True)[:MAX_SONGS]

    def read(self, name: str) -> dict[str, Any]:
        """A song: text, details, and the version that `write` asks for.

        Raises:
            ApiError: there is no such song, or it cannot be read.
        """
        text, details = self._read(name)
        return {"id": name, "text": text, "version": _version(text, details), **details.model_dump()}

    def create(self, title: str, text: str = "", details: SongDetails | None = None) -> dict[str, Any]:
        """Makes a song; if the title is taken, it gets a number."""
        with self._locked():
            name = self._free_name(clean_title(title))
            self._write(name, text, details or SongDetails(lines=_aligned("", [], text)))
        return self.read(name)

    def write(self, name: str, text: str, details: SongDetails, version: str, *, keep: bool = False) -> str:
        """Saves a song.

        Args:
            name: its title.
            text: its text.
            details: what is known of it; `tags` stay as they are.
            version: the version that the text was made from.
            keep: whether to add the text to the former versions.

        Returns:
            The new version.

        Raises:
            ApiError: there is no such song, or it has another version by now.
        """
        with self._locked():
            former, known = self._read(name)
            if _version(former, known) != version:
                raise ApiError(409, f"{name} was changed elsewhere; read it again", code="song_changed")
            details = details.model_copy(update={"tags": known.tags})
            self._write(name, text, details)
            if keep:
                self._keep(name, text, details)
        return _version(text, details)

    def versions(self, name: str) -> list[dict[str, Any]]:
        """The former versions of a song, the newest first."""
        self._file(name)
        return [json.loads(row) for row in reversed(self._kept(name))]

    def rename(self, name: str, title: str) -> str:
        """Gives a song another title, and returns it as the name of the file has it.

        Raises:
            ApiError: there is no such song, or another one has the title.
        """
        with self._locked():
            file, new = self._file(name), clean_title(title)
            if new == name:
                return name
            target = self.folder / f"{new}.txt"
            if target.exists() and not target.samefile(file):
                raise ApiError(409, f"there is a song {new!r} already; choose another title", code="song_exists")
            file.rename(target)
            for ending in (".json", ".versions.jsonl"):
                with suppress(FileNotFoundError):
                    (self._details / f"{name}{ending}").replace(self._details / f"{new}{ending}")
        return new

    def delete(self, name: str) -> None:
        """Moves a song and what is known of it into the folder `.zuoci/deleted`."""
        with self._locked():
            file = self._file(name)
            deleted = self._details / "deleted"
            deleted.mkdir(parents=True, exist_ok=True)
            stamp = time.strftime("%Y%m%d-%H%M%S")
            file.replace(deleted / f"{name} {stamp}.txt")
            for ending in (".json", ".versions.jsonl"):
                with suppress(FileNotFoundError):
                    (self._details / f"{name}{ending}").replace(deleted / f"{name} {stamp}{ending}")

    def import_file(self, file_name: str, data: bytes) -> dict[str, Any]:
        """Makes a song of a text or LRC file.

        Raises:
            ApiError: it is no text, or too long.
        """
        stem, _, ending = file_name.rpartition(".")
        try:
            text = clean_characters(decode(data, file_name or "the file")[0])[0]
        except CorpusError as error:
            raise ApiError(400, str(error), code="not_text") from None
        if ending.lower() != "lrc":
            return self.create(stem or file_name, text.strip("\n"))
        timed = read_lrc(text)
        lines = [LineDetails(id=i, time=stamp) for i, stamp in enumerate(timed.times)]
        return self.create(timed.title or stem, "\n".join(timed.lines), SongDetails(lines=lines, tags=[*timed.tags]))

    def export_lrc(self, name: str) -> str:
        """A song as LRC: the times and tags that it came with."""
        text, details = self._read(name)
        times = [line.time for line in details.lines]
        return write_lrc(text.split("\n"), times, details.tags)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Nobody else changes a song, another studio included."""
        self._details.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._details / ".lock", timeout=_LOCK_SECONDS, mode=0o600):
                yield
        except Timeout:
            message = f"another program holds {self._details / '.lock'}; end it, or name another folder with --songs"
            raise ApiError(409, message, code="songs_locked") from None

    def _file(self, name: str) -> Path:
        """The file of a song that exists."""
        file = self.folder / f"{name}.txt"
        if _FORBIDDEN.search(name) or name.startswith(".") or not _is_file(file):
            raise not_found("song", name)
        return file

    def _free_name(self, name: str) -> str:
        names = [name, *(f"{name} {k}" for k in range(2, MAX_SONGS))]
        return next(free for free in names if not (self.folder / f"{free}.txt").exists())

    def _read(self, name: str) -> tuple[str, SongDetails]:
        file = self._file(name)
        try:
            text = clean_characters(decode(file.read_bytes(), file.name)[0])[0].removesuffix("\n")
        except FileNotFoundError:
            raise not_found("song", name) from None
        except CorpusError as error:
            raise ApiError(409, str(error), code="not_text") from None
        _check_length(text)
        try:
            stored = _Stored.model_validate_json((self._details / f"{name}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            stored = _Stored()
        details = SongDetails.model_validate(stored.model_dump(exclude={"text"}))
        if stored.text != text or len(details.lines) != text.count("\n") + 1:
            details = details.model_copy(update={"lines": _aligned(stored.text, details.lines, text)})
        return text, details

    def _write(self, name: str, text: str, details: SongDetails) -> None:
        _check_length(text)
        replace_durably(self.folder / f"{name}.txt", f"{text}\n".encode() if text else b"")
        stored = _Stored(**details.model_dump(), text=text)
        replace_durably(self._details / f"{name}.json", stored.model_dump_json(exclude_defaults=True).encode())

    def _kept(self, name: str) -> list[str]:
        with suppress(FileNotFoundError):
            rows = (self._details / f"{name}.versions.jsonl").read_text("utf-8").splitlines()
            return [row for row in rows if row.endswith("}")]  # a kill may have cut the last one off
        return []

    def _keep(self, name: str, text: str, details: SongDetails) -> None:
        """Adds a text to the former versions, unless it is the last of them."""
        rows = self._kept(name)
        lines = [
            {"id": line.id, "text": row, "by": None if line.by is None else details.authors[line.by].model_dump()}
            for line, row in zip(details.lines, text.split("\n"), strict=True)
        ]
        if rows and json.loads(rows[-1])["lines"] == lines:
            return
        rows.append(json.dumps({"at": time.time(), "lines": lines}, ensure_ascii=False))
        if len(rows) > _MAX_VERSIONS:
            half = len(rows) // 2
            rows = rows[:half:2] + rows[half:]
        replace_durably(self._details / f"{name}.versions.jsonl", "".join(f"{row}\n" for row in rows).encode())


def clean_title(title: str) -> str:
    """A title as the name of a file.

    Raises:
        ApiError: nothing is left of it.
    """
    plain = " ".join(_FORBIDDEN.sub(" ", unicodedata.normalize("NFC", title)).split())[:_MAX_TITLE]
    plain = plain.encode()[:_MAX_TITLE_BYTES].decode("utf-8", "ignore").strip(" .")
    if not plain:
        raise ApiError(400, f"a title needs a letter or a digit: got {title[:80]!r}", param="title", code="bad_title")
    return plain


def check_details(text: str, details: SongDetails) -> None:
    """Checks that the details of a song fit its text.

    Raises:
        ApiError: they do not.
    """
    count = text.count("\n") + 1
    if len(details.lines) != count:
        message = f"lines must have an entry for each of the {count} lines of text: got {len(details.lines)}"
        raise ApiError(400, message, param="lines", code="invalid_value")
    most = len(details.authors)
    if any(line.by is not None and line.by >= most for line in details.lines):
        raise ApiError(400, f"by must be less than {most}, the number of authors", param="lines", code="invalid_value")


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT or text.count("\n") >= MAX_LINES:
        message = f"a song has at most {MAX_TEXT:,} characters and {MAX_LINES:,} lines: this one has {len(text):,} "
        message += f"characters and {text.count(chr(10)) + 1:,} lines; divide it"
        raise ApiError(409, message, code="song_too_long")


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name that the file system cannot have
        return False


def _version(text: str, details: SongDetails) -> str:
    document = json.dumps([text, details.model_dump(exclude={"tags"})], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def _aligned(former: str, known: Sequence[LineDetails], text: str) -> list[LineDetails]:
    """The details of the lines of a text, taken from those of a former one: a line that was changed keeps its id."""
    old, new = former.split("\n"), text.split("\n")
    free = max((line.id for line in known), default=-1) + 1
    lines = [LineDetails(id=free + i, locked=bool(row.strip())) for i, row in enumerate(new)]
    if len(old) != len(known):
        return lines
    for kind, start, end, at, to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for i, line in enumerate(known[start:end]):
            if kind == "equal":
                lines[at + i] = line
            elif kind == "replace" and at + i < to:
                lines[at + i] = lines[at + i].model_copy(update={"id": line.id, "time": line.time})
    return lines
