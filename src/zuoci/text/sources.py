"""Sources on disk → the bytes of every text in them.

What is read is bounded: only regular files and pipes are read, a file up to 2 GiB, an archive up to a multiple of its
own size, and a member of it up to the size that it declares. What zuoci wrote is no lyrics, and is left out.
"""

from __future__ import annotations

import bz2
import copy
import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zuoci.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_SUFFIXES = frozenset({".txt", ".lrc", ".md", ".text"})
MAX_FILE_BYTES = 2**31  # 2 GiB: beyond it a "text file" is a mistake
_ARCHIVE_BYTES = 2**28  # that any archive may unpack to
_RATIO = 50  # or so many times its own size; lyrics are packed 2 to 10 times
_PIECE = 4096  # bytes that are read at once; LZMA makes up to 7,000 times as many of them

NOT_TEXT, SPECIAL, OWN = "files that are not text", "special files and broken links", "models that zuoci wrote"
LeftOut = dict[str, list[str]]  # why files were left out → their names

# What stands near the beginning of the files of a model's folder, or of a run that was stopped; see docs/format.md.
_MARKS = {
    "config.json": b'"zuoci-model"',
    "vocabulary.json": b'"zuoci-vocabulary"',
    "fingerprint.safetensors": b"zuoci-fingerprint",
    "training/unfinished.safetensors": b"zuoci-run",
}
_CARD = b"---\nlibrary_name: zuoci\n"


def readable(name: str) -> str:
    """A file name as text that can be printed and saved.

    Bytes of a name that are not in the system's encoding stand in a `str` as lone surrogates. Such a part of a path is
    read as UTF-8, or as GB18030, in which Chinese Windows writes names, or else they become U+FFFD.
    """
    return os.sep.join(map(_readable, name.split(os.sep)))  # noqa: PTH118, PTH206


def _readable(part: str) -> str:
    with suppress(UnicodeEncodeError):
        part.encode()
        return part
    for codec in ("utf-8", "gb18030"):
        with suppress(UnicodeError):
            return os.fsencode(part).decode(codec)
    return re.sub("[\ud800-\udfff]", "\ufffd", part)


def holds_model(folder: Path) -> bool:
    """Whether a folder holds a model that zuoci wrote, or a run that was stopped: whole or damaged."""
    for name, mark in _MARKS.items():
        file = folder / name
        with suppress(OSError):
            if file.is_file():
                with file.open("rb") as stream:
                    if mark in stream.read(_PIECE):
                        return True
    return False


