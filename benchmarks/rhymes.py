"""How well the rimes of unknown English words are guessed, and how fast English rhymes are looked up.

    python benchmarks/rhymes.py

Words are left out of the table and guessed from the words that remain. A guess is right if it is one of the rimes that
the dictionary gives. Each word counts once. Two sets of words: a random tenth of the table, many of them names, and the
words of the bundled songs and the songbook, left out a tenth at a time.
"""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import zuoci
from common import publish
from zuoci.writing.rhyme.english_table import RhymeTable, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

SONGBOOK = Path(__file__).parent.parent / "songbook" / "en.txt"
STARTS = 5
LOAD = "import sys, time; from zuoci.writing.rhyme.english import rimes; \
from zuoci.writing.rhyme.english_sounds import rhyming_words; start = time.perf_counter(); {}; \
print(time.perf_counter() - start)"


def main() -> None:
    entries = read_table()
    shuffled = random.Random(0).sample(sorted(entries), len(entries))
    songs = SONGBOOK.read_text("utf-8") + zuoci.load_lyrics("en").text
    sung = sorted(set(re.findall("[a-z']+", songs.lower())) & entries.keys())
    random.Random(0).shuffle(sung)
    rows = [
        measure("a tenth of the table", entries, [shuffled[::10]]),
        measure("words of songs", entries, [sung[part::10] for part in range(10)]),
    ]
    publish(
        "rhymes",
        rows,
        first_lookup_seconds=in_a_new_process("rimes('love')"),
        first_rhyming_words_seconds=in_a_new_process("rhyming_words('AH V')"),
    )


def measure(name: str, entries: dict[str, str], parts: Sequence[Sequence[str]]) -> dict[str, object]:
    """Guesses each part of the words from a table without that part."""
    right, times = 0, list[float]()
    for part in parts:
        left_out = set(part)
        table = RhymeTable({word: rimes for word, rimes in entries.items() if word not in left_out})
        for word in part:
            start = time.perf_counter()
            guess = table.guess(word)
            times.append(time.perf_counter() - start)
            right += guess in entries[word].split(",")
    return {
        "left out": name,
        "words": len(times),
        "guessed right": right / len(times),
        "ms a guess, median": 1e3 * statistics.median(times),
    }


def in_a_new_process(call: str) -> float:
    """The seconds that the first call takes; the median of a few processes."""
    command = [sys.executable, "-c", LOAD.format(call)]
    return statistics.median(float(subprocess.check_output(command, text=True)) for _ in range(STARTS))


if __name__ == "__main__":
    main()
