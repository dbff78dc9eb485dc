"""LRC and its relatives: lines with time stamps → the lines as they are sung.

The lines are sorted by their stamps; a line with several is repeated. Of lines that share a stamp because they are
translations of one another, the first is kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.credits import CREDITS
from zuoci.text.formats.document import Document, Dropped, Line, numbered
from zuoci.text.formats.lyrics import clean_song
from zuoci.text.formats.sections import mark_of
from zuoci.text.formats.stamps import SPAN, split_line
from zuoci.text.formats.translations import TRANSLATIONS, first_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zuoci.text.read_config import ReadConfig

TAGS = "ID tags"
# Repeats make a song at most this many times as long as its file, or this many characters long. Without a limit, a few
# bytes of time stamps could fill the memory.
_REPEATED, _ANY_SONG = 4, 10_000
_STAMPS = Message("time_stamps", "dropped the time stamps")
_LEAST_SHARE = 0.5  # of the lines of a file begin with a stamp, if it is LRC

_MAYBE = re.compile(r"^[ \t]{0,40}[\[［【(（<][ \t]{0,4}[-+−–]?[ \t]?\d[^\n]{0,400}", re.MULTILINE)
_SAMPLE = 50_000  # characters by which the format of a text is known

_TAG = re.compile(r"\s*[\[［【]\s*([A-Za-z#_][\w .#-]{0,24}?)\s*[:：]\s*(.*?)\s*[\]］】]?\s*")
_TITLE = re.compile(r"\s*\[ti\s?:", re.IGNORECASE)
_LINE_TAG = re.compile(
    r"\s*\[(tr|translation|tt|rm|roma|romaji|kana|ts|bg|x-bg|x-roman)\b(?::[\w-]{0,16})?\s?:?", re.IGNORECASE
)
_NETEASE = re.compile(r'\s*\{\s*"t"\s*:')
_KINDS = {
    "yrc": re.compile(r"\(\s?\d+\s?,\s?\d+\s?,\s?-?\d+\s?\)"),
    "krc": re.compile(r"<\s?\d+\s?,\s?\d+\s?,\s?-?\d+\s?>"),
}


def is_lrc(text: str) -> bool:
    """Whether most lines of a text begin with a time stamp, or all are tags of LRC."""
    stamped = others = tags = 0
    for line in text[:_SAMPLE].split("\n"):
        if split_line(line) is not None:
            stamped += 1
        elif _tag(line):
            tags += 1
        elif line.strip() and not _NETEASE.match(line):
            others += 1
    return stamped >= _LEAST_SHARE * (stamped + others) if stamped else bool(tags and not others)


def holds_stamps(text: str) -> bool:
    """Whether any line begins with a time stamp. It is quick where there are none."""
    return any(split_line(match[0]) is not None for match in _MAYBE.finditer(text))


def _tag(text: str) -> re.Match[str] | None:
    """The ID tag that a line is; None: it is none. `[Chorus: both]` is a section mark."""
    tag = _TAG.fullmatch(text)
    mark = mark_of(text) if tag else None
    return None if mark and mark.name else tag


@dataclass
class _Reading:
    """What was found in the lines of one song."""

    timed: list[Line] = field(default_factory=list[Line])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    dropped: list[Dropped] = field(default_factory=list[Dropped])
    length: int = 0
    stamps: int = 0


def read_lrc(text: str, config: ReadConfig, name: str = "the LRC file") -> Document:
    """Reads an LRC file, or several that were put one after another.

    Args:
        text: the contents of the file.
        config: which of several languages to keep.
        name: the name of the file, for errors.

    Raises:
        CorpusError: the time stamps repeat lines so often that the song is many times as long as the file.
    """
    kind = next((kind for kind, shape in _KINDS.items() if shape.search(text[:20_000])), None)
    if kind is None and any(SPAN.match(line) for line in text[:20_000].split("\n")):
        kind = "qrc"
    document = Document((kind or "lrc").upper(), separate=True)
    most = max(_ANY_SONG, _REPEATED * len(text))
    length = 0
    for part in _parts(numbered(text)):
        reading = _read_lines(part, most - length, name, len(text))
        length += reading.length
        _finish(reading, document, config)
    return document


def _parts(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Parts a file where a title tag comes after sung lines: there the next song begins."""
    part: list[Line] = []
    sung = False
    for line in lines:
        if _TITLE.match(line.text):
            if sung:
                yield part
                part, sung = [], False
        elif not sung:
            sung = split_line(line.text) is not None
        part.append(line)
    yield part


def _read_lines(lines: Sequence[Line], most: int, name: str, size: int) -> _Reading:
    found = _Reading()
    now = 0.0
    for line in lines:
        split = split_line(line.text)
        if split is None:
            if found_credit := _netease_credit(line.text):
                found.dropped.append(Dropped(line.number, found_credit, CREDITS))
                continue
            if tag := _tag(line.text):
                found.tags.setdefault(tag[1].lower(), tag[2])
                found.dropped.append(Dropped(line.number, line.text.strip(), TAGS))
                continue
        times, words = split or ([now], line.text.strip())
        found.stamps += len(times) if split else 0
        if words.startswith("[") and (match := _LINE_TAG.match(words)):
            why = TAGS if match[1].lower() in {"tt", "kana", "ts"} else TRANSLATIONS
            found.dropped.append(Dropped(line.number, words, why))
            continue
        found.length += len(words) * len(times)
        if found.length > most:
            raise CorpusError(
                Message(
                    "repeats",
                    "{name} repeats its lines to more than {most:,} characters, from {size:,}: at most {times} times "
                    "as many are read; remove time stamps",
                    name=name, most=max(_ANY_SONG, _REPEATED * size), size=size, times=_REPEATED,
                )
            )  # fmt: skip
        now = times[-1] if times else now
        found.timed.extend(Line(line.number, words, time) for time in times)
    found.timed.sort(key=lambda line: line.time or 0.0)
    return found


def _netease_credit(text: str) -> str:
    """The text of a line of JSON with which NetEase's files begin; "" if it is none."""
    if not _NETEASE.match(text):
        return ""
    try:
        line: Any = json.loads(text)
        return "".join(str(piece["tx"]) for piece in line["c"]).strip() or "…"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _finish(found: _Reading, document: Document, config: ReadConfig) -> None:
    """Adds the song to the document."""
    lines = [line for line in found.timed if line.text.strip("/ \\|·.-–—_*~")]
    if config.translations == "first":
        lines, gone = first_language(lines)
        found.dropped += gone
    cleaned = clean_song(lines, [found.tags.get("ti", ""), found.tags.get("ar", "")])
    document.dropped += sorted([*found.dropped, *cleaned.dropped], key=lambda each: each.line)
    if found.stamps and _STAMPS not in document.notes:
        document.notes.append(_STAMPS)
    if song := cleaned.song(found.tags.get("ti", "")):
        document.songs.append(song)
