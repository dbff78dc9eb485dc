"""The time stamps of lyrics, in all dialects of LRC, and the lines that begin with them.

[mm:ss.xx] [mm:ss:xx] [mm:ss] [hh:mm:ss.xx] [mm:ss,xxxx] [-mm:ss.xx] [mm:ss.xx-1] [mm:ss.xx-mm:ss.xx] ［…］ 【…】 [ … ]
[start,duration](start,duration,0)word …   YRC of NetEase, QRC of QQ Music, KRC of KuGou: milliseconds
<mm:ss.xx>word and [mm:ss.xx]word          stamps before every word
"""

from __future__ import annotations

import re

_TIME = r"[-+−–]?\s?(\d{1,3})\s?[:：]\s?(\d{1,2})(?:\s?([:：.．,，])\s?(\d{1,4}))?(?:\s?[.．,，]\s?(\d{1,4}))?"
_PLAIN = re.sub(r"\((?!\?)", "(?:", _TIME)
_OPEN, _CLOSE = r"[\[［【(（<]", r"[\]］】)）>]"
_UNTIL = rf"(?:\s?[-–—~]\s?(?:{_PLAIN}|\d{{1,2}})|\s?,\s?{_PLAIN})?"
STAMP = re.compile(rf"{_OPEN}\s{{0,4}}({_TIME}){_UNTIL}\s{{0,4}}{_CLOSE}")
LEADING = re.compile(rf"\s*(?:{re.sub(r'[(](?![?])', '(?:', STAMP.pattern)}\s{{0,4}})+")
_WORD = re.compile(rf"[<＜〈]\s{{0,4}}{_PLAIN}{_UNTIL}\s{{0,4}}[>＞〉]")
_INLINE = re.compile(rf"{re.sub(r'[(](?![?])', '(?:', STAMP.pattern)}|{_WORD.pattern}")

# A line of YRC, QRC or KRC, and the times of its words.
SPAN = re.compile(r"\s*\[\s?(\d{1,8})\s?,\s?(\d{1,8})\s?\]")
_SYLLABLE = re.compile(r"[(<]\s?-?\d{1,8}\s?,\s?\d{1,8}(?:\s?,\s?-?\d{1,8})?\s?[)>]")

_LONGEST = 4000  # characters; a longer line is none of a song, however many words have stamps

# Most lines have one stamp and no sign of another; this finds their parts ten times as fast.
_USUAL = re.compile(r"\[([0-9]{1,3}):([0-9]{1,2}\.[0-9]{2,3})\]([^\[［【<＜〈(]*)")


def seconds_of(match: re.Match[str]) -> float:
    """The time of a stamp that `STAMP` matched, in seconds."""
    sign = -1.0 if match[1].lstrip()[0] in "-−–" else 1.0
    first, second, mark, third, fourth = (match[group] for group in range(2, 7))
    if fourth is not None and mark in ":：":  # hh:mm:ss.xx
        return sign * (int(first) * 3600 + int(second) * 60 + int(third) + float(f"0.{int(fourth)}"))
    return sign * (int(first) * 60 + int(second) + (float(f"0.{_ascii(third)}") if third else 0.0))


def _ascii(digits: str) -> str:
    return "".join(str(int(digit)) for digit in digits)


def without_word_times(text: str) -> str:
    """A line without the stamps before its words. One blank stays between two words."""
    bare = _SYLLABLE.sub("", _INLINE.sub("", text)) if "<" in text or "(" in text else _INLINE.sub("", text)
    if bare == text:
        return text.strip()
    return re.sub(r"[ \t]{2,}", " ", bare).strip()


def split_line(text: str) -> tuple[list[float], str] | None:
    """The times of a line, and its words; None if it does not begin with a time stamp, or is too long for a line.

    Several stamps side by side at the beginning repeat the line. Where words have stamps too, the second of two is that
    of the first word.
    """
    if len(text) > _LONGEST:
        return None
    if usual := _USUAL.fullmatch(text):
        return [int(usual[1]) * 60 + float(usual[2])], usual[3].strip()
    if span := SPAN.match(text):
        return [int(span[1]) / 1000], without_word_times(text[span.end() :])
    leading = LEADING.match(text)
    if leading is None:
        return None
    times = [seconds_of(match) for match in STAMP.finditer(leading[0])]
    rest = text[leading.end() :]
    words = without_word_times(rest)
    inside = list(_INLINE.finditer(rest))
    if inside and not (len(inside) == 1 and inside[0].end() == len(rest.rstrip())):  # more than the time of the end
        times = times[:1]
    return list(dict.fromkeys(times)), words
