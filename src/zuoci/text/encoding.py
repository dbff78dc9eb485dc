"""Bytes of a text file → its text and the name of its encoding. `corpus` and the command line call `decode`.

A byte-order mark decides, and a text that is strict UTF-8 is UTF-8. Any other text is decoded in each of the encodings
below, and what comes out is compared: the encoding whose text is most likely in one of its languages is the best guess
(`languages`). How far the next best guess lies behind gives the confidence. A guess below `LEAST_CONFIDENCE` is not
acted on; the error names it, and the user says which it is. `benchmarks/decoding.py` measures how often that is right.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from zuoci.errors import CorpusError, Message
from zuoci.text.languages import BYTE, CJK, CYRILLIC, LATIN, OTHERS, language
from zuoci.text.terminal import printable

LEAST_CONFIDENCE = 0.8
_TEMPER = 2.5  # bits by which a guess must lie behind to be half as likely: the models are too sure of themselves
_UNKNOWN = 4.0  # bits of an encoding that is not among those below
_FOREIGN = 12.0  # bits of a language that people seldom write in an encoding, as Japanese in GB18030
_FIRST, _SAMPLE = 120, 1200  # bytes that are decoded in each encoding, and in those that are left after the first ones
_FAR = 60.0  # bits behind the best guess at which one is given up after the first bytes
_LEAST_WIDE = 4  # characters of a text in UTF-16 or UTF-32
_WINDOW = 1 << 18  # bytes among which the sample is looked for
_WESTERN = ("en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "no", "fi", "is")
_CENTRAL = ("pl", "cs", "sk", "hu", "ro", "hr", "sl", "de")
_BALTIC = ("lt", "lv", "et")
_ALL = (*CJK, *LATIN, *CYRILLIC, *OTHERS)

_MARKS = {  # the longer ones first: the mark of UTF-32 begins with that of UTF-16
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Encodings of seven bits, and what must stand in a text: the escapes that go over to Japanese or Korean, or to Chinese.
_SEVEN_BITS = {
    "iso2022_jp_ext": re.compile(rb"\x1b\$[@B(]"),
    "iso2022_kr": re.compile(rb"\x1b\$\)C"),
    "hz": re.compile(rb"~\{(?:[!-w][!-~])+~\}"),
}
# Encoding → the languages that are written in it, and the bits by which it is rarer than the others. Of encodings that
# mean the same, the first one is named.
_MULTIBYTE: dict[str, tuple[tuple[str, ...], float]] = {
    "gb18030": (("zh-Hans", "zh-Hant"), 0.0),
    "big5": (("zh-Hant",), 0.0),
    "cp950": (("zh-Hant",), 0.5),
    "big5hkscs": (("zh-Hant",), 2.0),
    "cp932": (("ja",), 0.0),
    "euc_jp": (("ja",), 0.0),
    "euc_jis_2004": (("ja",), 2.0),
    "shift_jis_2004": (("ja",), 4.0),
    "cp949": (("ko",), 0.0),
    "johab": (("ko",), 6.0),
}
_ONE_BYTE: dict[str, tuple[tuple[str, ...], float]] = {
    "cp1252": (_WESTERN, 0.0),
    "iso8859_15": (_WESTERN, 2.0),
    "mac_roman": (_WESTERN, 2.0),
    "cp850": (_WESTERN, 4.0),
    "cp437": (_WESTERN, 5.0),
    "cp1250": (_CENTRAL, 0.0),
    "iso8859_2": (_CENTRAL, 1.0),
    "cp852": (_CENTRAL, 3.0),
    "mac_latin2": (_CENTRAL, 5.0),
    "iso8859_16": (("ro",), 12.0),
    "cp1254": (("tr",), 0.0),
    "iso8859_9": (("tr",), 1.0),
    "cp857": (("tr",), 4.0),
    "cp1257": (_BALTIC, 0.0),
    "iso8859_13": (_BALTIC, 1.0),
    "iso8859_4": (_BALTIC, 4.0),
    "cp1258": (("vi",), 0.0),
    "cp1251": (CYRILLIC, 0.0),
    "koi8_r": (("ru", "bg"), 1.0),
    "koi8_u": (("uk", "ru"), 2.0),
    "cp866": (("ru", "uk"), 2.0),
    "cp855": (CYRILLIC, 5.0),
    "iso8859_5": (CYRILLIC, 3.0),
    "mac_cyrillic": (CYRILLIC, 4.0),
    "cp1253": (("el",), 0.0),
    "iso8859_7": (("el",), 1.0),
    "cp737": (("el",), 4.0),
    "mac_greek": (("el",), 5.0),
    "cp1255": (("he",), 0.0),
    "iso8859_8": (("he",), 1.0),
    "cp862": (("he",), 4.0),
    "cp1256": (("ar", "fa"), 0.0),
    "iso8859_6": (("ar",), 1.0),
    "cp874": (("th",), 0.0),
    "iso8859_11": (("th",), 1.0),
}
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_NO_CHARACTERS = re.compile("[\x80-\x84\x86-\x9f\uf8f0-\uf8f3]")  # Python makes them of bytes that mean nothing
_NO_ENCODINGS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7", "mbcs", "oem"}


# A line that is UTF-8 and not ASCII.
_UTF8_LINE = re.compile(
    rb"^[^\n\x80-\xff]*+(?:(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})[\x80-\xbf]"
    rb"[^\n\x80-\xff]*+)++$",
    re.MULTILINE,
)


class Guess(NamedTuple):
    """An encoding that a text may have.

    Attributes:
        encoding: its name in Python; "" if the text is likely to be in none.
        confidence: how likely that is, 0 to 1.
        text: the beginning of the text, decoded.
        same: other encodings in which that beginning is the same.
    """

    encoding: str
    confidence: float
    text: str
    same: tuple[str, ...] = ()


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Decodes a text file.

    Args:
        data: the bytes of the file.
        name: the name of the file, for errors.
        encoding: the encoding of a file that has no byte-order mark and is not UTF-8; None: it is guessed.

    Returns:
        The text, without a byte-order mark, and the name of the encoding.

    Raises:
        CorpusError: the bytes are no text in that encoding, or the encoding cannot be guessed with confidence.
    """
    wanted = None if encoding is None else known_encoding(encoding)
    for mark, codec in _MARKS.items():
        if data.startswith(mark):
            return _strict(data, codec, name), codec
    if b"\0" not in data and not any(shape.search(data) for shape in _SEVEN_BITS.values()):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8"), "utf-8"
    if wanted is not None:
        return _strict(data, wanted, name), wanted
    first, *others = guesses(data)
    if b"\0" in data and (first.encoding not in _WIDE or first.confidence < LEAST_CONFIDENCE):
        at = data.index(b"\0")
        told = "{name} is not a text file: it has a zero byte at position {at}; save it as UTF-8 text"
        raise CorpusError(Message("zero_byte", told, name=name, at=at))
    if not first.encoding or first.confidence < LEAST_CONFIDENCE:
        raise _doubtful(data, name, [first, *others])
    if first.encoding != "utf-8":
        _refuse_mixed(data, first.encoding, name)
    for codec in (first.encoding, *first.same):
        with suppress(UnicodeDecodeError):
            return _whole(data, codec), codec
    return _strict(data, first.encoding, name), first.encoding


