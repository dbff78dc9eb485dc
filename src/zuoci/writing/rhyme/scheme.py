"""Lines → how they rhyme. A rhyme group is a key: "zh:遥条" for Chinese lines, "en:AH V" for lines in Latin letters.

The last character or word of a line decides. A Chinese character is read in its whole line (pypinyin: 忘不了
ends in liǎo) and belongs to the group that a published standard puts its final in (`zuoci.writing.rhyme.chinese`); an
English word rhymes by its last stressed vowel and what follows it (`zuoci.writing.rhyme.english`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

from zuoci.errors import SettingsError
from zuoci.writing.rhyme.chinese import (
    CHARACTERS,
    STANDARDS,
    STANDARDS_IN_ASCII,
    final,
    last_syllable,
    last_syllables,
    syllable,
)
from zuoci.writing.rhyme.english import rimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Standard: TypeAlias = Literal["十三辙", "中华新韵", "中华通韵", "shisanzhe", "xinyun", "tongyun"]
Scheme: TypeAlias = tuple[str | None, ...]

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ"
_WORD = f"[{_LATIN}][{_LATIN}\u0300-\u036f]*"  # accents may follow their letters
_ENDING = re.compile(rf"([{CHARACTERS}]|{_WORD}(?:['’]{_WORD})*(?:(?<=in)['’])?|\d+|[^\W_])[\W_]?\Z")
_LONGEST_WORD = 100  # characters: no line, however odd, takes long
_CHINESE = re.compile(f"[{CHARACTERS}]+")

# X is left out: it stands for a line that rhymes with none. Greek letters follow for those who need more than 25.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWYZΓΔΘΛΞΠΣΦΨΩ"


class Rhymes:
    """The rhymes of one standard, with a user's own readings.

    Args:
        standard: 十三辙 (`shisanzhe`), 中华新韵 (`xinyun`) or 中华通韵 (`tongyun`).
        readings: phrases or characters → pinyin, a syllable for each character, with tone marks, tone numbers
            or neither: {"还": "huan2", "长大": "zhang3 da4"}. The longest phrase that a line ends with decides.

    Raises:
        SettingsError: there is no such standard, or a reading does not fit its phrase.
    """

    def __init__(self, standard: Standard = "十三辙", readings: Mapping[str, str] | None = None) -> None:
        name = STANDARDS_IN_ASCII.get(standard, standard)
        if name not in STANDARDS:
            known = ", ".join(f"{chinese} ({ascii_name})" for ascii_name, chinese in STANDARDS_IN_ASCII.items())
            raise SettingsError(f"there is no rhyme standard {standard!r}; there are {known}")
        self.standard = name
        self._groups = STANDARDS[name]
        self._own = {phrase: _own_reading(phrase, reading) for phrase, reading in (readings or {}).items()}
        self._longest_own = max(map(len, self._own), default=0)

    def ending(self, line: str) -> str:
        """The character or word that decides how a line rhymes; "" if there is none."""
        return _ending(line)[0]

    def group(self, line: str) -> str | None:
        """The rhyme group of a line; None where there is nothing to read: no word, a number, 嗯."""
        return next(iter(self.keys(line)), None)

    def keys(self, line: str) -> tuple[str, ...]:
        """Its group, and for an English word with several pronunciations those of the others."""
        ending, end = _ending(line)
        if _CHINESE.match(ending):
            key = self._chinese_key(self._read(line[:end]))
            return (key,) if key else ()
        if re.match(_WORD, ending):
            return tuple(f"en:{rime}" for rime in rimes(ending))
        return ()

    def rhyme(self, first: str, second: str) -> bool:
        """Whether two lines rhyme, English words in any of their pronunciations. A line rhymes with itself."""
        return not set(self.keys(first)).isdisjoint(self.keys(second))

    def endings(self, characters: Iterable[str]) -> dict[str, str]:
        """Group → those of the characters that can end a line in it, in the order given.

        Complete: where `group(line)` is G and the line ends in the character c, c is in `endings([c])[G]`. Not
        more than a hint the other way round: which of its readings a character has, its line decides.
        """
        found: dict[str, list[str]] = {}
        for character in dict.fromkeys(characters):
            if len(character) == 1 and _CHINESE.match(character):
                own = {read for phrase, read in self._own.items() if phrase[-1] == character}
                readings = own if character in self._own else own | last_syllables(character)
                for key in sorted(set(filter(None, map(self._chinese_key, readings)))):
                    found.setdefault(key, []).append(character)
        return {key: "".join(found[key]) for key in sorted(found)}

    def words(self, key: str, words: Iterable[str]) -> list[str]:
        """Those of the words that a line in the (English) group may end with, sorted."""
        return sorted({word for word in words if self.group(word) == key})

    def _read(self, line: str) -> str | None:
        """The last syllable of a line that ends in a Chinese character."""
        for length in range(min(self._longest_own, len(line)), 0, -1):
            if line[-length:] in self._own:
                return self._own[line[-length:]]
        start = len(line)
        while start and _CHINESE.match(line[start - 1]):
            start -= 1
        return last_syllable(line[start:])

    def _chinese_key(self, read: str | None) -> str | None:
        group = self._groups.get(final(read) or "") if read else None
        return f"zh:{group}" if group else None


def _ending(line: str) -> tuple[str, int]:
    """The last character or word, and where it ends in the line."""
    end = next((place for place in range(len(line), 0, -1) if line[place - 1].isalnum()), 0)
    start = max(0, end - _LONGEST_WORD)
    match = _ENDING.search(line[start : end + 1])
    return (match[1], start + match.end(1)) if match else ("", 0)


def _own_reading(phrase: str, reading: str) -> str:
    """The last syllable of a user's reading of a phrase."""
    if not _CHINESE.fullmatch(phrase):
        raise SettingsError(f"readings are of Chinese characters, as 长大: zhang3 da4; got {phrase!r}")
    syllables = [syllable(part) for part in reading.split()]
    if len(syllables) != len(phrase) or None in syllables:
        raise SettingsError(
            f"the reading of {phrase} must be {len(phrase)} syllable(s) of pinyin between spaces,"
            f" as zhǎng, zhang3 or zhang; got {reading!r}"
        )
    return syllables[-1] or ""


