"""Bytes → clean text: encodings, line ends, and the time stamps of LRC files.

Nothing is dropped in silence: each function returns, beside the text, a sentence for what it changed.
"""

from __future__ import annotations

import re
from collections import Counter

from zuoci.errors import CorpusError

# A text is taken for GB18030 or Big5 only if this share of its non-ASCII characters is common in Chinese.
_LEAST_COMMON_SHARE = 0.6

_PIECE = 1 << 16  # characters that are looked at in one call


# Both national standards order their characters by how common they are, so the lead byte tells. GB 2312:
# 0xA1-0xA3 punctuation, 0xB0-0xD7 its first, common level; Big5: 0xA1-0xA3 and 0xA4-0xC6.
_COMMON_ROWS = {"gb2312": {*range(0xA1, 0xA4), *range(0xB0, 0xD8)}, "big5": {*range(0xA1, 0xC7)}}


def _is_common(char: str) -> bool:
    for codec, rows in _COMMON_ROWS.items():
        encoded = char.encode(codec, errors="ignore")
        if len(encoded) == 2 and encoded[0] in rows:
            return True
    return False


def _common_share(text: str) -> float:
    """The share of non-ASCII characters that are everyday ones; text decoded wrongly is mostly rare ones."""
    foreign = {char: count for char, count in Counter(text).items() if ord(char) > 0x7F}
    return sum(count for char, count in foreign.items() if _is_common(char)) / max(sum(foreign.values()), 1)


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Decodes a text file of unknown encoding.

    A byte order mark decides; then strict UTF-8; then GB18030 or Big5, whichever makes the more everyday
    characters of the bytes.

    Args:
        data: the file's bytes.
        name: what to call the file in an error.

    Returns:
        The text and the name of the encoding.

    Raises:
        CorpusError: the bytes are no text in any of these encodings.
    """
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(codec), codec
            except UnicodeDecodeError as error:
                raise _undecodable(name, codec, error.start) from None
    if b"\x00" in data:
        raise CorpusError(
            f"{name} is not a text file: it has a zero byte at position {data.index(0)}; save it as UTF-8 text"
        )
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        broken_at = error.start
    candidates: list[tuple[float, str, str]] = []
    for codec in ("gb18030", "big5"):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        candidates.append((_common_share(text), text, codec))
    share, text, codec = max(candidates, default=(0.0, "", ""))
    if share < _LEAST_COMMON_SHARE:
        raise _undecodable(name, "UTF-8, GB18030 or Big5", broken_at)
    return text, codec


def _undecodable(name: str, tried: str, position: int) -> CorpusError:
    return CorpusError(f"{name} cannot be read as {tried}: it breaks at byte {position}; save it as UTF-8")


def distinct(text: str) -> set[str]:
    """The characters of a text, found a piece at a time: one long call would keep all other threads waiting."""
    found: set[str] = set()
    for start in range(0, len(text), _PIECE):
        found.update(text[start : start + _PIECE])
    return found


def unify_line_ends(text: str) -> tuple[str, list[str]]:
    """Turns the line ends of Windows and of old Macs into newlines, which is all that is ever changed
    in a plain text."""
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
# A song is sung in at most so many times the characters of its file, or so many: beyond that, a few bytes would fill
# the memory.
_REPEATED, _ANY_SONG = 4, 10_000


def clean_lrc(text: str, name: str = "the LRC file") -> tuple[str, list[str]]:
    """Turns an LRC file into the lines as they are sung.

    Lines are put in the order of their time stamps (a chorus with several stamps returns as often as it
    is sung); stamps, ID tags such as `[ar:…]`, `//` placeholders and the credits at the head are dropped.

    Args:
        text: of the file.
        name: what to call the file in an error.

    Returns:
        The text and a sentence for each kind of thing that was dropped.

    Raises:
        CorpusError: its lines are repeated so often that the song is many times as long as the file.
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
