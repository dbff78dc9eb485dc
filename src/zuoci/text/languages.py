"""How likely a text is in some languages, in bits: `encoding` compares by it what bytes mean in each encoding.

A language with an alphabet is a bigram model of its letters, counted on a few lines in `data/languages.txt`. Chinese,
Japanese and Korean are unigram models of their characters; the Chinese one is counted on the bundled lyrics. Characters
that a language does not use cost many bits (`rarity`), which tells wrongly decoded text from right one. The models are
rough, and all that is asked of them is to tell languages and encodings apart.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from zuoci.text.script import to_simplified
from zuoci.text.songbook import parse_songbook

if TYPE_CHECKING:
    from collections.abc import Mapping

CJK = ("zh-Hans", "zh-Hant", "ja", "ko")
LATIN = (
    *("en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "no", "fi", "is"),
    *("pl", "cs", "sk", "hu", "ro", "hr", "sl", "tr", "lt", "lv", "et", "vi"),
)
CYRILLIC = ("ru", "uk", "bg", "sr")
OTHERS = ("el", "he", "ar", "fa", "th")

BYTE = "\uffff"  # stands for a byte of which nothing is known; no text holds this character
_BYTE, _NEXT_BYTE = (
    12.0,
    8.5,
)  # its bits, alone and after another one: a wrong character costs more than it, a right one less
_ALIKE = 4.0  # bits of what all languages use alike: spaces, digits, ASCII punctuation
_SWITCH = 14.0  # bits of going over to another alphabet within a word
_SWITCH_IN_CJK = 4.0  # bits of a Latin letter beside a Chinese, Japanese or Korean character
_TYPOGRAPHIC = {**dict.fromkeys("’‘“”–—…", 7.0), **dict.fromkeys("«»„\xa0", 10.0), **dict.fromkeys("‚‹›•·°", 12.0)}
_APOSTROPHE = 2.0  # bits of ’ after a letter
_IN_WORD = 5.0  # bits more of a symbol beside a letter
_CATEGORIES = {
    "Po": 13.0,
    "Ps": 13.0,
    "Pe": 13.0,
    "Pd": 13.0,
    "Pi": 13.0,
    "Pf": 13.0,
    "Nd": 14.0,
    "No": 14.0,
    "Sk": 14.0,
}
_BACKING_OFF = 4.0  # how many times a letter must have been seen before its bigrams weigh more than its unigram


@lru_cache(1 << 16)
def rarity(char: str) -> float:
    """The bits of a character that no model knows."""
    if char == "\ufffd":  # where decoding failed
        return 30.0
    if char in "\n\r\t" or (char.isascii() and char.isprintable()):
        return _ALIKE
    if char in _TYPOGRAPHIC:
        return _TYPOGRAPHIC[char]
    if "\u2500" <= char <= "\u25ff" or "\uff61" <= char <= "\uff9f":  # box drawing, half-width katakana
        return 16.0
    category = unicodedata.category(char)
    if category[0] == "L":
        return 18.0 if category == "Lo" else 14.0
    return {"C": 22.0, "S": 16.0}.get(category[0], _CATEGORIES.get(category, 15.0))


@lru_cache(1 << 16)
def _is_letter(char: str) -> bool:
    """Whether a character is a letter or a mark of one, such as a vowel of Thai."""
    return char.isalpha() or unicodedata.category(char)[0] == "M"


def _beside_letter(before: str, char: str) -> float:
    """The bits by which a character is rarer, or less rare, because of the one before it."""
    if BYTE in (before, char):
        return (_NEXT_BYTE if before == BYTE else _BYTE) - rarity(BYTE) if char == BYTE else 0.0
    if char == "’" and _is_letter(before):
        return _APOSTROPHE - rarity("’")
    one, other = (before, char) if _is_letter(char) else (char, before)
    symbol = not one.isascii() and unicodedata.category(one)[0] in "SNC" and _is_letter(other)
    return _IN_WORD if symbol else 0.0


class Language(dict[str, float]):
    """The bits of the second of two characters after the first: computed when a pair is first looked up."""

    def bits(self, text: str) -> float:
        """−log₂ of the probability of a text."""
        before = "\n" + text
        return sum(map(self.__getitem__, map(str.__add__, before, text)))


class Alphabetic(Language):
    """A language that is written with an alphabet: bigrams of its small letters, and where capital letters stand."""

    def __init__(self, passage: str) -> None:
        super().__init__()
        small = "".join(char if _is_letter(char) else " " for char in passage.lower())
        self.letters = Counter(small)
        self.pairs = Counter(zip(" " + small, small, strict=False))
        self.befores = Counter(" " + small[:-1])
        self.latin = "a" in self.letters

    def __missing__(self, pair: str) -> float:
        before, char = (small if _is_letter(small := one.lower()[:1]) else " " for one in pair)
        if char == " ":
            bits = rarity(pair[1]) + _beside_letter(*pair)
        elif char in self.letters:
            single = self.letters[char] / self.letters.total()
            both = self.pairs[before, char] + _BACKING_OFF * single
            bits = -math.log2(both / (self.befores[before] + _BACKING_OFF)) + _case(*pair)
        elif char.isascii() and not self.latin:  # a word in English
            bits = language("en")[pair] if before == " " or before.isascii() else _SWITCH + rarity("é")
        else:
            bits = rarity(pair[1])
        bits += _beside_letter(*pair) if char != " " else 0.0
        if char != " " and before != " " and not self.latin and before.isascii() and not char.isascii():
            bits += _SWITCH
        self[pair] = bits
        return bits


def _case(before: str, char: str) -> float:
    """The bits of a letter's case after another character."""
    if not (char.isupper() or char.islower()):
        return 0.0
    if not before.isalpha():
        return 2.0 if char.isupper() else 0.5
    if before.isupper():
        return 1.5 if char.isupper() else 0.5
    return 9.0 if char.isupper() else 0.0


