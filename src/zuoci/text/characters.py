"""The characters of a text as people mean them: one way to write each, no invisible ones, one way to end a line.

`reading` cleans what is trained on with `clean_characters`; openings and wishes pass through it as well. `graphemes`
cuts a text into what a reader takes for one character: a letter with its marks, an emoji of several parts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from zuoci.errors import Message

_PIECE = 1 << 16  # characters that one call looks at

_LINE_END = re.compile("\r+\n|[\r\x0b\x0c\x85\u2028\u2029]")  # \r\r\n is what is left of \r\n converted twice

ZERO_WIDTH_JOINER = "\u200d"
_EMOJI = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff"
)
# Letters of Arabic, Indian languages, Burmese, Khmer and Mongolian, which joiners shape.
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af"
_FLAG = "\U0001f3f4[\U000e0020-\U000e007f]+"  # of England, Scotland or Wales
# Control characters, byte-order marks, what has no width or directs the writing, and what is no character. What is kept
# stands in a group: joiners within an emoji or between letters that they shape, and the tags of a flag.
_INVISIBLE = re.compile(
    f"({_FLAG}|(?<=[{_EMOJI}\ufe0f\U000e007f])\u200d(?=[{_EMOJI}])|(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}]))"
    "|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e00ff]"
)
_MOST_NAMED = 5  # invisible characters that a note names

_VIRAMAS = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2")  # join two consonants into one character
# No marks in Unicode's categories, but part of the character before them: am of Thai and Lao, half-width voice marks.
_SPACING_MARKS = frozenset("\u0e33\u0eb3\uff9e\uff9f")


def clean_characters(text: str) -> tuple[str, list[Message]]:
    """Composes characters (NFC), drops invisible ones, and makes every line end a newline.

    A text that is clean is returned as it is.

    Returns:
        The text, and notes on what was changed.
    """
    notes: list[Message] = []
    if ends := set(_LINE_END.findall(text)):
        notes += (
            [Message("carriage_returns", "turned carriage returns into newlines")]
            if any("\r" in end for end in ends)
            else []
        )
        notes += (
            [Message("separators", "turned other line separators into newlines")]
            if any("\r" not in end for end in ends)
            else []
        )
        text = _LINE_END.sub("\n", text)
    dropped: dict[str, None] = {}
    if _INVISIBLE.search(text):
        text = _INVISIBLE.sub(lambda found: found[1] or dropped.setdefault(found[0]) or "", text)
    if dropped:
        points = [f"U+{ord(char):04X}" for char in sorted(dropped)]
        more = ", …" if len(points) > _MOST_NAMED else ""
        shown = ", ".join(points[:_MOST_NAMED]) + more
        notes.append(Message("invisible", "dropped invisible characters ({characters})", characters=shown))
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        notes.append(Message("composed", "composed letters and their accents (NFC)"))
    if "\ufffd" in text:
        notes.append(Message("undecoded", "holds U+FFFD, where another program could not decode a character"))
    return text, notes


def distinct(text: str) -> set[str]:
    """The set of characters in a text.

    It is collected piece by piece, because one long call would block all other threads.
    """
    found: set[str] = set()
    for start in range(0, len(text), _PIECE):
        found.update(text[start : start + _PIECE])
    return found


def graphemes(text: str) -> list[str]:
    """Cuts a text into the characters that a reader perceives (Unicode's extended grapheme clusters, nearly).

    Joined, they are the text again.
    """
    if text.isascii():
        return list(text)
    found: list[str] = []
    for char in text:
        if found and continues(found[-1], char):
            found[-1] += char
        else:
            found.append(char)
    return found


def continues(before: str, char: str) -> bool:
    """Whether a character belongs to the perceived character before it.

    Args:
        before: that perceived character, as far as it has come.
        char: the character after it.
    """
    last = before[-1]
    if extends(char):
        return last >= " "
    if last < "\u0300":  # no mark, joiner or part of a flag
        return False
    if last == ZERO_WIDTH_JOINER and _is_emoji(char):
        return _is_emoji(before[0])
    if _is_regional(char):
        return len(before) == 1 and _is_regional(last)
    if last in _VIRAMAS or (last == ZERO_WIDTH_JOINER and before[-2:-1] in _VIRAMAS):
        return unicodedata.category(char) == "Lo" and ord(char) >> 7 == ord(before[0]) >> 7
    return "\u1160" <= char <= "\u11ff" and ("\u1100" <= last <= "\u11ff" or "\uac00" <= last <= "\ud7a3")


@lru_cache(1 << 16)
def extends(char: str) -> bool:
    """Whether a character always belongs to the one before it: an accent, a vowel mark, a joiner, a tone of skin."""
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True
    return char in "\u200c\u200d" or char in _SPACING_MARKS or unicodedata.category(char)[0] == "M"


@lru_cache(1 << 12)
def _is_emoji(char: str) -> bool:
    return re.match(f"[{_EMOJI}]", char) is not None


def _is_regional(char: str) -> bool:
    """Whether a character is one of the two letters of a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"
