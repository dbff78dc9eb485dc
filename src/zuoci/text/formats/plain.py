"""Plain text: character for character, except for what nobody sings.

Empty lines part it into blocks, and each is a song. Where sections are marked, the blocks of a song stay together.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from zuoci.text.formats.credits import credit_kind
from zuoci.text.formats.document import Document, Line, ParsedSong
from zuoci.text.formats.lyrics import clean_song, is_suspect, suspect_words
from zuoci.text.formats.sections import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zuoci.text.formats.sections import Mark

_GAP = re.compile(r"\n(?:[^\S\n]*\n)+")
_TITLE_LINES = 2  # a block of so many lines before a marked one is a title
_LONGEST = 2**20  # characters; a longer block is no song, and is left as it is


def blocks(text: str) -> Iterator[str]:
    """Cuts a text into blocks at its empty lines. The blocks, joined, are the text again."""
    start, end = 0, len(text.rstrip())
    for gap in _GAP.finditer(text):
        if text[start : gap.start()].strip() and gap.end() < end:
            yield text[start : gap.end()]
            start = gap.end()
    if text[start:]:
        yield text[start:]


def read_plain(text: str, name: str = "plain text", first: int = 1) -> Document:
    """Reads plain text.

    Args:
        text: the text.
        name: the name of the format.
        first: the number of its first line.
    """
    document = Document(name)
    number = first
    for song, is_clean in _songs(text):
        if is_clean:
            document.songs.append(ParsedSong(song))
        else:
            lines = song.split("\n")
            cleaned = clean_song([Line(number + at, line) for at, line in enumerate(lines)])
            document.dropped += cleaned.dropped
            if not cleaned.dropped:
                document.songs.append(ParsedSong(song))
            elif (kept := "\n".join(line.text for line in cleaned.lines)) and kept.strip():
                document.songs.append(ParsedSong(_with_end(kept, song), "", cleaned.sections))
        number += song.count("\n")
    return document


def _with_end(kept: str, song: str) -> str:
    """The text of a cleaned song with the empty lines that stood after the song."""
    return kept.rstrip() + song[len(song.rstrip()) :]


def _songs(text: str) -> Iterator[tuple[str, bool]]:
    """The songs of a text, and whether nothing in them has to be looked at."""
    song, marks, is_clean = "", set[str](), True
    words = suspect_words(text)
    found = [(block, len(block) > _LONGEST or not is_suspect(block, words)) for block in blocks(text)]
    bare = sum(bool(mark and mark.name and not mark.sure) for mark in (_mark(b) for b, clean in found if not clean)) > 1
    for at, (block, clean) in enumerate(found):
        mark = None if clean else _first_mark(block, bare=bare)
        following = found[at + 1] if at + 1 < len(found) else None
        is_title = len(block.strip().split("\n")) <= _TITLE_LINES and bool(
            following and not following[1] and _first_mark(following[0], bare=bare)
        )
        if song and not _goes_on(song, marks, mark, is_title=is_title):
            yield song, is_clean
            song, marks, is_clean = "", set(), True
        song += block
        is_clean = is_clean and clean
        if mark:
            marks.add(mark)
    if song:
        yield song, is_clean


def _goes_on(song: str, marks: set[str], mark: str | None, *, is_title: bool) -> bool:
    """Whether a block belongs to the song before it.

    Args:
        song: the song so far.
        marks: the section marks with which its blocks begin.
        mark: that of the block; None: it begins without one.
        is_title: whether the block is the title of a marked song.
    """
    lines = song.strip().split("\n")
    if mark is None:
        only_title = len(lines) > 1 and not any(line.strip() and not credit_kind(line) for line in lines[1:])
        return (bool(marks) and not is_title) or (only_title and bool(credit_kind(lines[-1])))
    begins = mark in {"intro", "verse 1"}
    if not marks:
        return len(lines) <= _TITLE_LINES or not begins or any(map(credit_kind, lines))
    return not (begins and ("verse 1" in marks or mark in marks))


def _mark(block: str) -> Mark | None:
    """The section mark with which a block begins."""
    stripped = block.lstrip("\n")
    return mark_of(stripped.split("\n", 1)[0])


def _first_mark(block: str, *, bare: bool) -> str | None:
    """The name of the section mark with which a block begins; None if it begins with none.

    Args:
        block: the block.
        bare: whether the text has several bare names of sections, which then are marks.
    """
    mark = _mark(block)
    return (mark.name or "direction") if mark and (mark.sure or (bare and mark.name)) else None


def as_one_song(document: Document) -> ParsedSong:
    """The songs of a file as one, for a source in which each file is a song."""
    first = document.songs[0]
    sections = tuple(section for song in document.songs for section in song.sections)
    return replace(first, text=document.text, sections=sections)
