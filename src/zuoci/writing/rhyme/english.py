"""English words → how they rhyme: by their last stressed vowel and the sounds after it.

`rimes` looks a word up in the table of the CMU Pronouncing Dictionary (`zuoci.writing.rhyme.english_table`) and
guesses the rime of a word that is not in it from the known words that end alike. `rhyme.scheme` calls it for each
line. Rimes are written in the dictionary's symbols without stress digits ("AH V"), and an unstressed IH that is not
part of -ing as AH, because the dictionary writes either one (wanted, roses).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from zuoci.writing.rhyme.english_table import load_table

_VOWEL = re.compile("[aeiouy]")
_POETIC = {"o'er": "ore", "e'er": "air", "ne'er": "air", "whate'er": "air", "where'er": "air", "e'en": "mean"}
_POETIC |= {"whene'er": "air", "howe'er": "air", "e'ening": "evening"}
# British spelling → American, which is the dictionary's: offence, colour, theatre, realise, travelled, catalogue.
_BRITISH = (
    ("ence$", "ense"),
    ("our(|s|ed|ing|er|ers|able|ful|less|ite)$", r"or\1"),
    ("([^aeiou])re(|s|d)$", r"\1er\2"),
    ("is(e|es|ed|ing|er|ers|ation|ations)$", r"iz\1"),
    ("ys(e|es|ed|ing)$", r"yz\1"),
    ("ll(ed|ing|er|ers)$", r"l\1"),
    ("ogue(|s)$", r"og\1"),
    ("ae|oe", "e"),
)
_CONTRACTION = re.compile("'(ll|m|re|s|t|ve)$")


@lru_cache(maxsize=65536)
def rimes(word: str) -> tuple[str, ...]:
    """The rimes of a word, one for each pronunciation, the most common first: ("AH V",).

    Empty for a word without a vowel. An unknown word has one rime, a guess.

    Args:
        word: Latin letters, with or without accents and apostrophes. Other characters are left out.
    """
    letters = unicodedata.normalize("NFKD", word.replace("’", "'")).lower()
    plain = re.sub(r"[^a-z']", "", letters)
    table = load_table()
    bare = plain.strip("'")  # quotation marks, unless the last one stands for a g
    known = table.rimes(plain) or _dropped_g(plain) or table.rimes(bare)
    if known or not _VOWEL.search(bare):
        return known
    spelling = _POETIC.get(bare) or _spelled_out(bare)
    return table.rimes(spelling) or _as_american(spelling) or (table.guess(spelling),)


def _dropped_g(word: str) -> tuple[str, ...]:
    """The rimes of a word such as walkin': those of walking, with AH N for IH NG. Empty for other words."""
    if not (word.endswith("in'") and _VOWEL.search(word[:-3])):
        return ()
    table = load_table()
    bare = word.strip("'")
    whole = table.rimes(bare + "g") or (() if table.rimes(bare) else (table.guess(bare + "g"),))
    return tuple(f"{rime.removesuffix('IH NG')}AH N" for rime in whole if rime.endswith(" IH NG"))


def _as_american(word: str) -> tuple[str, ...]:
    """The rimes of a word in British spelling, if the table has the American one."""
    for british, american in _BRITISH:
        if found := load_table().rimes(re.sub(british, american, word)):
            return found
    return ()


def _spelled_out(word: str) -> str:
    """A word with the e that poets leave out, or without the apostrophe: lov'd → loved, o'er → oer.

    Contractions keep their apostrophe: what'll.
    """
    if _CONTRACTION.search(word):
        return word
    with_e = word.replace("'", "e")
    return with_e if load_table().rimes(with_e) or word.endswith("'d") else word.replace("'", "")
