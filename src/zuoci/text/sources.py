"""Sources on disk (files, zips, folders) → the name and the bytes of every text in them. `corpus.py` calls it.

Reading is bounded: only regular files and pipes are read; a file may have 2 GiB, an archive may unpack to a multiple of
its own size, and a member of it to the size that it declares. Files that zuoci wrote are not lyrics and are left out.
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
MAX_FILE_BYTES = 2**31  # 2 GiB: a larger "text file" is a mistake
_ARCHIVE_BYTES = 2**28  # an archive may unpack to this many bytes,
_RATIO = 50  # or to this many times its own size; lyrics shrink 2 to 10 times
_PIECE = 4096  # bytes that are read in one call; LZMA may unpack them to 7,000 times as many

NOT_TEXT, SPECIAL, OWN = "files that are not text", "special files and broken links", "models that zuoci wrote"
LeftOut = dict[str, list[str]]  # why files were left out → their names

# By these bytes near their beginning, the files of a model or of a stopped run are recognised; see docs/format.md.
_MARKS = {
    "config.json": b'"zuoci-model"',
    "vocabulary.json": b'"zuoci-vocabulary"',
    "fingerprint.safetensors": b"zuoci-fingerprint",
    "base-windows.safetensors": b"zuoci-windows",
    "training/unfinished.safetensors": b"zuoci-run",
}
_CARD = b"---\nlibrary_name: zuoci\n"


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
        left_out: collects the names of the files that are left out, by the reason.

    Yields:
        The name and the bytes of each text.

    Raises:
        CorpusError: a source does not exist, cannot be read, or is too large.
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
    except ValueError as error:  # a null character, or a lone surrogate
        raise CorpusError(f"{str(path)!r} is no name of a file: {error}") from None


def _walk(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yields the files of a folder, sorted, without hidden files and models. Links to folders are not followed."""

    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=stop):
        models = {name for name in folders if not name.startswith(".") and holds_model(Path(root, name))}
        _leave_out(left_out, OWN, *(os.path.relpath(Path(root, name), folder) for name in sorted(models)))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in models)
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _texts_of(file: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """Yields the text of a file in a folder, or the texts of a zip."""
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
    return CorpusError(f"{name} is larger than {shown}; cut it into smaller files")


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


def _zip_members(path: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """Yields the texts in a zip file."""
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
    """Opens a zip file whose names may be encoded in GBK."""
    try:
        # Chinese Windows writes names in GBK, without a flag. Names with the flag are read as UTF-8 in any case.
        return zipfile.ZipFile(path, metadata_encoding="gb18030")
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)


def _texts_in(archive: zipfile.ZipFile, path: Path, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """Yields the texts in an archive. Archives inside it are not opened."""
    members = archive.infolist()
    for one, following in pairwise(sorted(members, key=lambda info: info.header_offset)):
        if one.header_offset + zipfile.sizeFileHeader + one.compress_size > following.header_offset:  # pyright: ignore
            raise zipfile.BadZipFile(f"{one.filename} and {following.filename} share bytes")
    limit = left = min(MAX_FILE_BYTES, max(_ARCHIVE_BYTES, _RATIO * path.stat().st_size))
    for member in sorted(members, key=lambda info: info.filename):
        name = f"{readable(str(path))}/{member.filename}"
        parts = member.filename.split("/")
        if not parts[-1] or any(part.startswith((".", "__MACOSX")) for part in parts):  # a folder, no name, or hidden
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
    """Unpacks a member of an archive. Stops if it turns out to be larger than it declares."""
    with _open_member(archive, member) as stream:
        data = _read(stream, member.file_size)
    if data is None or zlib.crc32(data) != member.CRC:
        raise zipfile.BadZipFile(f"{member.filename} does not hold what its entry says")
    return data


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Opens a member of an archive so that it can be unpacked piece by piece."""
    if member.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(member)
    # zipfile unpacks bzip2 without a limit, and its data can grow a million times.
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # pyright: ignore[reportAttributeAccessIssue]
    return bz2.BZ2File(archive.open(packed))
