"""The table of English rhymes: which sounds each known word rhymes by, and a guess for every other word.

The table comes from the CMU Pronouncing Dictionary (`tools/make_english_rhymes.py` writes it, `zuoci/data/
LICENSE-CMUdict` is its licence). It is a gzipped text of one line per word, `outlive<TAB>IH V<TAB>AW`: the word, its
rimes, separated by commas, and for each rime the last three vowels before it. A rime is the last stressed vowel and the
sounds after it, in the dictionary's symbols without stress digits. The lines are sorted by the words read backwards, so
words with a common ending are neighbours.

`zuoci.writing.rhyme.english` is the only caller.
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_left
from collections import defaultdict
from functools import cache, cached_property
from importlib.resources import files

_NEIGHBOURS = 50  # words before and after the place of an unknown word that vote on its rime
_LONGEST_ENDING = 5  # letters that may be taken off a word to find its stem
_LETTER_WEIGHT = 6.0  # the factor on a vote for each further letter in common
_OTHER_LENGTH_WEIGHT = 0.2  # if one of the two words has one syllable and the other has several
_SPLIT_VOWEL_WEIGHT = 0.3  # if what the words share begins inside a vowel group: (b)ead and (id)ead
_STEM_WEIGHT = 2.0  # the vote of a pair of stems, against the vote of the neighbour's own rime

_VOWELS = "aeiouy"
_ONE_SYLLABLE = re.compile("[^aeiouy]*[aeiouy]+[^aeiouy]*e?")


class RhymeTable:
    """Words and their rimes.

    Args:
        entries: a word → its rimes, separated by commas, the most common first; sorted by the words read backwards.
    """

    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = entries
        self._words = list(entries)

    def rimes(self, word: str) -> tuple[str, ...]:
        """The rimes of a word, one for each pronunciation; empty if the table does not hold the word."""
        entry = self._entries.get(word)
        return tuple(entry.split(",")) if entry else ()

    def words(self, rime: str) -> list[str]:
        """All words of the table with this rime."""
        return self._words_by_rime.get(rime, [])

    def all_rimes(self) -> list[str]:
        """All rimes of the table."""
        return list(self._words_by_rime)

    def guess(self, word: str) -> str:
        """The most probable rime of a word that the table does not hold; "" if no known word ends in its last letter.

        The known words that share the longest endings with the word vote, and each letter in common multiplies the
        weight of a vote. A neighbour votes for its own rime: blight as light. If both words consist of a known word
        and the same ending, the neighbour also shows what the ending adds to the rime of a stem: *yodelling* rhymes
        as *yodel* with the IH NG that *modelling* has beyond *model*.
        """
        votes = defaultdict[str, float](float)
        stems = self._known_stems(word)
        place = bisect_left(self._words, word[::-1], key=_backwards)
        for neighbour in self._words[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]:
            shared = _shared_ending(word, neighbour)
            if not shared:
                continue
            weight = _weight(word, neighbour, shared)
            rime = self._first_rime(neighbour)
            votes[rime] += weight
            for (length, change), stem_rime in stems.items():
                its_stem_rime = self._first_rime(_stem_spellings(neighbour, length)[change]) if length < shared else ""
                if its_stem_rime and f"{rime} ".startswith(f"{its_stem_rime} "):
                    votes[stem_rime + rime.removeprefix(its_stem_rime)] += weight * _STEM_WEIGHT
        return max(votes, key=lambda rime: votes[rime], default="")

    def _known_stems(self, word: str) -> dict[tuple[int, int], str]:
        """(Letters of the ending, change of spelling) → rime of the stem, for every stem that the table holds."""
        found: dict[tuple[int, int], str] = {}
        for length in range(1, min(_LONGEST_ENDING, len(word) - 2) + 1):
            for change, stem in enumerate(_stem_spellings(word, length)):
                if rime := self._first_rime(stem):
                    found[length, change] = rime
        return found

    def _first_rime(self, word: str) -> str:
        return self._entries.get(word, "").partition(",")[0]

    @cached_property
    def _words_by_rime(self) -> dict[str, list[str]]:
        words: dict[str, list[str]] = {}
        for word, entry in self._entries.items():
            for rime in entry.split(","):
                words.setdefault(rime, []).append(word)
        return words


@cache
def load_table() -> RhymeTable:
    """The table that comes with zuoci, read once."""
    return RhymeTable(read_table())


def read_table() -> dict[str, str]:
    """The entries of the table that comes with zuoci: a word → its rimes, separated by commas."""
    fields = _fields()
    return dict(zip(fields[::3], fields[1::3], strict=False))  # the last field is empty


@cache
def vowels_before() -> dict[str, str]:
    """A word → the vowels before each of its rimes, separated by commas: outlive → "AW"."""
    fields = _fields()
    return dict(zip(fields[::3], fields[2::3], strict=False))


def _fields() -> list[str]:
    packed = (files("zuoci") / "data" / "english_rhymes.tsv.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii").replace("\n", "\t").split("\t")  # faster than line by line


def _backwards(word: str) -> str:
    return word[::-1]


def _shared_ending(first: str, second: str) -> int:
    """The number of letters at the end that two words have in common."""
    count = 0
    for a, b in zip(reversed(first), reversed(second), strict=False):
        if a != b:
            break
        count += 1
    return count


def _weight(word: str, neighbour: str, shared: int) -> float:
    """How much the vote of a known word counts; `shared` is the length of the ending in common."""
    weight = _LETTER_WEIGHT**shared
    if bool(_ONE_SYLLABLE.fullmatch(word)) != bool(_ONE_SYLLABLE.fullmatch(neighbour)):
        weight *= _OTHER_LENGTH_WEIGHT
    before = word[-shared - 1 : -shared] + neighbour[-shared - 1 : -shared]
    if word[-shared] in _VOWELS and any(letter in _VOWELS for letter in before):
        weight *= _SPLIT_VOWEL_WEIGHT
    return weight


def _stem_spellings(word: str, length: int) -> tuple[str, str, str, str]:
    """How the stem of a word may be written without its last `length` letters; "" where a change does not apply.

    The four changes: none (sing-ing), an e (hop-ing → hope), a letter that is not doubled (hopp-ing → hop),
    a y for an i (cri-es → cry).
    """
    stem = word[:-length]
    if len(stem) < 2:
        return "", "", "", ""
    single = stem[:-1] if stem[-1] == stem[-2] else ""
    return stem, stem + "e", single, stem[:-1] + "y" if stem[-1] == "i" else ""
