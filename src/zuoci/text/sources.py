"""Sources on disk (files, zips, folders) → the name and the bytes of every text in them. `corpus.py` calls it.

Reading is bounded: only regular files and pipes are read; a file may have 2 GiB, and `formats.archive` bounds what an
archive unpacks to. Files that zuoci wrote are not lyrics and are left out.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zuoci.errors import CorpusError, Message
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A file in a folder or an archive is a text by its name; its format is known by what it holds.
_SUFFIXES = (
    ".txt .text .lrc .yrc .qrc .krc .md .markdown .csv .tsv .json .jsonl .ndjson .srt .vtt .sbv .ass .ssa .html .htm "
    ".xhtml .ttml .docx .rtf"
)
TEXT_SUFFIXES = frozenset(_SUFFIXES.split())
MAX_FILE_BYTES = 2**31  # 2 GiB: a larger "text file" is a mistake
_PIECE = 4096  # bytes that are read in one call

NOT_TEXT, SPECIAL = "files that are not text", "special files and broken links"
OWN = "models and corpora that zuoci wrote"
EMPTY, NO_LYRICS = "empty files", "files without lyrics"
UNREADABLE, DAMAGED = "files that cannot be read", "damaged members of archives"


@dataclass(frozen=True, slots=True)
class Omission:
    """A file that is not read.

    Attributes:
        name: its name (`archive.zip/member.txt` inside a zip).
        why: the kind of reason, in the plural: one of the constants of this module.
        reason: the reason; None where `why` says it all.
    """

    name: str
    why: str
    reason: Message | None = None


@dataclass
class LeftOut:
    """The files of a source that are not read.

    Attributes:
        files: the files.
        is_folder: whether the source is a folder.
    """

    files: list[Omission] = field(default_factory=list[Omission])
    is_folder: bool = False

    def add(self, why: str, *names: str, reason: Message | None = None) -> None:
        """Remembers files that are left out."""
        self.files += [Omission(readable(name), why, reason) for name in names]


# By these bytes near their beginning, the files of a model or of a stopped run are recognised; see docs/format.md.
_MARKS = {
    "config.json": b'"zuoci-model"',
    "vocabulary.json": b'"zuoci-vocabulary"',
    "fingerprint.safetensors": b"zuoci-fingerprint",
    "base-windows.safetensors": b"zuoci-windows",
    "training/unfinished.safetensors": b"zuoci-run",
}
_CARD = b"---\nlibrary_name: zuoci\n"
# The file by which a prepared corpus is recognised.
MANIFEST, _MANIFEST_MARK = "corpus.json", b'"zuoci-corpus"'


def readable(name: str) -> str:
    """A file name as text that can be printed and saved.

    Where the bytes of a name are not in the system's encoding, Python represents them as lone surrogates. Such a part
    of a path is decoded as UTF-8, or as GB18030, the encoding of Chinese Windows; if neither fits, they become U+FFFD.
    """
    return os.sep.join(map(_readable, name.split(os.sep)))  # noqa: PTH118, PTH206


def _readable(part: str) -> str:
    """One part of a path as text without lone surrogates."""
    with suppress(UnicodeEncodeError):
        part.encode()
        return part
    for codec in ("utf-8", "gb18030"):
        with suppress(UnicodeError):
            return os.fsencode(part).decode(codec)
    return re.sub("[\ud800-\udfff]", "\ufffd", part)


def holds_model(folder: Path) -> bool:
    """Whether a folder holds a model that zuoci wrote, or a stopped run, even if it is damaged."""
    return any(_has_mark(folder / name, mark) for name, mark in _MARKS.items())


def is_prepared(folder: Path) -> bool:
    """Whether a folder holds a corpus that `zuoci prepare` wrote, even if it is damaged."""
    return _has_mark(folder / MANIFEST, _MANIFEST_MARK)


def _has_mark(file: Path, mark: bytes) -> bool:
    """Whether a mark stands near the beginning of a file."""
    with suppress(OSError):
        if file.is_file():
            with file.open("rb") as stream:
                return mark in stream.read(_PIECE)
    return False


def find_texts(
    path: Path,
    left_out: LeftOut,
    config: ReadConfig | None = None,
    read: Callable[[Path], bytes] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Finds every text in a source.

    Args:
        path: a text file, a zip or a folder.
        left_out: collects the names of the files that are left out; in a folder also of those that cannot be read.
        config: the limits of archives.
        read: reads a file that is not in an archive; default: `read_file`.

    Yields:
        The name and the bytes of each text.

    Raises:
        CorpusError: a source does not exist, cannot be read, or is too large.
    """
    config, read = config or ReadConfig(), read or read_file
    try:
        if path.is_dir():
            if is_prepared(path):
                raise CorpusError(
                    f"{readable(str(path))} was made by zuoci prepare, and only zuoci train reads it, as its only "
                    "source; name the lyrics that it was made of"
                )
            left_out.is_folder = True
            for file in _walk(path, left_out):
                try:
                    yield from _texts_of(file, left_out, config, read)
                except (CorpusError, OSError) as error:
                    left_out.add(UNREADABLE, str(file), reason=_named_error(error, file).message)
        elif path.suffix.lower() == ".zip" or (_kind(path) == stat.S_IFREG and is_archive(path)):
            yield from _zip_members(path, left_out, config)
        else:
            yield readable(str(path)), read(path)
    except (OSError, ValueError) as error:
        raise _named_error(error, path) from None


