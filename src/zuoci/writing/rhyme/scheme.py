"""Lines → their rhyme groups, and the rhyme scheme of a text.

A rhyme group is a key: "zh:遥条" for Chinese lines, "en:AH V" for lines in Latin letters. Lines with a common key
rhyme. The last character or word of a line determines its group. The pronunciation of a Chinese character is that in
its line (pypinyin: 忘不了 ends in liǎo), and a published standard assigns its final to a group
(`zuoci.writing.rhyme.chinese`). An English word rhymes by its last stressed vowel and the sounds after it
(`zuoci.writing.rhyme.english`).

`RhymeConstraint` uses this while a line is written; the studio and the exported page, to show rhymes.
"""

from __future__ import annotations

import re
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
_LONGEST_WORD = 100  # characters; bounds the time for any line
_CHINESE = re.compile(f"[{CHARACTERS}]+")

# Letters of a rhyme scheme. X is not among them: it marks a line without rhyme. Greek letters follow after Z.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWYZΓΔΘΛΞΠΣΦΨΩ"


class Rhymes:
    """Determines rhyme groups by one standard, with the user's own readings.

    Args:
        standard: 十三辙 (`shisanzhe`), 中华新韵 (`xinyun`) or 中华通韵 (`tongyun`).
        readings: phrases or characters → pinyin, one syllable for each character, with tone marks, tone numbers
            or neither: {"还": "huan2", "长大": "zhang3 da4"}. The longest phrase at the end of a line is used.

    Raises:
        SettingsError: the standard is unknown, or a reading does not fit its phrase.
    """

    def __init__(self, standard: Standard = "十三辙", readings: Mapping[str, str] | None = None) -> None:
        name = STANDARDS_IN_ASCII.get(standard, standard)
        if name not in STANDARDS:
            known = ", ".join(f"{chinese} ({ascii_name})" for ascii_name, chinese in STANDARDS_IN_ASCII.items())
            raise SettingsError(f"there is no rhyme standard {standard!r}; there are {known}")
        self.standard = name
        self._groups = STANDARDS[name]
        self._own = {phrase: own_syllable(phrase, reading) for phrase, reading in (readings or {}).items()}
        self._longest_own = max(map(len, self._own), default=0)

    def ending(self, line: str) -> str:
        """The last character or word of a line, which determines its rhyme group; "" if there is none."""
        return _ending(line)[0]

    def group(self, line: str) -> str | None:
        """The rhyme group of a line; None if its end has no final: no word, a number, 嗯."""
        return next(iter(self.keys(line)), None)

    def keys(self, line: str) -> tuple[str, ...]:
        """The rhyme group of a line, then those of the other pronunciations of an English word."""
        ending, end = _ending(line)
        if _CHINESE.match(ending):
            key = self._chinese_key(self._read(line[:end]))
            return (key,) if key else ()
        if re.match(_WORD, ending):
            return tuple(f"en:{rime}" for rime in rimes(ending))
        return ()

    def endings(self, characters: Iterable[str]) -> dict[str, str]:
        """Rhyme group → the characters that can end a line in this group, in the order given.

        If `group(line)` is G and the line ends in the character c, then c is in `endings([c])[G]`. The converse does
        not hold: a character with several readings is listed for each, and only the line determines which applies.
        """
        found: dict[str, list[str]] = {}
        for character in dict.fromkeys(characters):
            if len(character) == 1 and _CHINESE.match(character):
                own = {read for phrase, read in self._own.items() if phrase[-1] == character}
                readings = own if character in self._own else own | last_syllables(character)
                for key in sorted(set(filter(None, map(self._chinese_key, readings)))):
                    found.setdefault(key, []).append(character)
        return {key: "".join(found[key]) for key in sorted(found)}

    def _read(self, line: str) -> str | None:
        """The last syllable, in pinyin, of a line that ends in a Chinese character."""
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
    """The last character or word, and the index after it in the line."""
    end = next((index for index in range(len(line), 0, -1) if line[index - 1].isalnum()), 0)
    start = max(0, end - _LONGEST_WORD)
    match = _ENDING.search(line[start : end + 1])
    return (match[1], start + match.end(1)) if match else ("", 0)


def own_syllable(phrase: str, reading: str) -> str:
    """The last syllable of a user's reading of a phrase.

    Raises:
        SettingsError: the phrase is not Chinese, or the reading is not one syllable of pinyin for each character.
    """
    if not _CHINESE.fullmatch(phrase):
        raise SettingsError(f"readings are of Chinese characters, as 长大: zhang3 da4; got {phrase!r}")
    syllables = [syllable(part) for part in reading.split()]
    if len(syllables) != len(phrase) or None in syllables:
        raise SettingsError(
            f"the reading of {phrase} must be {len(phrase)} syllable(s) of pinyin between spaces,"
            f" as zhǎng, zhang3 or zhang; got {reading!r}"
        )
    return syllables[-1] or ""


def repeat_scheme(scheme: Scheme, count: int) -> list[tuple[int, str] | None]:
    """The rhymes of `count` lines: the scheme is repeated, and each repetition has rhymes of its own.

    Returns:
        For each line a label that it shares with the lines that it rhymes with, or None for a line without rhyme. AABB
        for six lines gives A A B B and then A A with a new rhyme.
    """
    labels = ((line // len(scheme), scheme[line % len(scheme)]) for line in range(count))
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