def known_encoding(name: str) -> str:
    """The encoding that a user named, as Python calls it.

    Raises:
        CorpusError: there is no such encoding of text.
    """
    with suppress(LookupError, ValueError):
        found = codecs.lookup(name).name
        with suppress(UnicodeDecodeError):
            b"a".decode(found)  # raises a LookupError if it is an encoding of something else than text
        if found.replace("-", "_") not in _NO_ENCODINGS and found not in _NO_ENCODINGS:
            return found
    raise CorpusError(
        f"there is no encoding {printable(name)!r}; name one as Python does: gb18030, big5, cp932, cp949, cp1252, …"
    )


def guesses(data: bytes) -> list[Guess]:
    """The encodings that bytes without a byte-order mark may have, the most likely first.

    Guesses that mean the same text are one. Only part of a long text is looked at.
    """
    for codec, shape in _SEVEN_BITS.items():
        if shape.search(data) and data.isascii():
            with suppress(UnicodeDecodeError):
                return [Guess(codec, 1.0, data.decode(codec)[:_SAMPLE])]
    found: dict[str, list[_Reading]] = {}
    for reading in sorted(_readings(data), key=lambda reading: reading.bits):
        found.setdefault(reading.text, []).append(reading)
    groups = list(found.values())
    shares = [2 ** max((groups[0][0].bits - group[0].bits) / _TEMPER, -1000.0) for group in groups]
    return [
        Guess(group[0].encoding, share / sum(shares), group[0].text, tuple(same.encoding for same in group[1:]))
        for group, share in zip(groups, shares, strict=True)
    ]


