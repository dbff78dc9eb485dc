"""A decoded file → clean text: line ends, and the time stamps of LRC files. `corpus.py` calls it.

Nothing is dropped in silence: each function returns the text and a note for everything that it changed.
"""

from __future__ import annotations

import re

from zuoci.errors import CorpusError

_PIECE = 1 << 16  # characters that one call looks at


def distinct(text: str) -> set[str]:
    """The set of characters in a text.

    It is collected piece by piece, because one long call would block all other threads.
    """
    found: set[str] = set()
    for start in range(0, len(text), _PIECE):
        found.update(text[start : start + _PIECE])
    return found


def unify_line_ends(text: str) -> tuple[str, list[str]]:
    """Turns the line ends of Windows and of old Macs into newlines. Nothing else is ever changed in plain text.

    Returns:
        The text, and notes on what was changed.
    """
    if "\r" not in text:
        return text, []
    return text.replace("\r\n", "\n").replace("\r", "\n"), ["turned carriage returns into newlines"]


_STAMP = re.compile(r"\[(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]")
_ID_TAG = re.compile(r"^\s*\[[A-Za-z#]\w*:.*\]\s*$")
_WORD_STAMP = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
_CREDIT = re.compile(
    r"^\s*(?:作?词|作?曲|填词|谱曲|编曲|制作人?|监制|混音|录音|母带|和声|吉他|贝斯|鼓|弦乐|出品|发行|演唱|原唱"
    r"|lyrics?(?: by)?|music(?: by)?|composed by|produced by|arranged by)\s*[:：]",
    re.IGNORECASE,
)
# Credits stand at the head of a song; further down, "词：" may well be sung.
_CREDIT_LINES = 12
# Repeats make a song at most this many times as long as its file, or this many characters long. Without a limit, a few
# bytes of time stamps could fill the memory.
_REPEATED, _ANY_SONG = 4, 10_000


def clean_lrc(text: str, name: str = "the LRC file") -> tuple[str, list[str]]:
    """Turns an LRC file into its lines as they are sung.

    Lines are sorted by their time stamps; a line with several stamps is repeated. Stamps, ID tags such as `[ar:…]`,
    `//` placeholders and the credits at the head are dropped.

    Args:
        text: the contents of the file.
        name: the name of the file, for errors.

    Returns:
        The text, and a note for each kind of thing that was dropped.

    Raises:
        CorpusError: the time stamps repeat lines so often that the song is many times as long as the file.
    """
    timed: list[tuple[float, str]] = []
    tags = length = 0
    most = max(_ANY_SONG, _REPEATED * len(text))
    now = 0.0
    for line in text.splitlines():
        if _ID_TAG.match(line):
            tags += 1
            continue
        stamps = _STAMP.findall(line)
        words = _WORD_STAMP.sub("", _STAMP.sub("", line)).strip()
        times = [int(minutes) * 60 + float(seconds.replace(":", ".")) for minutes, seconds in stamps]
        length += len(words) * len(times)
        if length > most:
            raise CorpusError(
                f"{name} repeats its lines to more than {most:,} characters, from {len(text):,}: "
                f"at most {_REPEATED} times as many are read; remove time stamps"
            )
        now = times[-1] if times else now
        timed.extend((time, words) for time in times or [now])
    timed.sort(key=lambda entry: entry[0])
    sung = [words for _, words in timed if words not in {"", "//"}]
    head = [line for line in sung[:_CREDIT_LINES] if not _CREDIT.match(line)]
    credit_count = len(sung[:_CREDIT_LINES]) - len(head)
    notes = ["dropped the time stamps"]
    if tags:
        notes.append(f"dropped {tags} ID tags")
    if credit_count:
        notes.append(f"dropped {credit_count} credit lines")
    return "\n".join(head + sung[_CREDIT_LINES:]) + "\n", notes