class Syllabic(Language):
    """A language whose characters are many: unigrams. Words in English may stand among them.

    Attributes:
        known: bits of the characters that were counted.
    """

    def __init__(self, counts: Mapping[str, float], least: float) -> None:
        """Takes the counts.

        Args:
            counts: how often each character was seen.
            least: the bits of the rarest of them, at most.
        """
        super().__init__()
        total = sum(counts.values())
        self.known = {char: min(0.3 - math.log2(count / total), least) for char, count in counts.items()}

    def __missing__(self, pair: str) -> float:
        before, char = pair
        if char.isascii():
            bits = language("en")[pair if before.isascii() else "\n" + char]
        else:
            bits = self.known.get(char) or self.unseen(char)
            bits += _beside_letter(before, char)
        if char.isalpha() and before.isalpha() and char.isascii() != before.isascii():
            bits += _SWITCH_IN_CJK
        self[pair] = bits
        return bits

    def unseen(self, char: str) -> float:
        """The bits of a character that was not counted."""
        return rarity(char)


class Chinese(Syllabic):
    def unseen(self, char: str) -> float:
        if "\u4e00" <= char <= "\u9fff":
            return (
                17.0 if _row(char, "gb2312") in range(0xB0, 0xD8) or _row(char, "big5") in range(0xA4, 0xC7) else 20.0
            )
        return _unseen_in_cjk(char)


class Japanese(Syllabic):
    def unseen(self, char: str) -> float:
        if "\u3041" <= char <= "\u30ff":
            return 11.0
        if "\u4e00" <= char <= "\u9fff":
            row = _row(char, "euc_jp")
            return 14.0 if row in range(0xB0, 0xD0) else 18.0 if row > 0x8F else 22.0
        return _unseen_in_cjk(char)


class Korean(Syllabic):
    def unseen(self, char: str) -> float:
        if "\uac00" <= char <= "\ud7a3":
            return 13.0 if _row(char, "euc_kr") in range(0xB0, 0xC9) else 18.0
        return _unseen_in_cjk(char)


def _unseen_in_cjk(char: str) -> float:
    """The bits of what Chinese, Japanese and Korean texts share but for their own characters."""
    if "\u3000" <= char <= "\u3020" or "\uff01" <= char <= "\uff5e":
        return 10.0
    if "\u3041" <= char <= "\u30ff":
        return 14.0
    return 18.0 if "\u4e00" <= char <= "\ud7a3" else rarity(char)


@lru_cache(1 << 16)
def _row(char: str, codec: str) -> int:
    """The first of two bytes of a character; 0 if the standard does not have it. Lower rows hold commoner ones."""
    encoded = char.encode(codec, errors="ignore")
    return encoded[0] if len(encoded) == 2 else 0


@cache
def language(name: str) -> Language:
    """The model of a language, made on first use."""
    passages = _passages()
    if name in ("ja", "ko"):
        counts = Counter(char for char in passages[name] if not char.isascii())
        return Japanese(counts, 12.0) if name == "ja" else Korean(counts, 12.0)
    if name.startswith("zh"):
        counts = _simplified()
        return Chinese(_traditional(counts) if name == "zh-Hant" else counts, 17.0)
    return Alphabetic(passages[name])


@cache
def _passages() -> dict[str, str]:
    """The lines in each language."""
    text = files("zuoci").joinpath("data", "languages.txt").read_text("utf-8")
    blocks = (block.partition("]\n") for block in text.split("[")[1:])
    return {name: lines for name, _, lines in blocks}


@cache
def _simplified() -> dict[str, float]:
    """How often the characters of the bundled Chinese lyrics occur. Songs held apart for judging are not counted."""
    data = files("zuoci").joinpath("data")
    held_apart = set(data.joinpath("held-apart.txt").read_text("utf-8").splitlines())
    songs = parse_songbook(data.joinpath("zh.txt").read_text("utf-8"), "zh.txt")
    lines = (line for song in songs if song.title not in held_apart for line in song.lines(returns=False))
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    counts.update(dict.fromkeys("，。！？、：；“”‘’（）《》—…·～", counts.total() // 400))
    return {char: float(count) for char, count in counts.items() if not char.isascii()}


def _traditional(simplified: Mapping[str, float]) -> dict[str, float]:
    """The counts of traditional characters: those of a simplified one are shared out among its traditional ones."""
    in_big5 = [char for char in map(chr, range(0x4E00, 0xA000)) if _row(char, "big5")]
    forms: dict[str, list[str]] = {char: [char] for char in simplified if not char.isalpha()}
    for char, simple in zip(in_big5, to_simplified("\n".join(in_big5)).split("\n"), strict=True):
        forms.setdefault(simple, []).append(char)
    counts: dict[str, float] = {}
    for char, count in simplified.items():
        for form in forms.get(char, ()):
            counts[form] = counts.get(form, 0.0) + count / len(forms[char])
    for char in _passages()["zh"] + _passages()["yue"]:
        if not char.isascii():
            counts[char] = counts.get(char, 0.0) + sum(simplified.values()) / 10_000
    return counts
