"""Texts made alike for comparison, so that a copy is found though it is written in another way.

`writing/originality.py` compares what `fold` makes of a text and of a corpus. Each step has a name, by which an answer
says in what a copy differs.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zuoci.text.characters import graphemes
from zuoci.text.script import to_simplified

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

INVISIBLE, ACCENTS, WIDTH = "invisible characters", "accents written apart", "full-width or half-width characters"
CASE, TRADITIONAL, BLANKS = "capital letters", "traditional characters", "blanks and punctuation"
STEPS = (INVISIBLE, ACCENTS, WIDTH, CASE, TRADITIONAL, BLANKS)


def _squeezed(text: str) -> list[tuple[int, str]]:
    """The letters and digits with their indices, and one space for all that stands between two words.

    Beside a letter of a script without case, such as Chinese, no space is left: there people part words as they like.
    """
    found: list[tuple[int, str]] = []
    blank = -1
    for i, char in enumerate(text):
        category = unicodedata.category(char)
        if category[0] not in "LNM" and not _is_invisible(char):
            blank = i if blank < 0 else blank
            continue
        if blank >= 0 and found and category != "Lo" and unicodedata.category(found[-1][1]) != "Lo":
            found.append((blank, " "))
        blank = -1
        found.append((i, char))
    return found


_WIDE = re.compile("[\u3000\uff01-\uffef]+")
# Steps that change each perceived character by itself.
_EACH: dict[str, Callable[[str], str]] = {
    WIDTH: lambda cluster: _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), cluster),
    ACCENTS: lambda cluster: unicodedata.normalize("NFC", cluster),
    CASE: str.lower,
}


def _is_invisible(char: str) -> bool:
    """Whether a character cannot be seen. Joiners are: for comparison, what they join may stand apart."""
    return unicodedata.category(char) in ("Cc", "Cf") and char not in "\t\n\v\f\r\x85"


class Folded(NamedTuple):
    """A text that was folded.

    Attributes:
        text: the result, of n characters.
        starts: the index in the original text of the perceived character that each one comes from, `(n,)`.
        ends: the index after that perceived character, `(n,)`.
    """

    text: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def span(self, start: int, length: int) -> tuple[int, int]:
        """The span of the original text that `length` characters from `start` come from: its start and its end."""
        return int(self.starts[start]), int(self.ends[start + length - 1])


def fold(text: str, steps: Collection[str] = STEPS) -> Folded:
    """Folds a text in some steps.

    Args:
        text: the text.
        steps: names of steps.
    """
    places = np.arange(len(text))
    if INVISIBLE in steps:
        places = np.array([i for i, char in enumerate(text) if not _is_invisible(char)], np.int64)
        text = "".join(text[i] for i in places)
    clusters = graphemes(text)
    changed: dict[str, str] = {}
    for cluster in set(clusters):
        changed[cluster] = cluster
        for name, change in _EACH.items():
            if name in steps:
                changed[cluster] = change(changed[cluster])
    made = [changed[cluster] for cluster in clusters]
    after = np.cumsum([len(cluster) for cluster in clusters], dtype=np.int64)
    at = np.repeat(np.arange(len(clusters)), [len(each) for each in made])
    result = "".join(made)
    if TRADITIONAL in steps:
        result = to_simplified(result)
    if BLANKS in steps:
        kept = _squeezed(result)
        at = at[[i for i, _ in kept]] if kept else at[:0]
        result = "".join(char for _, char in kept)
    before = after - np.array([len(cluster) for cluster in clusters], np.int64)
    return Folded(result, places[before[at]], places[after[at] - 1] + 1)


def differences(one: str, other: str) -> tuple[str, ...]:
    """The steps without which two texts, which are alike after all steps, would not be."""
    return tuple(name for name in STEPS if fold(one, left := _without(name)).text != fold(other, left).text)


def _without(name: str) -> tuple[str, ...]:
    return tuple(each for each in STEPS if each != name)


def variants(text: str) -> Iterator[Folded]:
    """The ways in which a text may have been written before it was disguised, without the text itself.

    They serve for comparison with what cannot be folded, because only hashes of it are known. Capital letters are tried
    as small ones, and as people write lines: the first letter of each, and I.
    """
    seen = {text}
    for more in ((), (WIDTH,), (TRADITIONAL,), (WIDTH, TRADITIONAL)):
        for case in ((), (CASE,)):
            folded = fold(text, (INVISIBLE, ACCENTS, *more, *case))
            cased = (folded, folded._replace(text=_as_lines(folded.text))) if case else (folded,)
            for each in (*cased, *map(_tidied, cased)):
                if each.text not in seen:
                    seen.add(each.text)
                    yield each


_RUN_OF_BLANKS = re.compile(r"\s+")


def _tidied(folded: Folded) -> Folded:
    """A text with one newline, or else one space, for each run of blanks."""
    kept: list[int] = []
    parts: list[str] = []
    end = 0
    for found in _RUN_OF_BLANKS.finditer(folded.text):
        kept += [*range(end, found.start()), found.start()]
        parts += [folded.text[end : found.start()], "\n" if "\n" in found[0] else " "]
        end = found.end()
    kept += range(end, len(folded.text))
    return Folded("".join(parts) + folded.text[end:], folded.starts[kept], folded.ends[kept])


_CAPITAL = re.compile(r"^\W*\w|\bi\b", re.MULTILINE)


def _as_lines(text: str) -> str:
    """A text of small letters with a capital at the beginning of each line, and in I. Its length stays."""
    return _CAPITAL.sub(lambda found: found[0].upper() if len(found[0].upper()) == len(found[0]) else found[0], text)
