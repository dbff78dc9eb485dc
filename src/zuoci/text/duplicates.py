"""Songs that are there twice: the same lines in another file, another version, another punctuation.

The held-out split keeps them on one side (`training/split.py`), and `zuoci corpus` names them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.corpus import Song

_LEAST_LINES = 3  # different lines that two songs share
_COMMON = 50  # songs; a line of more songs is a phrase and tells nothing
_NOT_WORDS = re.compile(r"[\W_]+")


def folded(line: str) -> str:
    """A line without blanks, punctuation, case and width, for comparing."""
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKC", line)).casefold()


def near_duplicates(songs: Sequence[Song]) -> list[list[int]]:
    """Groups of songs that share half of the lines of the shorter one, three different lines at least.

    Time grows with the number of lines.

    Returns:
        The indices of the songs in each group of two or more, ascending.
    """
    lines = [{text for line in song.lines if (text := folded(line))} for song in songs]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for index, own in enumerate(lines):
        for line in own:
            holders[line].append(index)
    leader = list(range(len(songs)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for index, own in enumerate(lines):
        shared = Counter(
            other for line in own if len(holders[line]) <= _COMMON for other in holders[line] if other > index
        )
        for other, count in shared.items():
            if count >= _LEAST_LINES and 2 * count >= min(len(own), len(lines[other])):
                leader[find(other)] = find(index)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(songs)):
        groups[find(index)].append(index)
    return [group for group in groups.values() if len(group) > 1]
