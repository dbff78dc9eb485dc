"""Characters and words that rhyme with a word, those that a model writes most readily first.

`zuoci rhymes` prints them. Chinese words come from a list of common words (`tools/make_chinese_words.py` makes it from
the dictionary of jieba, `zuoci/data/LICENSE-jieba` is its licence; a gzipped text of one word per line, the most common
first), English ones from the table of rhymes, and characters are those that the model knows.

How readily a model writes a word w is the probability of a line that consists of it:

    log p(w) = Σ_t log p(w_t | line end, w_1 … w_{t−1}) + log p(line end | line end, w)

A model that was trained on a writer's lyrics puts that writer's words first.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zuoci.errors import SettingsError
from zuoci.writing.rhyme.english_sounds import rhyming_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper
    from zuoci.text.vocabulary import Vocabulary
    from zuoci.writing.rhyme.scheme import Rhymes

_ROWS = 512  # words that a model reads side by side


class RhymingWords(NamedTuple):
    """What rhymes with a word, most readily written first.

    Attributes:
        groups: the rhyme groups of the word.
        characters: single characters; empty for words of letters, and in rhymes of several syllables.
        words: words.
    """

    groups: tuple[str, ...]
    characters: list[str]
    words: list[str]


def find_rhymes(word: str, rhymes: Rhymes, stepper: Stepper, vocabulary: Vocabulary) -> RhymingWords:
    """What rhymes with a word and consists of characters of a model; nothing that ends as the word itself does.

    Args:
        word: a word, or a whole line.
        rhymes: what rhymes.
        stepper: the model that ranks.
        vocabulary: the characters of the model.

    Raises:
        SettingsError: how the word rhymes is not known.
    """
    groups = rhymes.keys(word)
    if not groups:
        least = f"{rhymes.count} syllables" if rhymes.count > 1 else "a word"
        raise SettingsError(
            f"how {word!r} rhymes is not known: give {least} in Chinese characters, Latin letters, kana or Hangul"
        )
    known = set(vocabulary.characters)
    ending = rhymes.ending(word).lower()
    by_group = rhymes.endings(vocabulary.characters)
    last = set[str]()
    for group in groups:
        script, units = group[:3], group[3:]
        last.update(by_group.get(script + units.split(" ")[-1], ""))
    last.discard(ending)
    found = [one for one in _candidates(groups, rhymes, last) if known.issuperset(one) and one != ending]
    characters = sorted(last) if rhymes.count == 1 else []
    return RhymingWords(groups, by_readiness(characters, stepper, vocabulary), by_readiness(found, stepper, vocabulary))


def _candidates(groups: Sequence[str], rhymes: Rhymes, last: set[str]) -> list[str]:
    """Words that rhyme; Chinese ones end in one of the characters `last`."""
    found: dict[str, None] = {}
    for group in groups:
        if group.startswith("en:"):
            found |= dict.fromkeys(rhyming_words(group.removeprefix("en:"), rhymes.count, rhymes.near).get((), ()))
        elif group.startswith("zh:"):
            ends = (word for word in common_words() if word[-1] in last)
            found |= dict.fromkeys(word for word in ends if group in rhymes.keys(word))
    return list(found)


def by_readiness(words: Iterable[str], stepper: Stepper, vocabulary: Vocabulary) -> list[str]:
    """Words of known characters, those that the model writes most readily first."""
    by_length = sorted(words, key=len)
    scores: dict[str, float] = {}
    for _, group in groupby(by_length, key=len):
        same = list(group)
        for start in range(0, len(same), _ROWS):
            part = same[start : start + _ROWS]
            scores |= zip(part, log_probabilities(part, stepper, vocabulary).tolist(), strict=True)
    return sorted(scores, key=lambda word: (-scores[word], word))


def log_probabilities(words: Sequence[str], stepper: Stepper, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """log p of some words of the same length, as defined at the top of this file, `(B,)`."""
    characters = vocabulary.characters
    line_end = characters.index("\n" if "\n" in characters else " " if " " in characters else characters[0])
    id_of = {char: number for number, char in enumerate(characters)}
    columns = np.array([[line_end, *(id_of[char] for char in word), line_end] for word in words]).T
    state = stepper.start(len(words))
    total = np.zeros(len(words))
    for ids, following in pairwise(columns):
        logits, state = stepper.step(ids, state)
        largest = logits.max(1)
        total += logits[np.arange(len(words)), following] - largest
        total -= np.log(np.exp(logits - largest[:, None]).sum(1))
    return total


@cache
def common_words() -> tuple[str, ...]:
    """The list of common Chinese words of two to four characters, the most common first."""
    packed = (files("zuoci") / "data" / "chinese_words.txt.gz").read_bytes()
    return tuple(gzip.decompress(packed).decode().split())
