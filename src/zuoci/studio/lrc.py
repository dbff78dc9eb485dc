"""LRC, lyrics with a time for each line: read into lines, times and tags, and written again.

`zuoci.studio.songs` keeps the times beside a song, so that a song that came as LRC can leave as LRC. For training,
`zuoci.text` reads LRC in a way of its own, which drops the times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_STAMPS = re.compile(r"\s*((?:\[\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?\]\s*)+)(.*)")
_STAMP = re.compile(r"\[(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]")
_TAG = re.compile(r"\s*\[([A-Za-z#]\w*:.*)\]\s*")
_TITLE = re.compile(r"ti:(.+)", re.IGNORECASE)
_MOST_LINES = 2000  # a few bytes of stamps could repeat a line without end


class TimedLyrics(NamedTuple):
    """Lyrics with times.

    Attributes:
        lines: the lines as they are sung.
        times: the time stamp of each line, such as `00:12.50`; None: it has none.
        tags: the tags at the head, such as `ar:name`, without brackets.
    """

    lines: tuple[str, ...]
    times: tuple[str | None, ...]
    tags: tuple[str, ...]

    @property
    def title(self) -> str:
        """The title by the tags; "": there is none."""
        return next((match[1].strip() for tag in self.tags if (match := _TITLE.fullmatch(tag))), "")


def read_lrc(text: str) -> TimedLyrics:
    """Reads LRC. A line with several times stands at each of them; lines without a time stay behind the one before."""
    tags: list[str] = []
    timed: list[tuple[float, str | None, str]] = []
    now = 0.0
    for row in text.splitlines():
        if match := _STAMPS.fullmatch(row):
            for stamp in _STAMP.finditer(match[1]):
                now = 60 * int(stamp[1]) + float(stamp[2].replace(":", "."))
                timed.append((now, stamp[0][1:-1], match[2].strip()))
        elif match := _TAG.fullmatch(row):
            tags.append(match[1])
        elif row.strip():
            timed.append((now, None, row.strip()))
    timed.sort(key=lambda entry: entry[0])
    del timed[_MOST_LINES:]
    return TimedLyrics(tuple(line for *_, line in timed), tuple(time for _, time, _ in timed), tuple(tags))


def write_lrc(lines: Sequence[str], times: Sequence[str | None], tags: Sequence[str]) -> str:
    """Writes LRC. Lines without a time are written without one, as players pass over them."""
    rows = [f"[{tag}]" for tag in tags]
    rows += [f"[{time}]{line}" if time else line for line, time in zip(lines, times, strict=True)]
    return "\n".join(rows) + "\n"
