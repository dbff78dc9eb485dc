"""The names in a zip file → text. Old zips do not say how their names are encoded; all names of one are decoded alike.

UTF-8 (macOS) proves itself. Of the encodings of Windows, the one is taken in which most characters are common ones of
its language; and of the one-byte encodings, the one in which accents stand within words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HAN = range(0x4E00, 0xA000)


def _is_common(char: str, codec: str, leads: range) -> bool:
    """Whether a standard lists a character in its first level, by the first byte of its code."""
    encoded = char.encode(codec, errors="ignore")
    return len(encoded) == 2 and encoded[0] in leads


# In each encoding: which characters are common. Kana and hangul tell Japanese and Korean, which Chinese names lack.
_EAST_ASIAN: dict[str, Callable[[str], bool]] = {
    "gb18030": lambda char: _is_common(char, "gb2312", range(0xB0, 0xD8)),
    "shift_jis": lambda char: "\u3041" <= char <= "\u30ff" or _is_common(char, "shift_jis", range(0x88, 0x98)),
    "big5": lambda char: _is_common(char, "big5", range(0xA4, 0xC7)),
    "cp949": lambda char: "\uac00" <= char <= "\ud7a3" and _is_common(char, "euc_kr", range(0xB0, 0xC9)),
}
_WESTERN = ("cp437", "cp1252")
_LEAST_COMMON = 0.6
_LEAST_HANGUL = 6


def decode_names(names: Sequence[bytes]) -> list[str]:
    """Decodes the names in an archive that does not say how they are encoded."""
    joined = b"\n".join(names)
    for codec in ("ascii", "utf-8"):
        try:
            return joined.decode(codec).split("\n")
        except UnicodeDecodeError:
            continue
    codec = _east_asian(joined) or _western(joined)
    return [name.decode(codec, errors="replace") for name in names]


def _east_asian(joined: bytes) -> str | None:
    """The encoding in which most characters are common; None if none fits."""
    scores: list[tuple[float, str]] = []
    for codec, is_common in _EAST_ASIAN.items():
        try:
            text = joined.decode(codec)
        except UnicodeDecodeError:
            continue
        foreign = [char for char in text if ord(char) > 0x7F and (ord(char) in _HAN or char.isalpha())]
        others = sum(ord(char) > 0x7F for char in text) - len(foreign)
        if foreign and not re.search("[a-z](?![a-z])[^\x00-\x7f][a-z]", text):  # a letter within a word
            score = sum(map(is_common, foreign)) / (len(foreign) + 0.5 * others)
            # Hangul stand where common Chinese characters do, but those are seldom hangul alone.
            only_hangul = codec == "cp949" and score == 1.0 and len(foreign) >= _LEAST_HANGUL
            scores.append((score + 0.01 * only_hangul, codec))
    score, codec = max(scores, key=lambda each: each[0], default=(0.0, ""))
    return codec if score >= _LEAST_COMMON else None


def _western(joined: bytes) -> str:
    """The one-byte encoding in which most characters are letters of Latin words."""

    def letters(codec: str) -> int:
        text = joined.decode(codec, errors="replace")
        return sum("\xc0" <= char <= "\u024f" and char.isalpha() for char in text)

    return max(_WESTERN, key=letters)
