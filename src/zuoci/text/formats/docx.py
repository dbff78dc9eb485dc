"""DOCX → its paragraphs.

It is read from its own XML, by the parser of the standard library: text, breaks and headings are all that is wanted,
and python-docx would bring lxml, a compiled library of 5 MB, for that. Nothing is unpacked to the disk, declarations of
entities are refused, and parts are read up to a limit.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO
from typing import IO
from xml.etree import ElementTree as ET

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.archive import check_directory
from zuoci.text.formats.document import Document, Line
from zuoci.text.formats.lyrics import clean_song
from zuoci.text.formats.plain import read_plain
from zuoci.text.read_config import ReadConfig

_BODY = "word/document.xml"
_MOST_BYTES = 2**25  # of the XML, 32 MiB: a novel has 3;
_RATIO, _FREE_BYTES = 50, 2**22  # and so many times its packed size, or so many bytes
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_SIGNS = {"br": "\n", "cr": "\n", "tab": " "}
_HEADING = re.compile(r"(?:heading|标题|überschrift|titre|título)\s?\d?|title|\d", re.IGNORECASE)


def is_docx(source: IO[bytes]) -> bool:
    """Whether a file is a DOCX document.

    Raises:
        CorpusError: it is a zip with more members than are read.
    """
    if source.read(4) != b"PK\x03\x04":
        return False
    check_directory(source, "the document", ReadConfig())
    try:
        with zipfile.ZipFile(source) as archive:
            return _BODY in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def read_docx(data: bytes, name: str) -> Document:
    """Reads a DOCX document. Where it has headings, each begins a song; else its blocks are read as plain text.

    Raises:
        CorpusError: it is damaged, encrypted, or too large.
    """
    paragraphs = _paragraphs(_xml(data, name), name)
    if not any(heading for _, heading in paragraphs):
        text = "\n".join(text for text, _ in paragraphs).strip("\n")
        return read_plain(f"{text}\n" * bool(text), "DOCX")
    document = Document("DOCX", separate=True)
    part: list[Line] = []
    title = ""
    for number, (text, heading) in enumerate([*paragraphs, ("", True)], 1):
        if not heading:
            part += [Line(number, line) for line in text.split("\n")]
            continue
        cleaned = clean_song(part, [title])
        document.dropped += cleaned.dropped
        if song := cleaned.song(title):
            document.songs.append(song)
        title, part = " ".join(text.split()), []
    return document


def _xml(data: bytes, name: str) -> bytes:
    """The XML of the text, up to a limit, whatever the document says about its size."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive, archive.open(_BODY) as stream:
            most = min(_MOST_BYTES, max(_FREE_BYTES, _RATIO * archive.getinfo(_BODY).compress_size))
            xml = stream.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, OSError) as error:
        raise _damaged(name, error) from None
    if len(xml) > most:
        told = "{name} unpacks to more than {mib} MiB; cut it into smaller documents"
        raise CorpusError(Message("large_docx", told, name=name, mib=most // 2**20))
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or "<!ENTITY".encode("utf-16-le") in xml:
        told = "{name} declares entities, which no word processor writes; it is not read"
        raise CorpusError(Message("entities_declared", told, name=name))
    return xml


def _damaged(name: str, error: Exception) -> CorpusError:
    told = "{name} is a damaged DOCX document: {error}; save it again, or as text"
    return CorpusError(Message("damaged_docx", told, name=name, error=str(error)))


def _paragraphs(xml: bytes, name: str) -> list[tuple[str, bool]]:
    """The paragraphs, and whether each is a heading. Deleted text and instructions of fields are left out."""
    found: list[tuple[str, bool]] = []
    pieces: list[str] = []
    heading = False
    deleted = 0
    around: list[ET.Element] = []
    try:
        for event, element in ET.iterparse(BytesIO(xml), ("start", "end")):
            tag = element.tag.replace(_STRICT, _W).removeprefix(_W)
            deleted += ((event == "start") - (event == "end")) * (tag in {"del", "moveFrom"})
            if event == "start":
                around.append(element)
                continue
            around.pop()
            if around:
                del around[-1][:]  # what has been read is not kept: a hostile document has millions of elements
            if tag == "t" and not deleted:
                pieces.append(element.text or "")
            elif tag in _SIGNS:
                pieces.append(_SIGNS[tag])
            elif tag == "pStyle":
                style = next((value for key, value in element.attrib.items() if key.endswith("}val")), "")
                heading = bool(_HEADING.fullmatch(style))
            elif tag == "p":
                text = "".join(pieces)
                found.append((text, heading and bool(text.strip())))
                pieces, heading = [], False
    except ET.ParseError as error:
        raise _damaged(name, error) from None
    return found
