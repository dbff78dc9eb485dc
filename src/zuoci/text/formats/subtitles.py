"""Subtitles: SRT, WebVTT, SBV, and ASS or SSA → their lines.

A caption that is shown again because the next line is added to it (rolling captions of karaoke and automatic
subtitles) is kept once.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from zuoci.errors import Message
from zuoci.text.formats.document import Document, Line, numbered
from zuoci.text.formats.lyrics import clean_song
from zuoci.text.formats.translations import first_language

if TYPE_CHECKING:
    from zuoci.text.read_config import ReadConfig

_CLOCK = r"(?:\d{1,3}:)?\d{1,3}:\d{1,2}[,.]\d{1,3}"
_TIMES = re.compile(rf"\s*({_CLOCK})\s*(?:-->|,)\s*({_CLOCK})(?:\s.{{0,200}})?\s*")
_ARROW = re.compile(rf"^[ \t]*{_CLOCK}[ \t]*-->\s*{_CLOCK}", re.MULTILINE)
_SBV = re.compile(rf"^{_CLOCK},{_CLOCK}[ \t]*$", re.MULTILINE)
_ASS = re.compile(r"^[ \t]*\[Script Info\]|^Dialogue:\s*\d+\s*,\s*\d+:\d+:\d+\.\d+", re.MULTILINE | re.IGNORECASE)
_TAGS = re.compile(r"</?[A-Za-z][^<>]{0,100}>|<\d\d:\d\d[^<>]{0,20}>|\{\\[^{}]{0,200}\}")
_OVERRIDE = re.compile(r"\{[^{}]{0,400}\}")
# A transcript as video sites show it: a time on a line of its own, or before the words.
_CLOCK_START = re.compile(r"^[ \t]{0,8}(?:\d{1,3}:)?\d{1,2}:\d\d\b", re.MULTILINE)
_CLOCK_LINE = re.compile(r"\s*((?:\d{1,3}:)?\d{1,3}:\d\d(?:[.,]\d{1,3})?)(?:\s+(.*))?")
_LEAST_TIMES = 3
_HEADER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION|X-TIMESTAMP-MAP)\b")


def _is_transcript(text: str) -> bool:
    """Whether many lines of a text are, or begin with, a time that grows from one to the next."""
    lines = [line for line in text.split("\n") if line.strip()]
    times = [_seconds(match[1]) for line in lines if (match := _CLOCK_LINE.fullmatch(line))]
    return len(times) >= _LEAST_TIMES and 3 * len(times) >= len(lines) and times == sorted(times)


def subtitle_kind(text: str) -> str:
    """The name of the format of subtitles; "" if a text is none."""
    head = text[:100_000]
    if _ASS.search(head):
        return "ASS"
    if head.lstrip().startswith("WEBVTT"):
        return "WebVTT"
    if _ARROW.search(head):
        return "SRT"
    if _SBV.search(head):
        return "SBV"
    return "transcript" if _CLOCK_START.search(head) and _is_transcript(text) else ""


def read_subtitles(text: str, kind: str, config: ReadConfig) -> Document:
    """Reads subtitles.

    Args:
        text: the contents of the file.
        kind: as `subtitle_kind` names it.
        config: which of several languages to keep.
    """
    read = {"ASS": _dialogue, "transcript": _transcript}.get(kind, _captions)
    lines = read(numbered(text))
    lines, gone = first_language(lines) if kind == "ASS" and config.translations == "first" else (lines, [])
    cleaned = clean_song(_without_rolling(lines))
    note = Message("subtitle_times", "dropped the times of subtitles")
    document = Document(kind, dropped=[*gone, *cleaned.dropped], notes=[note], separate=True)
    if song := cleaned.song():
        document.songs.append(song)
    return document


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def _captions(lines: list[Line]) -> list[Line]:
    """The text of SRT, WebVTT and SBV: what follows a line of times, up to an empty line."""
    found: list[Line] = []
    time: float | None = None
    for at, line in enumerate(lines):
        if match := _TIMES.fullmatch(line.text):
            if time is not None and found and found[-1].number == line.number - 1 and found[-1].text.strip().isdigit():
                found.pop()  # the number of this caption, without an empty line before it
            time = _seconds(match[1])
        elif not line.text.strip():
            time = None if at and not _TIMES.fullmatch(lines[at - 1].text) else time
        elif time is not None and not _HEADER_BLOCK.match(line.text):
            text = unescape(_TAGS.sub("", line.text)).strip()
            text = re.sub(r"^-\s+", "", text).replace("[br]", " ")
            found += [Line(line.number, piece.strip(), time) for piece in re.split(r"\\[Nn]|\n", text) if piece.strip()]
    return found


def _transcript(lines: list[Line]) -> list[Line]:
    """The text of a transcript: what stands after or under a time."""
    time = 0.0
    found: list[Line] = []
    for line in lines:
        match = _CLOCK_LINE.fullmatch(line.text)
        time = _seconds(match[1]) if match else time
        words = (match[2] or "") if match else line.text
        found += [Line(line.number, words.strip(), time)] if words.strip() else []
    return found


def _dialogue(lines: list[Line]) -> list[Line]:
    """The text of the events of ASS, in the order in which they begin."""
    found: list[Line] = []
    columns = "Layer,Start,End,Style,Name,MarginL,MarginR,MarginV,Effect,Text".lower().split(",")
    for line in lines:
        key, _, value = line.text.strip().partition(":")
        if key.lower() == "format" and "text" in value.lower():
            columns = [column.strip().lower() for column in value.split(",")]
        if key.lower() != "dialogue" or "start" not in columns:
            continue
        values = value.split(",", len(columns) - 1)
        event = dict(zip(columns, values, strict=False))
        raw = event.get("text", "")
        if re.search(r"\{[^{}]{0,200}\\p[1-9]", raw) or not re.fullmatch(r"[\d:.,\s]+", event.get("start", "")):
            continue  # a drawing
        text = _OVERRIDE.sub("", raw).replace(r"\h", " ")
        time = _seconds(event["start"].strip())
        found += [Line(line.number, piece.strip(), time) for piece in re.split(r"\\[Nn]", text) if piece.strip()]
    return sorted(found, key=lambda line: line.time or 0.0)


def _without_rolling(lines: list[Line]) -> list[Line]:
    """Lines without those that only stand still while the next caption comes: the same line under the next time."""
    kept: list[Line] = []
    for at, line in enumerate(lines):
        following = [each for each in lines[at + 1 : at + 4] if each.time != line.time]
        again = following and following[0].text == line.text
        pair = any(each.time == following[0].time and each.text != line.text for each in following) if again else False
        if not pair:
            kept.append(line)
    return kept