def _named_error(error: Exception, path: Path) -> CorpusError:
    """What went wrong with a file, in words."""
    if isinstance(error, CorpusError):
        return error
    if isinstance(error, FileNotFoundError):
        told = "{name} does not exist: name a text file, a zip or a folder"
        return CorpusError(Message("missing_file", told, name=readable(str(error.filename or path))))
    if isinstance(error, OSError):
        name, why = readable(str(error.filename or path)), error.strerror or str(error)
        return CorpusError(Message("unreadable", "{name} cannot be read: {error}", name=name, error=why))
    return CorpusError(f"{str(path)!r} is no name of a file: {error}")  # a null character, or a lone surrogate


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, and not a document that is stored as one."""
    if not zipfile.is_zipfile(path):
        return False
    from zuoci.text.formats.docx import is_docx  # here: writing needs names of sources, and no formats

    with path.open("rb") as stream:
        return path.suffix.lower() != ".docx" and not is_docx(stream)


def _walk(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yields the files of a folder, sorted, without hidden files and models. Links to folders are not followed."""

    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=stop):
        inside = {name: Path(root, name) for name in folders if not name.startswith(".")}
        models = {name for name, folder in inside.items() if holds_model(folder) or is_prepared(folder)}
        left_out.add(OWN, *(os.path.relpath(Path(root, name), folder) for name in sorted(models)))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in models)
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _texts_of(
    file: Path, left_out: LeftOut, config: ReadConfig, read: Callable[[Path], bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yields the text of a file in a folder, or the texts of a zip."""
    suffix = file.suffix.lower()
    if suffix not in {*TEXT_SUFFIXES, ".zip"}:
        left_out.add(NOT_TEXT, file.name)
    elif not file.is_file():
        left_out.add(SPECIAL, file.name)
    elif suffix == ".zip":
        yield from _zip_members(file, left_out, config)
    elif (data := read(file)).startswith(_CARD):
        left_out.add(OWN, file.name)
    else:
        yield readable(str(file)), data


def read_file(file: Path, limit: int | None = None) -> bytes:
    """Reads a regular file, or a pipe such as the shell's `<(command)`.

    Args:
        file: the file.
        limit: the most bytes that are read; None: 2 GiB.

    Raises:
        CorpusError: the file is neither a regular file nor a pipe, or has more bytes.
        OSError: the file cannot be read.
    """
    limit = limit or MAX_FILE_BYTES
    kind = _kind(file)
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if kind == stat.S_IFIFO:
            os.set_blocking(descriptor, True)
        if os.fstat(descriptor).st_size > limit:
            raise _too_large(str(file), limit)
        return read_stream(stream, str(file), limit)


def read_stream(stream: IO[bytes], name: str, limit: int | None = None) -> bytes:
    """Reads a stream to its end.

    Args:
        stream: the stream.
        name: its name, for errors.
        limit: the most bytes that are read; None: 2 GiB.

    Raises:
        CorpusError: the stream has more bytes.
    """
    limit = limit or MAX_FILE_BYTES
    data = _read(stream, limit)
    if data is None:
        raise _too_large(name, limit)
    return data


def _too_large(name: str, limit: int) -> CorpusError:
    shown = f"{limit // 2**30} GiB" if limit >= 2**30 else f"{limit / 2**20:g} MiB"
    told = "{name} is larger than {most}; cut it into smaller files"
    return CorpusError(Message("large_file", told, name=name, most=shown))


def _kind(file: Path) -> int:
    """The type of a file, `stat.S_IFREG` or `stat.S_IFIFO`.

    Raises:
        CorpusError: it is neither a regular file nor a pipe, so that reading might never end.
    """
    kind = stat.S_IFMT(file.stat().st_mode)
    if kind not in {stat.S_IFREG, stat.S_IFIFO}:
        what = "a socket" if kind == stat.S_IFSOCK else "a device"
        raise CorpusError(f"{file} is {what}: name a text file, a zip or a folder")
    return kind


def _read(stream: IO[bytes], limit: int) -> bytes | None:
    """The rest of a stream; None if it has more bytes than the limit."""
    data = io.BytesIO()
    while piece := stream.read(_PIECE):
        if data.tell() + len(piece) > limit:
            return None
        data.write(piece)
    return data.getvalue()


def _zip_members(path: Path, left_out: LeftOut, config: ReadConfig) -> Iterator[tuple[str, bytes]]:
    """Yields the texts in a zip file."""
    from zuoci.text.formats.archive import unpack

    if _kind(path) != stat.S_IFREG:
        raise CorpusError(f"{path} is a pipe, and a zip cannot be read from one: name a file")
    failed: dict[str, Message] = {}
    for member, data in unpack(path, TEXT_SUFFIXES, config, failed):
        name = f"{readable(str(path))}/{readable(member)}"
        if data is None:
            left_out.add(NOT_TEXT, name)
        elif data.startswith(_CARD):
            left_out.add(OWN, name)
        else:
            yield name, data
    for name, why in failed.items():
        left_out.add(DAMAGED, f"{path}/{name}", reason=why)