class _Reading(NamedTuple):
    """A sample as one encoding has it: encoding, "" for none; text; and its bits in the most likely language."""

    encoding: str
    text: str
    bits: float


def _readings(data: bytes) -> list[_Reading]:
    """A sample of a text in each encoding that is worth a try."""
    wide = {codec: (_ALL, 0.0) for codec in _WIDE if _looks_wide(data, codec)}
    sample = data[:_SAMPLE] if wide or b"\0" in data else _sample(data)
    left: dict[str, tuple[tuple[str, ...], float]] = {"": (LATIN, _UNKNOWN), **wide}
    if b"\0" not in data:
        left |= {"utf-8": (_ALL, 0.0), **_MULTIBYTE, **_ONE_BYTE}
    if len(re.findall(rb"[\x80-\xff]", sample)) > len(re.findall(rb"[A-Za-z]", sample)):
        for codec, (names, _) in _ONE_BYTE.items():  # no language writes most of its Latin letters with marks
            if names[0] in LATIN:
                left.pop(codec, None)
    readings: list[_Reading] = []
    for size in (_FIRST, _SAMPLE):
        readings = [_reading(sample[:size], codec, *about, cut=len(data) > size) for codec, about in left.items()]
        least = min(reading.bits for reading in readings)
        left = {codec: left[codec] for codec, _, bits in readings if bits < least + _FAR}
        if len(sample) <= size:
            break
    return readings


def _reading(sample: bytes, codec: str, names: tuple[str, ...], rarer: float, *, cut: bool) -> _Reading:
    """A sample in one encoding.

    Args:
        sample: the bytes.
        codec: the encoding; "": none, and nothing is known of bytes beyond ASCII.
        names: the languages that are written in it.
        rarer: bits by which it is rarer than other encodings.
        cut: whether the sample may end within a character.
    """
    if not codec:
        text = sample.decode("ascii", errors="replace").replace("\ufffd", BYTE)
    else:
        text = codecs.getincrementaldecoder(codec)(errors="replace").decode(sample, final=not cut)
    if codec == "cp1258":
        text = unicodedata.normalize("NFC", text)  # in Vietnamese Windows, some accents stand behind their letters
    if text.count("\ufffd") > len(sample) // 3:
        return _Reading(codec, text, math.inf)
    bits = _least_bits(text, names)
    if codec in _MULTIBYTE:
        bits = min(bits, _FOREIGN + _least_bits(text, CJK))
    return _Reading(codec, text, bits + rarer)


@lru_cache(64)
def _least_bits(text: str, names: tuple[str, ...]) -> float:
    """The bits of a text in that of some languages in which it is most likely."""
    return min(language(name).bits(text) for name in names)