def parse_readings(pairs: Sequence[str]) -> dict[str, str]:
    """Reads pairs such as `长大=zhang3 da4`.

    Raises:
        SettingsError: one is no such pair, or the reading does not fit its phrase.
    """
    readings: dict[str, str] = {}
    for pair in pairs:
        phrase, equals, reading = pair.partition("=")
        if not equals:
            raise SettingsError(f"a reading is written as 长大=zhang3 da4: got {pair!r}")
        readings[phrase.strip()] = reading.strip()
        _own_reading(phrase.strip(), reading.strip())
    return readings


def parse_scheme(text: str) -> Scheme:
    """Reads a rhyme scheme: a label for each line, or None for a line that need not rhyme.

    Equal letters rhyme; X and - are free. Spaces, commas, line ends and | may part stanzas and do not count.

    Raises:
        SettingsError: another character stands in it, or no line does.
    """
    plain = re.sub(r"[\s,|]", "", unicodedata.normalize("NFKC", text)).upper()
    for mark in plain:
        if mark not in _LETTERS and mark not in "X-":
            raise SettingsError(
                f"a rhyme scheme is written in letters, equal ones for lines that rhyme and X for free lines, as AABB"
                f" or XAXA; got {mark!r} in {text!r}"
            )
    if not plain:
        raise SettingsError("the rhyme scheme is empty; write a letter for each line, as AABB or XAXA")
    return tuple(None if mark in "X-" else mark for mark in plain)


def letters_for(scheme: Scheme, count: int) -> list[tuple[int, str] | None]:
    """The rhymes of `count` lines: the scheme over and over, each time with rhymes of its own.

    Lines with equal labels rhyme: AABB for six lines is A A B B, and a new A A. None is free.
    """
    labels = ((line // len(scheme), scheme[line % len(scheme)]) for line in range(count))
    return [(cycle, letter) if letter is not None else None for cycle, letter in labels]


def scheme_of(lines: Sequence[str], rhymes: Rhymes) -> str:
    """The scheme that lines follow: letters by first appearance, X for a line that rhymes with no other.

    A line takes the letter of the nearest line before it that it rhymes with. Rhymes beyond the thirty-fifth
    are X.
    """
    last: dict[str, int] = {}  # rhyme → the last line that has it
    firsts: list[int] = []  # for each line the first line that it rhymes with, over however many steps
    for line, text in enumerate(lines):
        keys = rhymes.keys(text)
        before = max((last[key] for key in keys if key in last), default=line)
        firsts.append(firsts[before] if before < line else line)
        last.update(dict.fromkeys(keys, line))
    letters = iter(_LETTERS)
    names = {first: next(letters, "X") for first, count in Counter(firsts).items() if count > 1}
    return "".join(names.get(first, "X") for first in firsts)
