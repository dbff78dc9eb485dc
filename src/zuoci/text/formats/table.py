"""CSV and TSV → songs: the column that holds the lyrics is named, or found by its name or by its length.

A row is a song; where a song takes several rows, one for each line, the rows are joined by the column that names it.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.document import Document, Dropped, NoLyricsError, located
from zuoci.text.formats.fields import LYRICS, TITLES, is_field
from zuoci.text.formats.plain import as_one_song

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_DELIMITERS = ",\t;|"
_SAMPLE_ROWS = 200
_LINE = 60  # characters; cells that are shorter on average, and hold no newlines, are lines
_BREAK = re.compile(r"\\r\\n|\\n|<br\s?/?>|\r\n?", re.IGNORECASE)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter != "\t")


def _delimiter(text: str) -> str:
    """The sign that parts the columns: the one that gives most rows the same number of cells, more than one."""
    if match := re.match(r"sep=(.)\r?\n", text):
        return match[1]
    best, chosen = 0.0, ""
    for delimiter in _DELIMITERS:
        try:
            sizes = [len(row) for row, _ in zip(_rows(text, delimiter), range(_SAMPLE_ROWS), strict=False) if row]
        except csv.Error:
            continue
        if sizes and sizes[0] > 1:
            score = sum(size == sizes[0] for size in sizes) / len(sizes) + (sizes[0] > 1) * 0.01
            if score > best:
                best, chosen = score, delimiter
    return chosen


def is_table(text: str) -> bool:
    """Whether a text begins with a row of names, one of which is that of a column of lyrics, and goes on in rows."""
    head = text[:20_000].lstrip("\ufeff").split("\n", 1)[0]
    if not 3 <= len(head) < 2000 or not any(delimiter in head for delimiter in _DELIMITERS):
        return False
    delimiter = _delimiter(text[:200_000])
    if not delimiter:
        return False
    try:
        rows = [row for row, _ in zip(_rows(text[:200_000], delimiter), range(6), strict=False) if row]
    except csv.Error:
        return False
    header = [cell.strip() for cell in rows[0]] if rows else []
    named = any(is_field(cell, LYRICS) for cell in header) and all(0 < len(cell) <= 40 for cell in header)
    return len(rows) > 1 and len(header) > 1 and named and len(rows[1]) == len(header)


def read_table(text: str, column: str, name: str, read_cell: Callable[[str], Document]) -> Document:
    """Reads a table.

    Args:
        text: the contents of the file.
        column: the name of the column with the lyrics; "": it is found.
        name: the name of the file, for errors.
        read_cell: reads the lyrics in a cell, whatever format they have.

    Raises:
        NoLyricsError: there is no column of lyrics.
        CorpusError: the table is damaged.
    """
    delimiter = _delimiter(text[:200_000]) or ","
    body = re.sub(r"^sep=.\r?\n", "", text)
    try:
        rows = [row for row in _rows(body, delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        told = "{name} is a damaged table: {error}; export it again, or close its quotes"
        raise CorpusError(Message("damaged_table", told, name=name, error=str(error))) from None
    if not rows:
        raise NoLyricsError(Message("empty_table", "{name} is an empty table", name=name))
    header = [cell.strip() for cell in rows[0]]
    chosen, has_header = _choose(header, rows, column, name)
    body_rows = rows[1:] if has_header else rows
    document = Document("TSV" if delimiter == "\t" else "CSV", separate=True)
    shown = f"the column {header[chosen]!r}" if has_header else f"column {chosen + 1}"
    document.notes.append(
        Message("column", "took the lyrics from {column} of {columns}", column=shown, columns=len(header))
    )
    if short := sum(len(row) <= chosen for row in body_rows):
        document.notes.append(Message("short_rows", "left out {rows} rows without that column", rows=short))
    cells = [row for row in body_rows if len(row) > chosen]
    titles = next((k for k, cell in enumerate(header) if has_header and k != chosen and is_field(cell, TITLES)), None)
    dropped: list[Dropped] = []
    for title, lyrics in _songs(cells, chosen, titles, document):
        song = read_cell(_BREAK.sub("\n", lyrics))
        dropped += song.dropped
        document.notes += [note for note in song.notes if note not in document.notes]
        if song.text.strip():
            whole = as_one_song(song)
            document.songs.append(replace(whole, title=title or whole.title))
    document.dropped = located(dropped, text)
    return document


def _choose(header: Sequence[str], rows: Sequence[Sequence[str]], column: str, name: str) -> tuple[int, bool]:
    """The index of the column with the lyrics, and whether the first row is one of names."""
    shown = ", ".join(repr(cell) for cell in header[:12])[:300]
    if column:
        wanted = [k for k, cell in enumerate(header) if cell.casefold() == column.casefold()]
        if not wanted:
            told = "{name} has no column {column!r}; there are {columns}; choose one with --column"
            raise NoLyricsError(Message("no_column", told, name=name, column=column, columns=shown))
        return wanted[0], True
    named = [k for pattern in LYRICS for k, cell in enumerate(header) if re.fullmatch(pattern, cell, re.IGNORECASE)]
    if named:
        return named[0], True
    sample = rows[:_SAMPLE_ROWS]
    lengths = [sum(len(row[k]) for row in sample if len(row) > k) / len(sample) for k in range(len(header))]
    letters = [
        sum(char.isalpha() for row in sample if len(row) > k for char in row[k][:500]) for k in range(len(header))
    ]
    chosen = max(range(len(header)), key=lambda k: lengths[k] if letters[k] else -1.0)
    others = max((length for k, length in enumerate(lengths) if k != chosen), default=0.0)
    if not letters[chosen] or (len(header) > 1 and lengths[chosen] < 2 * others):
        told = "{name} is a table without a column of lyrics: {columns}; name it with --column"
        raise NoLyricsError(Message("no_lyrics_column", told, name=name, columns=shown))
    is_header = (
        len(rows) > 1 and all(0 < len(cell) <= 40 for cell in header) and len(header[chosen]) * 3 < lengths[chosen]
    )
    return chosen, is_header


def _songs(
    rows: Sequence[Sequence[str]], chosen: int, titles: int | None, document: Document
) -> Iterator[tuple[str, str]]:
    """The title and the lyrics of each song."""
    cells = [row[chosen] for row in rows]
    short = not any(_BREAK.search(cell) or "\n" in cell for cell in cells[:1000]) and (
        sum(map(len, cells)) < _LINE * max(len(cells), 1)
    )
    named = [row[titles].strip() if titles is not None and len(row) > titles else "" for row in rows]
    if short and titles is None:
        document.notes.append(Message("row_lines", "took each row for a line"))
        yield "", "\n".join(cells)
    elif short and len(set(named)) < len(named):
        document.notes.append(Message("joined_rows", "joined the rows of each song"))
        for title, group in groupby(zip(named, cells, strict=True), key=lambda pair: pair[0]):
            yield title, "\n".join(cell for _, cell in group)
    else:
        yield from zip(named, cells, strict=True)
