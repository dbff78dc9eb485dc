"""Chinese rhymes: pinyin → its final → the group of the final in a published standard.

`zuoci.writing.rhyme.scheme` determines the rhyme group of a line with these functions. The standards are:

- 十三辙 (shisanzhe): the thirteen tracks of northern sung verse, as in Luo Changpei's 北京俗曲百种摘韵 (1942).
- 中华新韵 (xinyun): the fourteen groups of the Chinese Poetry Society (中华诗词学会), 2005.
- 中华通韵 (tongyun): the sixteen groups of the Ministry of Education and the State Language Commission, 2019.

Tones do not matter. 儿 is a syllable of its own (er), although in speech it often merges with the one before it.
Traditional characters are read as their simplified forms are.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from zuoci.text.script import forms_of, to_simplified
from zuoci.writing.rhyme.readings import rule_reading, rule_readings

# -i is the vowel of zhi chi shi ri zi ci si; ê occurs in 欸, io in 哟, iai in the old reading of 崖.
_TABLES = {
    "十三辙": (
        "发花 a ia ua|梭坡 o e uo io|乜斜 ê ie üe|一七 i -i ü er|姑苏 u|怀来 ai uai iai|灰堆 ei uei|遥条 ao iao|"
        "由求 ou iou|言前 an ian uan üan|人辰 en in uen ün|江阳 ang iang uang|中东 eng ing ueng ong iong"
    ),
    "中华新韵": (
        "麻 a ia ua|波 o e uo io|皆 ê ie üe|开 ai uai iai|微 ei uei|豪 ao iao|尤 ou iou|"
        "寒 an ian uan üan|文 en in uen ün|唐 ang iang uang|庚 eng ing ueng ong iong|齐 i er ü|支 -i|姑 u"
    ),
    "中华通韵": (
        "啊 a ia ua|喔 o uo io|鹅 e ê ie üe|衣 i -i|乌 u|迂 ü|哀 ai uai iai|欸 ei uei|熬 ao iao|欧 ou iou|"
        "安 an ian uan üan|恩 en in uen ün|昂 ang iang uang|英 eng ing ueng|雍 ong iong|儿 er"
    ),
}
STANDARDS = {
    standard: {final: name for name, *finals in map(str.split, table.split("|")) for final in finals}
    for standard, table in _TABLES.items()
}
STANDARDS_IN_ASCII = {"shisanzhe": "十三辙", "xinyun": "中华新韵", "tongyun": "中华通韵"}

# Groups that rhyme nearly: front and back nasals, and what 十三辙 has together.
_NEAR = {
    "十三辙": "人辰 中东|言前 江阳",
    "中华新韵": "文 庚|寒 唐|齐 支",
    "中华通韵": "恩 英 雍|安 昂|衣 迂 儿|喔 鹅",
}
NEAR_GROUPS = {
    standard: {name: "·".join(names) for names in map(str.split, table.split("|")) for name in names}
    for standard, table in _NEAR.items()
}

CHARACTERS = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_MAX_READ = 1000  # characters at the end of a line; the time that pypinyin takes grows with their square
_TONE_MARKS = "\u0304\u0301\u030c\u0300"
_FINALS = frozenset(STANDARDS["十三辙"])
_WITHOUT_FINAL = frozenset({"m", "n", "ng", "hm", "hng"})


def syllable(reading: str) -> str | None:
    """A syllable of pinyin without its tone; None if `reading` is not a syllable.

    Args:
        reading: pinyin with a tone mark, a tone number or neither (zhǎng, zhang3, zhang); v or u: stand for ü.
    """
    letters = re.sub("[0-5]$", "", reading.strip().lower()).replace("u:", "ü").replace("v", "ü")
    plain = "".join(mark for mark in unicodedata.normalize("NFD", letters) if mark not in _TONE_MARKS)
    plain = unicodedata.normalize("NFC", plain)
    return plain if plain in _WITHOUT_FINAL or final(plain) else None


@lru_cache(maxsize=4096)
def final(plain: str) -> str | None:
    """The final of a syllable without tone, in the spelling of the tables: yue → üe, shi → -i; ng has none → None."""
    match = re.fullmatch("(zh|ch|sh|[bpmfdtnlgkhjqxzcsryw]?)(er|[aeiouüêng]+)", plain)
    if match is None:
        return None
    initial, rest = match.groups()
    if initial in ("zh", "ch", "sh", "r", "z", "c", "s") and rest == "i":
        return "-i"
    if initial and rest.startswith("u") and (initial in "jqxy" or rest == "ue"):
        rest = "ü" + rest[1:]
    if initial == "y" and rest[0] not in "iü":
        rest = "i" + rest
    elif initial == "w" and rest != "u":
        rest = "u" + rest
    rest = {"iu": "iou", "ui": "uei", "un": "uen"}.get(rest, rest)
    return rest if rest in _FINALS else None


def syllables(run: str, count: int = 1, *, at_end: bool = True) -> list[tuple[str, ...]]:
    """The readings of the last of some Chinese characters in their context, without tone.

    Args:
        run: Chinese characters, traditional or simplified.
        count: how many of them to read, from the end.
        at_end: whether the line ends with them.

    Returns:
        For each of the last `count` characters (or all, if there are fewer) its readings, the most common first; more
        than one only where it is sung in either way, none where no reading is known.
    """
    from pypinyin.constants import PHRASES_DICT
    from pypinyin.seg.simpleseg import seg

    plain = to_simplified(run[-_MAX_READ:])
    read = [reading for phrase in seg(plain) for reading in _phrase_readings(phrase)]
    found: list[tuple[str, ...]] = []
    for index in range(max(0, len(plain) - count), len(plain)):
        by_rule = rule_reading(plain[:index], plain[index], at_end=at_end and index == len(plain) - 1)
        if plain[index] == "地" and plain[max(0, index - 4) : index] in PHRASES_DICT and index > 3:
            by_rule = ("de",)  # 义无反顾地: after an idiom of four characters
        found.append(by_rule or read[index])
    return found


@lru_cache(maxsize=65536)
def _phrase_readings(phrase: str) -> tuple[tuple[str, ...], ...]:
    """The reading of each character of a phrase that pypinyin takes a line apart into; empty where it has none.

    pypinyin needs a tenth of a millisecond for a line. Lines are made of few phrases, each of which is looked up once.
    """
    from pypinyin import Style, lazy_pinyin

    read = lazy_pinyin([phrase], style=Style.TONE)
    if len(read) != len(phrase):  # it knows none of these characters
        return ((),) * len(phrase)
    return tuple(tuple(filter(None, [syllable(each)])) for each in read)


def last_syllables(character: str) -> frozenset[str]:
    """All readings that `syllables` can give a character at the end of a line."""
    return _all_readings(character, ends=True)


def inner_syllables(character: str) -> frozenset[str]:
    """All readings that `syllables` can give a character before others."""
    return _all_readings(character, ends=False)


@lru_cache(maxsize=65536)
def _all_readings(character: str, *, ends: bool) -> frozenset[str]:
    from pypinyin.constants import PINYIN_DICT

    found: set[str] = set()
    for form in forms_of(character):
        alone = PINYIN_DICT.get(ord(form), "").split(",")[0]
        found |= _readings_in_phrases()[not ends].get(form, frozenset()) | rule_readings(form)
        found |= {read for read in (syllable(alone),) if read}
    return frozenset(found)


@cache
def _readings_in_phrases() -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Character → its readings at the end, and anywhere, of the phrases that pypinyin splits a line into."""
    from pypinyin.constants import PHRASES_DICT

    at_ends: dict[str, set[str]] = {}
    anywhere: dict[str, set[str]] = {}
    for phrase, readings in PHRASES_DICT.items():
        at_ends.setdefault(phrase[-1], set()).add(readings[-1][0])
        for character, (first, *_) in zip(phrase, readings, strict=False):
            anywhere.setdefault(character, set()).add(first)
    plain = [
        {char: frozenset(filter(None, map(syllable, read))) for char, read in sorted(each.items())}
        for each in (at_ends, anywhere)
    ]
    return plain[0], plain[1]
