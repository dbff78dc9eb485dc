"""Lines → their rhyme groups, and the rhyme scheme of a text.

A rhyme group is a key: "zh:遥条" for Chinese lines, "en:AH V" for lines in Latin letters, "ja:a" and "ko:a" for kana
and Hangul. Lines with a common key rhyme. The last character or word of a line determines its group; marks such as (x2)
do not count (`zuoci.writing.rhyme.line_end`). The pronunciation of a Chinese character is that in its line (忘不了 ends
in liǎo), and a published standard assigns its final to a group (`zuoci.writing.rhyme.chinese`). An English word rhymes
by its last stressed vowel and the sounds after it (`zuoci.writing.rhyme.english`), kana and Hangul by their vowel
(`zuoci.writing.rhyme.vowels`).

In a rhyme of several syllables each of the last syllables has to agree: "zh:怀来 江阳" is that of 海浪 and 太阳. Of
English syllables the vowels agree there (`zuoci.writing.rhyme.english_sounds`).

`RhymeConstraint` uses this while a line is written; the studio and the exported page, to show rhymes.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice, product
from typing import TYPE_CHECKING, Literal, TypeAlias

from zuoci.errors import Message, SettingsError
from zuoci.text.script import forms_of, to_simplified
from zuoci.writing.rhyme.chinese import (
    CHARACTERS,
    NEAR_GROUPS,
    STANDARDS,
    STANDARDS_IN_ASCII,
    final,
    inner_syllables,
    last_syllables,
    syllable,
    syllables,
)
from zuoci.writing.rhyme.english import rimes
from zuoci.writing.rhyme.english_sounds import near_rime, tails
from zuoci.writing.rhyme.line_end import WORD, last_word
from zuoci.writing.rhyme.vowels import HANGUL, KANA, vowel_of_hangul, vowels_of_kana

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Standard: TypeAlias = Literal["十三辙", "中华新韵", "中华通韵", "shisanzhe", "xinyun", "tongyun"]
Scheme: TypeAlias = tuple[str | None, ...]
Units: TypeAlias = tuple[str, ...]  # how each of some syllables rhymes: ("怀来", "江阳")

_CHINESE = re.compile(f"[{CHARACTERS}]+")
_SCRIPTS = {"zh": _CHINESE, "en": re.compile(WORD), "ja": re.compile(f"[{KANA}]+"), "ko": re.compile(f"[{HANGUL}]")}
_JAPANESE = re.compile("[ぁ-ねは-ゖァ-ヺ]|の.*の", re.DOTALL)  # one の stands in Chinese lines too
_LAST_PART = re.compile(rf"([{CHARACTERS}]+|[{KANA}]+|[{HANGUL}]|{WORD}(?:['’]{WORD})*['’]?)[\W_]*\Z")
_LONGEST_PART = 100  # characters; bounds the time for any line
_MOST_WAYS = 16  # to read the end of a line

# Letters of a rhyme scheme. X is not among them: it marks a line without rhyme. Greek letters follow after Z.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWYZΓΔΘΛΞΠΣΦΨΩ"


class Rhymes:
    """Determines rhyme groups by one standard, with the user's own readings.

    Args:
        standard: 十三辙 (`shisanzhe`), 中华新韵 (`xinyun`) or 中华通韵 (`tongyun`).
        readings: phrases or characters → pinyin, one syllable for each character, with tone marks, tone numbers
            or neither: {"还": "huan2", "长大": "zhang3 da4"}. The longest phrase at the end of a line is used.
        count: how many syllables at the end of lines have to rhyme.
        near: whether lines that nearly rhyme count as rhyming.

    Raises:
        SettingsError: the standard is unknown, or a reading does not fit its phrase.
    """

    def __init__(
        self,
        standard: Standard = "十三辙",
        readings: Mapping[str, str] | None = None,
        *,
        count: int = 1,
        near: bool = False,
    ) -> None:
        name = STANDARDS_IN_ASCII.get(standard, standard)
        if name not in STANDARDS:
            known = ", ".join(f"{chinese} ({ascii_name})" for ascii_name, chinese in STANDARDS_IN_ASCII.items())
            raise SettingsError(f"there is no rhyme standard {standard!r}; there are {known}")
        self.standard = name
        self.count = count
        self.near = near
        merged = NEAR_GROUPS[name] if near else {}
        self._groups = {sound: merged.get(group, group) for sound, group in STANDARDS[name].items()}
        self._own = {to_simplified(own): own_syllables(own, reading) for own, reading in (readings or {}).items()}
        self._longest_own = max(map(len, self._own), default=0)
        self._only_groups: dict[str, str] = {}

    def ending(self, line: str) -> str:
        """The last character or word of a line, which determines its rhyme group; "" if there is none."""
        return last_word(line)[0]

    def group(self, line: str) -> str | None:
        """The rhyme group of a line; None if its end has no final: no word, a number, 嗯, a kanji."""
        return next(iter(self.keys(line)), None)

    def keys(self, line: str) -> tuple[str, ...]:
        """The rhyme group of a line, then those of other pronunciations of its end."""
        ending, end = last_word(line)
        script = next((name for name, pattern in _SCRIPTS.items() if pattern.match(ending)), "")
        if not script or (script == "zh" and _JAPANESE.search(line)):  # how kanji are read is not known
            return ()
        if self.count == 1 and script == "zh" and (only := self._only_group(ending)):
            found = [only]
        elif self.count == 1 and script == "en":
            found = [near_rime(rime) if self.near else rime for rime in rimes(ending)]
        else:
            found = [" ".join(way) for way in self.units(line[:end], self.count, at_end=True) if len(way) == self.count]
        return tuple(dict.fromkeys(f"{script}:{units}" for units in found))

    def units(self, text: str, count: int, *, at_end: bool = False) -> list[Units]:
        """How each of the last `count` syllables of a text rhymes, in every way in which they can be read.

        Args:
            text: a text.
            count: of syllables; there are fewer if the text has fewer, or if it holds something that cannot be read.
            at_end: whether a line ends here. The consonants after its last vowel then belong to an English rhyme.
        """
        part = _LAST_PART.search(text[-_LONGEST_PART:]) if count else None
        if not part:
            return [()]
        before = text[: max(0, len(text) - _LONGEST_PART) + part.start()]
        ways: list[Units] = []
        for units, whole in self._units_of(part[1], count, at_end):
            goes_on = whole and len(units) < count
            ways += [(*more, *units) for more in (self.units(before, count - len(units)) if goes_on else [()])]
        return list(dict.fromkeys(ways))[:_MOST_WAYS]

    def _units_of(self, part: str, count: int, at_end: bool) -> Iterator[tuple[Units, bool]]:
        """The last `count` units of a part of a text in one script, and whether that is all of the part."""
        if _SCRIPTS["ja"].match(part):
            yield tuple(vowels_of_kana(part)[-count:]), True
        elif _SCRIPTS["ko"].match(part):
            yield (vowel_of_hangul(part),), True
        elif _SCRIPTS["en"].match(part):
            for tail in tails(part, count, self.near):
                last = f"{tail.vowels[-1]} {tail.coda}".strip() if at_end else tail.vowels[-1]
                yield (*tail.vowels[:-1], last), tail.whole
        else:
            groups = [self._groups_of(readings) for readings in self._read(part, count, at_end)]
            unknown = max((place for place, each in enumerate(groups, 1) if not each), default=0)
            for units in islice(product(*groups[unknown:]), _MOST_WAYS):
                yield units, not unknown

    def endings(self, characters: Iterable[str]) -> dict[str, str]:
        """Rhyme group → the characters that can end a line in this group, in the order given.

        If `group(line)` is G and the line ends in the character c, then c is in `endings([c])[G]`. The converse does
        not hold: a character with several readings is listed for each, and only the line determines which applies. In
        a rhyme of several syllables, G is the group of the last one.
        """
        return self._sorted_by_group(characters, at_end=True)

    def insides(self, characters: Iterable[str]) -> dict[str, str]:
        """The same for the syllables before the last one."""
        return self._sorted_by_group(characters, at_end=False)

    def _sorted_by_group(self, characters: Iterable[str], *, at_end: bool) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for char in dict.fromkeys(characters):
            if len(char) != 1:
                continue
            keys: set[str] = set()
            if _CHINESE.match(char):
                keys = {f"zh:{group}" for group in self._groups_of(self._all_readings(char, at_end=at_end))}
            elif _SCRIPTS["ko"].match(char):
                keys = {f"ko:{vowel_of_hangul(char)}"}
            elif _SCRIPTS["ja"].match(char):
                keys = {f"ja:{vowel}" for vowel in ("aiueo" if char in "ーｰ" else vowels_of_kana(char))}
            for key in sorted(keys):
                found.setdefault(key, []).append(char)
        return {key: "".join(found[key]) for key in sorted(found)}

    def _all_readings(self, char: str, *, at_end: bool) -> set[str]:
        forms = forms_of(char)
        own = {
            read
            for phrase, reading in self._own.items()
            for own_char, read in list(zip(phrase, reading, strict=True))[-1 if at_end else 0 :]
            if own_char in forms
        }
        if at_end and any(form in self._own for form in forms):
            return own
        return own | (last_syllables(char) if at_end else inner_syllables(char))

    def _read(self, run: str, count: int, at_end: bool) -> list[Sequence[str]]:
        """The readings of the last characters of a run of Chinese characters."""
        found: list[Sequence[str]] = [*syllables(run, count, at_end=at_end)]
        plain, end = to_simplified(run), len(run)
        while self._own and end > len(run) - len(found):
            own = next((plain[start:end] for start in range(max(0, end - self._longest_own), end)
                        if plain[start:end] in self._own), "")  # fmt: skip
            for back, reading in enumerate(reversed(self._own.get(own, ())), len(run) - end + 1):
                if back <= len(found):
                    found[-back] = (reading,)
            end -= len(own) or 1
        return found

    def _only_group(self, char: str) -> str:
        """The rhyme group of a Chinese character at the end of whatever line; "" if it depends on the line.

        Nine of ten characters need not be read in their line, which would take longer than writing it.
        """
        if char not in self._only_groups:
            groups = {self._groups.get(final(read) or "", "") for read in self._all_readings(char, at_end=True)}
            self._only_groups[char] = groups.pop() if len(groups) == 1 else ""
        return self._only_groups[char]

    def _groups_of(self, readings: Iterable[str]) -> list[str]:
        groups = (self._groups.get(final(reading) or "") for reading in readings)
        return list(dict.fromkeys(filter(None, groups)))


def own_syllables(phrase: str, reading: str) -> tuple[str, ...]:
    """The syllables of a user's reading of a phrase, without tone.

    Raises:
        SettingsError: the phrase is not Chinese, or the reading is not one syllable of pinyin for each character.
    """
    if not _CHINESE.fullmatch(phrase):
        told = "readings are of Chinese characters, as 长大: zhang3 da4; got {phrase!r}"
        raise SettingsError(Message("reading_characters", told, field="reading", phrase=phrase))
    read = [syllable(part) for part in reading.split()]
    if len(read) != len(phrase) or None in read:
        told = (
            "the reading of {phrase} must be {count} syllable(s) of pinyin between spaces, as zhǎng, zhang3 or zhang; "
            "got {reading!r}"
        )
        values = {"phrase": phrase, "count": len(phrase), "reading": reading}
        raise SettingsError(Message("reading_syllables", told, field="reading", **values))
    return tuple(filter(None, read))


def repeat_scheme(scheme: Scheme, count: int, first: int = 0) -> list[tuple[int, str] | None]:
    """The rhymes of `count` lines: the scheme is repeated, and each repetition has rhymes of its own.

    Args:
        scheme: the rhyme scheme.
        count: the number of lines.
        first: number of the first of them in its text, so that parts of a text have rhymes of their own.

    Returns:
        For each line a label that it shares with the lines that it rhymes with, or None for a line without rhyme. AABB
        for six lines gives A A B B and then A A with a new rhyme.
    """
    labels = ((first + line // len(scheme), scheme[line % len(scheme)]) for line in range(count))
    return [(cycle, letter) if letter is not None else None for cycle, letter in labels]


def scheme_of(lines: Sequence[str], rhymes: Rhymes) -> str:
    """The rhyme scheme of lines: letters by first appearance, X for a line that rhymes with no other.

    A line gets the letter of the nearest line before it that it rhymes with. From the thirty-sixth rhyme on, lines
    get an X.
    """
    last: dict[str, int] = {}  # rhyme group → the last line that has it
    firsts: list[int] = []  # for each line the first line that it rhymes with, directly or through others
    for line, text in enumerate(lines):
        keys = rhymes.keys(text)
        before = max((last[key] for key in keys if key in last), default=line)
        firsts.append(firsts[before] if before < line else line)
        last.update(dict.fromkeys(keys, line))
    letters = iter(LETTERS)
    names = {first: next(letters, "X") for first, count in Counter(firsts).items() if count > 1}
    return "".join(names.get(first, "X") for first in firsts)