def find_texts(path: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """Finds every text in a source.

    Args:
        path: a text file, a zip or a folder.
        left_out: the names of other files are added here.

    Yields:
        The name and the bytes of each text.

    Raises:
        CorpusError: something does not exist, cannot be read, or is too large.
    """
    try:
        if path.is_dir():
            for file in _walk(path, left_out):
                yield from _texts_of(file, left_out)
        elif path.suffix.lower() == ".zip" or (_kind(path) == stat.S_IFREG and zipfile.is_zipfile(path)):
            yield from _zip_members(path, left_out)
        else:
            yield readable(str(path)), read_file(path)
    except FileNotFoundError as error:
        raise CorpusError(f"{error.filename or path} does not exist: name a text file, a zip or a folder") from None
    except OSError as error:
        raise CorpusError(f"{error.filename or path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a character 0, or one that is none
        raise CorpusError(f"{str(path)!r} is no name of a file: {error}") from None


def _walk(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """The files of a folder, sorted, hidden ones and those of models left out. Links to folders are not followed."""

    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=stop):
        models = {name for name in folders if not name.startswith(".") and holds_model(Path(root, name))}
        _leave_out(left_out, OWN, *(os.path.relpath(Path(root, name), folder) for name in sorted(models)))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in models)
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _texts_of(file: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    suffix = file.suffix.lower()
    if suffix not in {*TEXT_SUFFIXES, ".zip"}:
        _leave_out(left_out, NOT_TEXT, file.name)
    elif not file.is_file():
        _leave_out(left_out, SPECIAL, file.name)
    elif suffix == ".zip":
        yield from _zip_members(file, left_out)
    elif (data := read_file(file)).startswith(_CARD):
        _leave_out(left_out, OWN, file.name)
    else:
        yield readable(str(file)), data


def _leave_out(left_out: LeftOut, why: str, *names: str) -> None:
    if names:
        left_out.setdefault(why, []).extend(map(readable, names))


def read_file(file: Path, limit: int | None = None) -> bytes:
    """Reads a regular file, or a pipe such as the shell's `<(command)`.

    Raises:
        CorpusError: it is something else, or longer than a limit in bytes, 2 GiB if none is given.
        OSError: it cannot be read.
    """
    limit = limit or MAX_FILE_BYTES
    kind = _kind(file)
    # A pipe that nobody writes to must not be waited for.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if kind == stat.S_IFIFO:
            os.set_blocking(descriptor, True)
        if os.fstat(descriptor).st_size > limit:
            raise _too_large(str(file), limit)
        return read_stream(stream, str(file), limit)


def read_stream(stream: IO[bytes], name: str, limit: int | None = None) -> bytes:
    """Reads a stream to its end.

    Raises:
        CorpusError: it is longer than a limit in bytes, 2 GiB if none is given.
    """
    limit = limit or MAX_FILE_BYTES
    data = _read(stream, limit)
    if data is None:
        raise _too_large(name, limit)
    return data


def _too_large(name: str, limit: int) -> CorpusError:
    shown = f"{limit // 2**30} GiB" if limit >= 2**30 else f"{limit / 2**20:g} MiB"
    return CorpusError(f"{name} is larger than {shown}; cut it into smaller files")


def _kind(file: Path) -> int:
    """Regular file or pipe: anything else cannot be read to an end.

    Raises:
        CorpusError: it is something else.
    """
    kind = stat.S_IFMT(file.stat().st_mode)
    if kind not in {stat.S_IFREG, stat.S_IFIFO}:
        what = "a socket" if kind == stat.S_IFSOCK else "a device"
        raise CorpusError(f"{file} is {what}: name a text file, a zip or a folder")
    return kind


def _read(stream: IO[bytes], limit: int) -> bytes | None:
    """The rest of a stream; None if it is longer than a limit, whatever it says of itself."""
    data = io.BytesIO()
    while piece := stream.read(_PIECE):
        if data.tell() + len(piece) > limit:
            return None
        data.write(piece)
    return data.getvalue()


def _zip_members(path: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    try:
        if _kind(path) != stat.S_IFREG:
            raise CorpusError(f"{path} is a pipe, and a zip cannot be read from one: name a file")
        with _open_zip(path) as archive:
            yield from _texts_in(archive, path, left_out)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown compression
        raise CorpusError(f"{path} cannot be unpacked: {error}") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError) as error:
        raise CorpusError(f"{path} is a damaged zip file: {error}") from None


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        # Names from Chinese Windows are GBK without a flag; those with the flag are UTF-8 all the same.
        return zipfile.ZipFile(path, metadata_encoding="gb18030")
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)


def _texts_in(archive: zipfile.ZipFile, path: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """The texts in an archive. Archives in it are not opened."""
    members = archive.infolist()
    for one, following in pairwise(sorted(members, key=lambda info: info.header_offset)):
        if one.header_offset + zipfile.sizeFileHeader + one.compress_size > following.header_offset:  # pyright: ignore
            raise zipfile.BadZipFile(f"{one.filename} and {following.filename} share bytes")
    limit = left = min(MAX_FILE_BYTES, max(_ARCHIVE_BYTES, _RATIO * path.stat().st_size))
    for member in sorted(members, key=lambda info: info.filename):
        name = f"{readable(str(path))}/{member.filename}"
        if member.is_dir() or any(part.startswith((".", "__MACOSX")) for part in member.filename.split("/")):
            continue
        if Path(member.filename).suffix.lower() not in TEXT_SUFFIXES:
            _leave_out(left_out, NOT_TEXT, name)
            continue
        if member.file_size > left:
            raise CorpusError(f"{path} unpacks to more than {limit // 2**20:,} MiB; cut it into smaller files")
        data = _read_member(archive, member)
        left -= len(data)
        if data.startswith(_CARD):
            _leave_out(left_out, OWN, name)
        else:
            yield name, data


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpacks a member, and stops where it turns out to be larger than it says."""
    with _open_member(archive, member) as stream:
        data = _read(stream, member.file_size)
    if data is None or zlib.crc32(data) != member.CRC:
        raise zipfile.BadZipFile(f"{member.filename} does not hold what its entry says")
    return data


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    if member.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(member)
    # zipfile unpacks bzip2 without a limit, and a few bytes of it can hold a million times as many.
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # pyright: ignore[reportAttributeAccessIssue]
    return bz2.BZ2File(archive.open(packed))
