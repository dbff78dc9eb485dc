"""Zip files → the names and the bytes of the texts in them. Nothing is extracted to the disk, and nothing nests.

What an archive holds is known before anything is unpacked: the number of its members and the bytes that they unpack to
are within limits, and no member is unpacked further than it declares. A damaged or encrypted member is left out.
"""

from __future__ import annotations

import bz2
import copy
import lzma
import stat
import struct
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.archive_names import decode_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zuoci.text.read_config import ReadConfig

_RATIO = 50  # texts may unpack to this many times their packed size; lyrics shrink 2 to 10 times,
_FREE_BYTES = 2**22  # or to this many bytes
_ENTRY_BYTES = 512  # of the directory, for each member
_UTF8 = 0x800  # flag: the name is UTF-8
_ENCRYPTED = 0x1
_PIECE = 4096  # bytes that are read in one call; LZMA may unpack them to 7,000 times as many
DAMAGED_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError,
    NotImplementedError,
)  # fmt: skip


def unpack(
    path: Path, suffixes: frozenset[str], config: ReadConfig, failed: dict[str, Message]
) -> Iterator[tuple[str, bytes | None]]:
    """Unpacks the texts in a zip file, in the order of their names.

    Args:
        path: the file.
        suffixes: of the names of texts.
        config: the limits.
        failed: collects the names of the members that cannot be unpacked, with the reason.

    Yields:
        The name and the bytes of each member; None instead of bytes: it is not a text.

    Raises:
        CorpusError: the file is no zip, is damaged as a whole, or exceeds a limit.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(512).lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            told = "{name} is a web page and not a zip file; download the file itself, or name the page .html"
            raise CorpusError(Message("page_not_zip", told, name=str(path)))
        check_directory(stream, str(path), config)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not stat.S_ISLNK(member.external_attr >> 16)]
            if len(members) > config.max_members:
                raise _too_many(str(path), len(members), config)
            _check_overlap(members)
            named = _named(members, suffixes)
            texts = [member for member, _, is_text in named if is_text]
            _check_sizes(path, texts, config)
            for member, name, is_text in named:
                if not is_text:
                    yield name, None
                    continue
                try:
                    data = _read_member(archive, member)
                except DAMAGED_ERRORS as error:
                    encrypted = Message("encrypted", "is encrypted")
                    damaged = Message("damaged_member", "is damaged: {error}", error=str(error))
                    failed[name] = encrypted if member.flag_bits & _ENCRYPTED else damaged
                    continue
                yield name, data
    except DAMAGED_ERRORS as error:
        raise CorpusError(
            Message("damaged_zip", "{name} is a damaged zip file: {error}", name=str(path), error=str(error))
        ) from None


def check_directory(stream: IO[bytes], name: str, config: ReadConfig) -> None:
    """Looks at the end of a zip, before its directory is read, for the size of the directory.

    Raises:
        CorpusError: it is larger than that of the members that an archive may hold.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 66_000))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return  # zipfile says what is wrong
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    zip64 = tail.rfind(b"PK\x06\x06")
    if zip64 >= 0 and len(tail) >= zip64 + 56 and 0xFFFF in (count, directory >> 16):
        count, directory = struct.unpack_from("<QQ", tail, zip64 + 32)
    if count > config.max_members or directory > config.max_members * _ENTRY_BYTES:
        raise _too_many(name, max(count, directory // _ENTRY_BYTES), config)


def _too_many(name: str, count: int, config: ReadConfig) -> CorpusError:
    told = "{name} holds {count:,} files: at most {most:,} are read; raise --max-members, or cut it"
    return CorpusError(Message("many_members", told, name=name, count=count, most=config.max_members))


def _check_overlap(members: Sequence[zipfile.ZipInfo]) -> None:
    for one, following in pairwise(sorted(members, key=lambda info: info.header_offset)):
        if one.header_offset + zipfile.sizeFileHeader + one.compress_size > following.header_offset:  # pyright: ignore
            raise zipfile.BadZipFile(f"{one.filename} and {following.filename} share bytes")


def _check_sizes(path: Path, texts: Sequence[zipfile.ZipInfo], config: ReadConfig) -> None:
    """Compares what the texts unpack to, by their own account, with the limits.

    Raises:
        CorpusError: it is more.
    """
    parts = [(sum(each.file_size for each in texts), sum(each.compress_size for each in texts))]
    parts += [(each.file_size, each.compress_size) for each in texts]  # one bomb among many honest texts
    for unpacked, packed in parts:
        limit = config.max_unpacked_mb * 2**20 or max(_FREE_BYTES, _RATIO * packed)
        if unpacked > limit:
            told = (
                "{name} unpacks to {mib:,} MiB, from {packed:,} bytes: at most {most:,} MiB are read; raise "
                "--max-unpacked-mb if you trust it, or cut it into smaller files"
            )
            sizes = {"mib": -(-unpacked // 2**20), "packed": packed, "most": limit // 2**20}
            raise CorpusError(Message("unpacks_large", told, name=str(path), **sizes))


def _named(members: Sequence[zipfile.ZipInfo], suffixes: frozenset[str]) -> list[tuple[zipfile.ZipInfo, str, bool]]:
    """The members that are files and not hidden, by their decoded names, and whether each is a text."""
    raw = [_raw_name(member) for member in members]
    unknown = decode_names([name for name in raw if isinstance(name, bytes)])
    decoded = iter(unknown)
    named: list[tuple[zipfile.ZipInfo, str, bool]] = []
    for member, name in zip(members, raw, strict=True):
        text = (next(decoded) if isinstance(name, bytes) else name).split("\0")[0].replace("\\", "/")
        parts = text.split("/")
        if not parts[-1] or any(part.startswith((".", "__MACOSX")) for part in parts):  # a folder, no name, or hidden
            continue
        named.append((member, text, PurePosixPath(text).suffix.lower() in suffixes))
    return sorted(named, key=lambda each: each[1])


def _raw_name(member: zipfile.ZipInfo) -> bytes | str:
    """The bytes of a name whose encoding is not given; the name where it is."""
    if unicode_name := _unicode_extra(member.extra):
        return unicode_name
    if member.flag_bits & _UTF8:
        return member.orig_filename
    return member.orig_filename.encode("cp437")  # with which zipfile decoded it; it has all 256 bytes


def _unicode_extra(extra: bytes) -> str | None:
    """The name in Info-ZIP's extra field 0x7075, if there is one."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x7075 and size > 5 and extra[4] == 1:
            try:
                return extra[9 : 4 + size].decode("utf-8")
            except UnicodeDecodeError:
                return None
        extra = extra[4 + size :]
    return None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpacks a member of an archive. Stops if it turns out to be larger than it declares."""
    data = bytearray()
    with _open_member(archive, _as_its_header_says(archive, member)) as stream:
        while piece := stream.read(_PIECE):
            data += piece
            if len(data) > member.file_size:
                break
    if len(data) != member.file_size or zlib.crc32(data) != member.CRC:
        raise zipfile.BadZipFile("it does not hold what its entry says")
    return bytes(data)


def _as_its_header_says(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The member, with its name decoded as zipfile decodes that in the header before its bytes.

    Some programs flag only one of the two as UTF-8, and zipfile takes that for damage.
    """
    stream = archive.fp
    if stream is None:
        return member
    stream.seek(member.header_offset)
    header = stream.read(30)
    if len(header) < 30:
        return member
    flags, length = struct.unpack_from("<H", header, 6)[0], struct.unpack_from("<H", header, 26)[0]
    raw = stream.read(length)
    here = member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437", errors="replace")
    if raw != here:
        return member
    same = copy.copy(member)
    same.orig_filename = raw.decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
    return same


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Opens a member of an archive so that it can be unpacked piece by piece."""
    if member.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(member)
    # zipfile unpacks bzip2 without a limit, and its data can grow a million times.
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # pyright: ignore[reportAttributeAccessIssue]
    return bz2.BZ2File(archive.open(packed))
