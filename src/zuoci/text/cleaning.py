"""Bytes of a file → text: encodings and line ends. `corpus.py` calls it; `formats` reads the text.

Nothing is dropped in silence: each function returns the text and a note for everything that it changed.
"""

from __future__ import annotations

from collections import Counter

from zuoci.errors import CorpusError

# A text counts as GB18030 or Big5 only if at least this share of its non-ASCII characters is common in Chinese.
_LEAST_COMMON_SHARE = 0.6

_PIECE = 1 << 16  # characters that one call looks at

# Both national standards order their characters by how common they are, so the lead byte tells. GB 2312:
# 0xA1-0xA3 punctuation, 0xB0-0xD7 its first, common level; Big5: 0xA1-0xA3 and 0xA4-0xC6.
_COMMON_ROWS = {"gb2312": {*range(0xA1, 0xA4), *range(0xB0, 0xD8)}, "big5": {*range(0xA1, 0xC7)}}


def _is_common(char: str) -> bool:
    """Whether one of the two standards lists a character among the common ones."""
    for codec, rows in _COMMON_ROWS.items():
        encoded = char.encode(codec, errors="ignore")
        if len(encoded) == 2 and encoded[0] in rows:
            return True
    return False


def _common_share(text: str) -> float:
    """The share of the non-ASCII characters that is common. Text that was decoded wrongly holds mostly rare ones."""
    foreign = {char: count for char, count in Counter(text).items() if ord(char) > 0x7F}
    return sum(count for char, count in foreign.items() if _is_common(char)) / max(sum(foreign.values()), 1)


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Decodes a text file of unknown encoding.

    A byte order mark decides. Without one, strict UTF-8 is tried, then GB18030 and Big5; of these two, the one that
    gives more common characters is taken.

    Args:
        data: the bytes of the file.
        name: the name of the file, for errors.

    Returns:
        The text and the name of the encoding.

    Raises:
        CorpusError: the bytes are not text in any of these encodings.
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
