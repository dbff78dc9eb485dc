"""The last syllables of English words, for rhymes of two and more syllables, and near rhymes.

A rhyme of several syllables is one of vowels: *get her* and *better*, *medicate* and *hesitate*. What must agree are
the vowels of the syllables and the consonants after the last one; the consonants between do not count. It may span
several words. For a near rhyme (`near_rime`), consonants of a kind are as good as equal.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from zuoci.writing.rhyme.english import rimes
from zuoci.writing.rhyme.english_table import load_table, vowels_before

_SILENT = re.compile("(?<=[a-z])(?:(?<![td])ed|(?<![sczxhg])es|(?<![^aeiouy]l)e)$")  # written, and not heard
_KINDS = {
    **dict.fromkeys(["P", "B", "T", "D", "K", "G"], "t"),
    **dict.fromkeys(["M", "N", "NG"], "n"),
    **dict.fromkeys(["F", "V", "TH", "DH", "S", "Z", "SH", "ZH", "CH", "JH", "HH"], "s"),
    "L": "l",
    "R": "r",
    "W": "w",
    "Y": "y",
}


class Tail(NamedTuple):
    """The end of a word as it sounds.

    Attributes:
        vowels: those of its last syllables.
        coda: the consonants after the last vowel.
        whole: whether the word has no other vowels.
    """

    vowels: tuple[str, ...]
    coda: str
    whole: bool


@lru_cache(maxsize=65536)
def tails(word: str, count: int, near: bool = False) -> tuple[Tail, ...]:
    """The last `count` syllables of a word, or all if it has fewer, one tail for each pronunciation.

    Of an unknown word only the rime is guessed; it has no tail if that does not say enough.
    """
    known = vowels_before().get(word.lower())
    before = known.split(",") if known is not None else []
    found: list[Tail] = []
    for number, rime in enumerate(rimes(word)):
        vowels, coda = split_rime(near_rime(rime) if near else rime)
        if number < len(before):
            more = before[number].split()
            exhausted = len(more) < 3
            vowels = (*map(_near_vowel, more), *vowels) if near else (*more, *vowels)
        else:
            exhausted = len(re.findall("[aeiouy]+", _SILENT.sub("", word.lower()))) <= len(vowels)
        if len(vowels) >= count or exhausted:
            found.append(Tail(vowels[-count:], coda, exhausted and len(vowels) <= count))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=65536)
def split_rime(rime: str) -> tuple[tuple[str, ...], str]:
    """The vowels of a rime, and the consonants after the last one: "AH M P IH NG" → (AH, IH), "NG"."""
    sounds = rime.split()
    places = [place for place, sound in enumerate(sounds) if sound[0] in "AEIOU"]
    last = places[-1] if places else -1
    return tuple(sounds[place] for place in places), " ".join(sounds[last + 1 :])


@lru_cache(maxsize=65536)
def near_rime(rime: str) -> str:
    """What words that nearly rhyme have in common: vowels, and the kind of the consonant after each.

    Stops, nasals and fricatives are a kind each, and only the first consonant after a vowel counts: *time*, *mine* and
    *climbed* are AY n. AO and AA, which many speakers do not tell apart, are one vowel.
    """
    kept: list[str] = []
    for sound in rime.split():
        if sound[0] in "AEIOU":
            kept.append(_near_vowel(sound))
        elif kept and kept[-1][0] in "AEIOU":
            kept.append(_KINDS[sound])
    return " ".join(kept)


def _near_vowel(vowel: str) -> str:
    return "AA" if vowel == "AO" else vowel


@lru_cache(maxsize=256)
def rhyming_words(key: str, count: int = 1, near: bool = False) -> dict[tuple[str, ...], list[str]]:
    """The words of the table that complete a rhyme, in lower case, by what has to stand before them.

    Args:
        key: the rhyme as `Rhymes.keys` gives it: "AH V", or the vowels of several syllables, "EH ER".
        count: the number of syllables of the rhyme.
        near: whether `key` is of a near rhyme.

    Returns:
        How the syllables before the word have to rhyme → words. For () the word completes the rhyme alone. It must not
        be modified.
    """
    table = load_table()
    if count == 1:
        same = [rime for rime in table.all_rimes() if near_rime(rime) == key] if near else [key]
        return {(): list(dict.fromkeys(word for rime in same for word in table.words(rime)))}
    vowels, coda = split_rime(key)
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for rime in table.all_rimes():
        its_vowels, its_coda = split_rime(near_rime(rime) if near else rime)
        if its_coda == coda and its_vowels[-count:] == vowels[-len(its_vowels) :]:
            for word in table.words(rime):
                for tail in tails(word, count, near):
                    number = len(tail.vowels)
                    if tail.coda == coda and tail.vowels == vowels[-number:] and (tail.whole or number == count):
                        found.setdefault(vowels[:-number], {})[word] = None
    return {before: list(words) for before, words in found.items()}
