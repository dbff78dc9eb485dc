"""What stands around the sung words of a line: readings, music notes, who sings, how often.

`take_off` removes it from one line; marks of a person or a repeat are remembered, readings and notes are not words.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from zuoci.text.formats.document import Dropped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.formats.document import Line

READINGS, NOTES, SINGERS, REPEATS = "readings", "music signs", "singer marks", "repeat marks"
MOST_TIMES = 16  # a repeat mark counts so often at most

_HAN = "\u3400-\u4dbf\u4e00-\u9fff々〆ヶ"
_KANA = "\u3040-\u30ffー・"
_PINYIN = "a-zA-ZüÜāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿ"
_TONE = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿ1-5"
_READING = re.compile(
    rf"(?<=[{_HAN}])[(（《【\[]\s*[{_KANA} ]{{1,20}}\s*[)）》】\]]"
    rf"|(?<=[{_HAN}])[(（《]\s*(?=[^)）》\n]{{0,40}}[{_TONE}])(?=[^)）》\n]{{0,6}}[aeiouü{_TONE[:-3]}])[{_PINYIN}1-5]{{1,7}}(?:\s[{_PINYIN}1-5]{{1,7}}){{0,8}}\s*[)）》]"
    rf"|[|｜](?=[{_HAN}]{{1,12}}《)"
)
_SIGNS = "♩♪♫♬♭♯𝄞🎵🎶🎼"
_NOTE = re.compile(rf"^[\s{_SIGNS}]*[{_SIGNS}]\s*|\s*[{_SIGNS}][\s{_SIGNS}]*$|[{_SIGNS}]")
_SUSPECT = re.compile(rf"[(（《【\[〔:：|｜×✕✖*{_SIGNS}]|[xX]\s?\d|\d\s?[xX]")
_COUNT = "一二两三四五六七八九十"
_REPEAT = re.compile(
    rf"\s*[\[(（【]\s*(?:[x×✕✖*＊]\s*(\d{{1,2}})|(\d{{1,2}})\s*[x×✕✖]|(?:[重反][复覆複](?:唱)?|repeat|rpt\.?|bis|唱)\s*(?:[x×*]\s*)?"
    rf"([{_COUNT}]|\d{{1,2}})?\s*[遍次回]?(?: times?)?|([{_COUNT}]|\d{{1,2}})\s*(?:[遍次回]|times))\s*[\])）】]\s*$"
    r"|(?:^|\s+)(?:[x×✕✖]\s?(\d{1,2})|\*\s?(\d{1,2}))\s*$|(?<=[^\s\d])\s*[×✕✖]\s?(\d{1,2})\s*$|\s+(\d{1,2})\s?[×✕✖x]\s*$",
    re.IGNORECASE,
)
_WHO = (
    r"男|女|合|齐|齊|众|眾|领|領|独|獨|和|伴|白|童|男声|女声|童声|男聲|女聲|童聲|男女|男生|女生|合唱|齐唱|齊唱|独唱|獨唱|领唱|領唱|伴唱|和声|和聲|旁白|独白|念白"
    r"|[男女]\s?[1-9一二三]|[男女]合|全体|全體|全员"
)
_SINGER = re.compile(
    rf"\s*(?:(?:{_WHO}|v\d{{1,2}}|[FMD]|(?:fe)?male|both|duet|all)\s*[:：]|[\[(（【〔]\s*(?:{_WHO}|v\d{{1,2}}|[FMD]|(?:fe)?male|both|duet|all)"
    rf"\s*[:：]?\s*[\])）】〕]\s*[:：]?)\s*",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\s*([\u4e00-\u9fff]{1,4}|[A-Z][A-Za-z.]{0,11}|[A-Z])\s*[:：]\s*(?=\S)")
_NO_NAME = re.compile(
    r"[我你您他她它俺咱谁說说道问問答喊叫唱想听聽曰云笑哭]|^(?:I|You|He|She|We|They|Me|Oh|Yeah|Love|Baby)$"
)
_LEAST_NAMED = 3  # lines that begin with a name, of two names at least, make a dialogue


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else "零一二三四五六七八九十".find(text.replace("两", "二"))


def repeat_of(text: str) -> tuple[str, int]:
    """A line without the mark that says how often it is sung, and that number; 1 without a mark."""
    match = _REPEAT.search(text)
    if match is None:
        return text, 1
    number = next((_number(group) for group in match.groups() if group), 2)
    if number < 2:
        return text, 1
    return text[: match.start()], min(number, MOST_TIMES)


def singers(lines: Sequence[Line]) -> set[str]:
    """The names with which the lines of a dialogue begin: several lines, two names at least, each more than once."""
    found = Counter(match[1] for line in lines if (match := _NAMED.match(line.text)) and not _NO_NAME.search(match[1]))
    names = {name for name, count in found.items() if count > 1}
    return names if len(names) > 1 and sum(found[name] for name in names) >= _LEAST_NAMED else set()


def take_off(line: Line, names: set[str]) -> tuple[Line, list[Dropped]]:
    """A line without what stands around its words.

    Args:
        line: the line.
        names: names that mark who sings, see `singers`.
    """
    dropped: list[Dropped] = []
    text = line.text
    if not _SUSPECT.search(text):
        return line, []
    without = _READING.sub("", text)
    if without != text:
        dropped.append(Dropped(line.number, " ".join(found[0] for found in _READING.finditer(text)), READINGS))
        text = without
    if _NOTE.search(text):
        dropped.append(Dropped(line.number, "".join(char for char in text if char in _SIGNS), NOTES))
        text = _NOTE.sub("", text)
    match = _SINGER.match(text)
    if match is None and (named := _NAMED.match(text)) and named[1] in names:
        match = named
    if match:
        dropped.append(Dropped(line.number, match[0].strip(), SINGERS))
        text = text[match.end() :]
    shorter, times = repeat_of(text)
    if times > 1:
        dropped.append(Dropped(line.number, text[len(shorter) :].strip(), REPEATS))
        text = shorter
    if not dropped:
        return line, []
    return replace(line, text=text, times=times), dropped
