"""The bytes or the text of a file → its songs, by the reader of the format that it has.

The format is recognised by what the file holds; its name decides only where that is open (a `.csv` of one column).
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from io import BytesIO
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.document import Document, located
from zuoci.text.formats.docx import is_docx, read_docx
from zuoci.text.formats.escapes import without_escapes
from zuoci.text.formats.html import is_html, read_html
from zuoci.text.formats.json_text import parse, read_json
from zuoci.text.formats.lrc import holds_stamps, is_lrc, read_lrc
from zuoci.text.formats.markdown import is_markdown, read_markdown
from zuoci.text.formats.plain import blocks, read_plain
from zuoci.text.formats.rtf import is_rtf, read_rtf
from zuoci.text.formats.subtitles import read_subtitles, subtitle_kind
from zuoci.text.formats.table import is_table, read_table

if TYPE_CHECKING:
    from zuoci.text.read_config import ReadConfig

# What a file that is no text begins with, what kind it is, and what to do with it.
_FOREIGN = (
    (b"%PDF", "pdf", "a PDF; copy its text into a text file"),
    (b"\xd0\xcf\x11\xe0", "office", "an old Word or Office file; save it as .docx or as text"),
    (b"PK\x03\x04", "zip", "a zip of other files, such as a spreadsheet or an e-book; save it as .docx, .csv or text"),
    (b"Rar!", "archive", "a RAR archive; pack the texts in a zip"),
    (b"7z\xbc\xaf", "archive", "a 7z archive; pack the texts in a zip"),
    (b"\x1f\x8b", "packed", "a gzip file; unpack it first"),
    (b"BZh", "packed", "a bzip2 file; unpack it first"),
    (b"\xfd7zXZ", "packed", "an xz file; unpack it first"),
    (b"krc1", "krc", "an encrypted KRC file; export it as LRC"),
    (b"\x89PNG", "picture", "a picture; type its text into a text file"),
    (b"\xff\xd8\xff", "picture", "a picture; type its text into a text file"),
    (b"GIF8", "picture", "a picture; type its text into a text file"),
    (b"ID3", "recording", "a recording; save its lyrics as text"),
    (b"OggS", "recording", "a recording; save its lyrics as text"),
    (b"fLaC", "recording", "a recording; save its lyrics as text"),
)
_QRC = re.compile(r'LyricContent="([^"]*)"')
_SQUARE = re.compile(r"^[ \t]*\[\d{1,3}:\d\d[.:]\d{1,3}\]", re.MULTILINE)
_HEAD = 20_000  # characters by which most formats are known


def read_binary(data: bytes, name: str) -> Document | None:
    """The songs of a file that is not text: DOCX, RTF; None: it is to be decoded.

    Raises:
        CorpusError: it is a file of another kind, or damaged.
    """
    if is_docx(BytesIO(data)):
        return read_docx(data, name)
    if is_rtf(data):
        return read_rtf(data)
    for mark, kind, what in _FOREIGN:
        if data.startswith(mark):
            raise CorpusError(Message(f"is_{kind}", "{name} is not a text file but {what}", name=name, what=what))
    return None


def read_text(text: str, name: str, config: ReadConfig) -> Document:
    """The songs of a text file, whatever its format.

    Args:
        text: its contents, with newlines at the ends of lines.
        name: its name, for errors and where the contents leave the format open.
        config: how to read it.

    Raises:
        NoLyricsError: it has a format in which there are no lyrics.
        CorpusError: it is damaged.
    """

    def inside(value: str) -> Document:
        return _read_lyrics(value, name, config)

    suffix = name.lower().rpartition(".")[2]
    try:
        found = parse(text)
    except RecursionError:
        raise CorpusError(
            Message("nested", "{name} nests lists and objects too deeply; flatten it", name=name)
        ) from None
    if found and not (found[1] == "JSON lines" and is_lrc(text)):
        document = read_json(*found, config.column, name, inside)
        document.dropped = located(document.dropped, text)
        return document
    if quoted := _QRC.search(text[:_HEAD]) if "<" in text[:200] else None:
        whole = _QRC.search(text) or quoted
        return read_lrc(unescape(whole[1]), config, name)
    if kind := subtitle_kind(text):
        return read_subtitles(text, kind, config)
    if is_html(text) and not is_lrc(text[:_HEAD]):
        return read_html(text)
    if suffix in {"csv", "tsv"} or is_table(text):
        return read_table(text, config.column, name, inside)
    if not holds_stamps(text) and is_markdown(text, named=suffix in {"md", "markdown"}):
        return read_markdown(text)
    return _read_lyrics(text, name, config)


def _read_lyrics(text: str, name: str, config: ReadConfig) -> Document:
    """The songs of LRC or plain text, without escapes."""
    text, notes = without_escapes(text)
    document = _read_lines(text, name, config)
    document.notes[:0] = notes
    return document


def _read_lines(text: str, name: str, config: ReadConfig) -> Document:
    """The songs of LRC or plain text; in a text that mixes both, block by block."""
    stamped = holds_stamps(text)
    if stamped or name.lower().endswith((".lrc", ".yrc", ".qrc", ".krc")):
        if is_lrc(text):
            return read_lrc(text, config, name)
        if not stamped:
            return read_plain(text, "LRC without time stamps") if is_tagless(text) else read_lrc(text, config, name)
        return _read_mixed(text, name, config)
    return read_lrc(text, config, name) if text.lstrip().startswith("[") and is_lrc(text) else read_plain(text)


def is_tagless(text: str) -> bool:
    """Whether no line of a text is an ID tag of LRC."""
    return not re.search(
        r"^[ \t]*\[(?:ti|ar|al|by|offset|length|au|re|ve|la|id|hash|total|sign|qq|kana|language)\s?:", text, re.M | re.I
    )


def _read_mixed(text: str, name: str, config: ReadConfig) -> Document:
    """Plain text in which some blocks are LRC."""
    document = Document("plain text and LRC")
    number = 1
    for block in blocks(text):
        if is_lrc(block) or _SQUARE.search(block):
            part = read_lrc(block, config, name)
            part.dropped = [replace(each, line=each.line + number - 1) for each in part.dropped]
            part.songs = [replace(song, text=f"{song.text}\n") for song in part.songs]
        else:
            part = read_plain(block, first=number)
        document.songs += part.songs
        document.dropped += part.dropped
        document.notes += [note for note in part.notes if note not in document.notes]
        number += block.count("\n")
    return document
