"""Sources on disk → their songs, one after another, without holding a large text in memory.

A plain text, or JSON lines, of more than 2 MiB is read in parts that end at empty lines. Everything else is read as
`corpus.read_corpus` reads it: a large file of another format whole, but only one at a time.
"""

from __future__ import annotations

import re
import stat
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zuoci.errors import CorpusError
from zuoci.text.characters import clean_characters
from zuoci.text.corpus import separated, songs_of
from zuoci.text.encoding import can_be_cut, decode, refuse_mixed
from zuoci.text.reading import Tally, documents_of, parse, refuse_unreadable
from zuoci.text.reading_workers import read_parts
from zuoci.text.sources import LeftOut, find_texts, read_file, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zuoci.errors import Message
    from zuoci.text.corpus import Song, Source
    from zuoci.text.formats.document import Document
    from zuoci.text.read_config import ReadConfig

PART = 1 << 21  # bytes
_LONGEST = 16  # parts in which a line end is looked for
_NEAR = 1 << 16  # bytes at the end of a part in which an empty line is looked for first
_GAP = re.compile(rb"\n(?:[ \t\r\f\v]*\n)+")
_PLAIN, _LINES = ("plain text", "plain text and LRC"), "JSON lines"
# The beginnings of what no part can be read of by itself: a list or an object of JSON over several lines, zip, RTF.
_WHOLE = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*[\[{\"]|\{\s*\n)|PK\x03\x04|\{\\rtf")


class SongStream:
    """The songs of sources, which are read while they are iterated.

    Attributes:
        notes: a sentence for everything that was changed or left out; complete after the last song.
    """

    def __init__(self, sources: Sequence[Source], config: ReadConfig) -> None:
        """Takes the sources and the settings of `read_corpus`."""
        self.notes: list[str] = []
        self._sources, self._config = [Path(source) for source in sources], config

    def __iter__(self) -> Iterator[Song]:
        """Reads the sources.

        Raises:
            CorpusError: a source does not exist, cannot be read or decoded, or holds no text.
        """
        self.notes.clear()
        return separated(chain.from_iterable(songs_of(self._documents(path)) for path in self._sources))

    def _documents(self, path: Path) -> Iterator[tuple[str, Document]]:
        """The name and the contents of each file of a source with songs in it; of large files part by part."""
        config, left_out, tally = self._config, LeftOut(), Tally()
        large: dict[str, Path] = {}

        def read_beginning(file: Path) -> bytes:
            status = file.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size <= PART:
                return read_file(file)
            large[readable(str(file))] = file
            with file.open("rb") as stream:
                return stream.read(PART)

        def read(name: str, data: bytes) -> Iterator[tuple[Document, str]]:
            if name in large:
                yield from _read_in_parts(name, data, large.pop(name), config)
            else:
                yield parse(name, data, config)

        texts = find_texts(path, left_out, config, read_beginning)
        for name, document, encoding in documents_of(texts, path, left_out, read):
            tally.add(name, document, encoding, left_out)
            if document.text.strip():
                yield name, document
        shown = readable(str(path))
        refuse_unreadable(shown, left_out.files, config)
        tally.check(shown, left_out.files)
        self.notes += tally.notes(shown, left_out.files)


def _read_in_parts(name: str, beginning: bytes, file: Path, config: ReadConfig) -> Iterator[tuple[Document, str]]:
    """The contents of a large file and its encoding; if it is plain text or JSON lines, in parts.

    Raises:
        CorpusError: it cannot be decoded, or is damaged.
    """
    if not can_be_cut(beginning) or _WHOLE.match(beginning):
        yield parse(name, read_file(file), config)
        return
    with file.open("rb") as stream:
        parts = _parts(stream)
        data = next(parts)
        first, encoding = parse(name, data, config)
        if first.format not in (*_PLAIN, _LINES):
            yield parse(name, read_file(file), config)
            return
        first.of_large = True
        yield first, encoding
        said = {*first.notes}
        known = "" if data.isascii() else encoding.removesuffix("-sig")
        texts = _texts(parts, name, len(data), known, config)
        for document in read_parts(texts, name, config, any_format=first.format == _LINES):
            document.notes = [note for note in document.notes if note not in said]
            document.of_large = True
            said.update(document.notes)
            yield document, "utf-8"  # the first part has said what it is


def _texts(
    parts: Iterable[bytes], name: str, at: int, known: str, config: ReadConfig
) -> Iterator[tuple[str, list[Message]]]:
    """The text of each part, with notes on what was changed.

    Args:
        parts: the parts after the first one.
        name: the name of the file.
        at: the length of the first part.
        known: its encoding; "": it is ASCII.
        config: how to read the file.

    Raises:
        CorpusError: a part cannot be decoded.
    """
    for data in parts:
        text, known = _decode(data, f"{name}, from byte {at:,} on,", known, config)
        at += len(data)
        yield clean_characters(text)


def _decode(data: bytes, name: str, known: str, config: ReadConfig) -> tuple[str, str]:
    """The text of a part, and the encoding of the parts so far; "": they are ASCII.

    Raises:
        CorpusError: it has another encoding, or breaks.
    """
    if b"\0" in data:
        raise CorpusError(f"{name} is not a text file: it has a zero byte; save it as UTF-8 text")
    text, encoding = decode(data, name, known or config.encoding or None)
    if data.isascii():
        return text, known
    if known and encoding != known:
        raise CorpusError(f"{name} is {encoding}, and what stands before is {known}; save all of it as UTF-8")
    if encoding != "utf-8":
        refuse_mixed(data, encoding, name)
    return text, encoding


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    """Cuts a file into parts that end at an empty line, or else at a line end."""
    rest = b""
    while data := stream.read(PART):
        rest += data
        if end := _end(rest):
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _end(data: bytes) -> int:
    """Where the last empty line before more text ends, or else the last line; 0: more has to be read to find one."""
    filled = len(data.rstrip())
    near = max(0, filled - _NEAR)
    for start in (near, 0):
        if found := list(_GAP.finditer(data, start, filled)):
            return found[-1].end()
    if len(data) < 2 * PART:
        return 0
    if end := data.rfind(b"\n", 0, filled) + 1:
        return end
    if len(data) < _LONGEST * PART:
        return 0
    end = len(data) - 1
    while data[end] & 0xC0 == 0x80:  # within a character of UTF-8
        end -= 1
    return end
