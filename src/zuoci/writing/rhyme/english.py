"""How an English word rhymes: by the last stressed vowel and what follows it.

With the extra `english` words are looked up in the CMU Pronouncing Dictionary (through `pronouncing`); without
it, and for words that it lacks, `english_spelling` guesses, in the same sounds. Stress digits are left off, and
an unstressed IH other than in -ing is an AH (the dictionary writes either: wanted, roses), so that guesses and
look-ups compare.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from zuoci.writing.rhyme.english_spelling import spelled_rime

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(maxsize=65536)
def rimes(word: str) -> tuple[str, ...]:
    """The sounds from a word's last stressed vowel on, of each pronunciation, the commonest first: ("AH V",).

    Empty for a word without a vowel.

    Args:
        word: Latin letters, with or without accents and apostrophes.
    """
    letters = unicodedata.normalize("NFKD", word.replace("’", "'")).lower()
    plain = re.sub(r"[^a-z']", "", letters)
    found = _looked_up(plain)
    bare = plain.rstrip("'")  # a closing quotation mark, unless it stands for a g
    if not found and not (plain.endswith("in'") and _looked_up(bare + "g")):
        found = _looked_up(bare)
    if found:
        return found
    guess = " ".join(spelled_rime(plain, _known))
    return (guess,) if guess else ()


def _known(word: str) -> list[str] | None:
    found = _looked_up(word)
    return found[0].split() if found else None


def _looked_up(word: str) -> tuple[str, ...]:
    # A few entries end in a comment: AE1 L B ER0 G # place, danish
    pronunciations = [phones.split(" #")[0].split() for phones in _dictionary()(word)]
    stressed_first = sorted(pronunciations, key=lambda sounds: not any(sound[-1] in "12" for sound in sounds))
    return tuple(dict.fromkeys(filter(None, map(_rime, stressed_first))))


def _rime(sounds: list[str]) -> str:
    """From the last stressed vowel on; where none is stressed, from the last vowel on."""
    for marks in ("12", "0"):
        for start in reversed(range(len(sounds))):
            if sounds[start][-1] in marks:
                following = [*sounds[start + 1 :], ""]
                weak = ["AH" if a == "IH0" and b != "NG" else a.rstrip("012") for a, b in pairwise(following)]
                return " ".join([sounds[start].rstrip("012"), *weak])
    return ""


@cache
def _dictionary() -> Callable[[str], list[str]]:
    """A word → its pronunciations, [] without the extra."""
    try:
        import pronouncing
    except ImportError:
        return lambda _: []
    return pronouncing.phones_for_word


@cache
def _words_by_rime() -> dict[str, list[str]]:
    try:
        import pronouncing
    except ImportError:
        return {}
    pronouncing.init_cmu()
    words: dict[str, list[str]] = {}
    for word, phones in pronouncing.pronunciations:
        words.setdefault(_rime(phones.split(" #")[0].split()), []).append(word)
    return words


def rhyming_words(rime: str) -> list[str]:
    """The words of the dictionary that rhyme so, in lower case; [] without the extra."""
    return _words_by_rime().get(rime, [])