def _sample(data: bytes) -> bytes:
    """Lines of a text that are not ASCII, or parts of them, from all over its first 256 KiB that are not ASCII.

    Where a few lines are UTF-8, they do not count: the encoding is asked for that the others have.
    """
    high = re.search(rb"[\x80-\xff]", data)
    start = data.rfind(b"\n", 0, high.start()) + 1 if high else 0
    lines = [line[:_SAMPLE] for line in data[start : start + _WINDOW].split(b"\n") if not line.isascii()]
    others = [line for line in lines if not _UTF8_LINE.fullmatch(line)]
    if 2 * sum(map(len, others)) > sum(map(len, lines)):
        lines = others
    size = sum(map(len, lines))
    return b"\n".join(lines[:: max(size // _SAMPLE, 1)])[:_SAMPLE]


# The characters that texts are made of: Latin, Greek, Cyrillic, Hebrew, Arabic and Thai letters, Chinese, Japanese and
# Korean, and punctuation.
_USUAL = re.compile(
    "[\t\n\r -~\xa0-\u052f\u0590-\u06ff\u0e00-\u0e5b\u1e00-\u1eff\u2010-\u2027\u3000-\u30ff\u4e00-\u9fff"
    "\uac00-\ud7a3\uff00-\uffef]"
)


def _looks_wide(data: bytes, codec: str) -> bool:
    """Whether bytes may be UTF-16 or UTF-32 without a byte-order mark; a few bytes tell nothing."""
    unit = 4 if "32" in codec else 2
    if len(data) % unit or len(data) < _LEAST_WIDE * unit:
        return False
    text = data[: 2 * _SAMPLE].decode(codec, errors="ignore")
    return bool(text) and len(_USUAL.findall(text)) > 0.95 * min(len(data), 2 * _SAMPLE) / unit


def _strict(data: bytes, codec: str, name: str) -> str:
    """Decodes a whole text.

    Raises:
        CorpusError: it breaks somewhere.
    """
    try:
        return _whole(data, codec)
    except UnicodeDecodeError as error:
        if error.end >= len(data) and any(word in error.reason for word in ("incomplete", "truncated", "end of data")):
            code, broken = "cut_off", "is cut off within its last character, at byte {at:,}"
        else:
            code, broken = "breaks", "breaks at byte {at:,}, in line {line:,}"
        line = data.count(b"\n", 0, error.start) + 1
        told = "{name} cannot be read as {codec}: it " + broken + "; mend it there, or save it as UTF-8"
        raise CorpusError(Message(code, told, name=name, codec=codec, at=error.start, line=line)) from None


def _whole(data: bytes, codec: str) -> str:
    """Decodes a whole text.

    Raises:
        UnicodeDecodeError: it breaks, or an encoding older than Unicode gives characters that stand for no byte of it.
    """
    text = data.decode(codec)
    if not codec.startswith("utf") and (found := _NO_CHARACTERS.search(text)):
        start = len(text[: found.start()].encode(codec))
        raise UnicodeDecodeError(codec, data, start, start + 1, "no character")
    return text


def _refuse_mixed(data: bytes, codec: str, name: str) -> None:
    """Looks for lines that are UTF-8 in the midst of another encoding.

    Raises:
        CorpusError: there is one.
    """
    for found in _UTF8_LINE.finditer(data):
        with suppress(UnicodeDecodeError):
            meant = _least_bits(found[0].decode("utf-8"), _ALL)
            if meant + _FOREIGN < _least_bits(found[0].decode(codec, errors="replace"), _ALL):
                line = data.count(b"\n", 0, found.start()) + 1
                told = (
                    "{name} mixes encodings: most of it is {codec}, but line {line:,}, at byte {at:,}, is UTF-8; save "
                    "all of it as UTF-8"
                )
                raise CorpusError(Message("mixed_encodings", told, name=name, codec=codec, line=line, at=found.start()))


def _doubtful(data: bytes, name: str, found: list[Guess]) -> CorpusError:
    """The error for a text whose encoding is in doubt."""
    try:
        data.decode("utf-8")
        at = 0
    except UnicodeDecodeError as error:
        at = error.start
    likely = [guess for guess in found if guess.encoding and guess.confidence >= 0.05][:3]
    if not likely or not found[0].encoding:
        told = (
            "{name} is no text in any encoding that zuoci can recognise, and not UTF-8 from byte {at:,} on; save it as "
            "UTF-8, or name its encoding with --encoding"
        )
        return CorpusError(Message("no_encoding", told, name=name, at=at))
    shown = ", ".join(f"{guess.encoding} ({guess.confidence:.0%}: {_preview(guess.text)})" for guess in likely)
    told = (
        "{name} is not UTF-8 from byte {at:,} on, and its encoding is in doubt: {guesses}; name it, as --encoding "
        "{likely}, or save the file as UTF-8"
    )
    message = Message("doubtful_encoding", told, name=name, at=at, guesses=shown, likely=likely[0].encoding)
    return CorpusError(message)


def _preview(text: str) -> str:
    """The first characters of a line that is not ASCII, for an error."""
    line = next((line for line in text.splitlines() if not line.isascii()), text)
    at = next((k for k, char in enumerate(line) if not char.isascii()), 0)
    return printable(line[max(at - 8, 0) : at + 8].strip())
