"""What a base model gives: a text of each size, from the base, from nothing, and by counting.

    python benchmarks/tuning.py CORPUS [--sizes 2000 5000 …]

CORPUS is a text file whose blocks are songs. The first songs, up to each size, are a writer's folder, of which whole
songs, a tenth, are held out; the runs are those of `zuoci train` and `zuoci train --from none`. The figures are
held-out perplexities. `base alone` is the base before the first step.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import zuoci
from common import publish

SIZES = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 499_000)


def of_size(corpus: zuoci.Corpus, size: int) -> zuoci.Corpus:
    """The first songs of a corpus, as many as do not exceed a size in characters."""
    songs: list[zuoci.Song] = []
    for song in corpus.songs:
        size -= len(song.text)
        if size < 0:
            break
        songs.append(song)
    return zuoci.Corpus(tuple(songs))


def figures(corpus: zuoci.Corpus) -> dict[str, Any]:
    """The row of one size."""
    ends: list[zuoci.EndReport] = []
    for base in ("auto", "none"):
        settings = zuoci.resolve("auto", {"base": base, "validation_split": "songs"}, text=corpus.text)
        *_, end = zuoci.train(corpus, settings)
        assert isinstance(end, zuoci.EndReport)
        ends.append(end)
    tuned, alone = ends
    assert tuned.validation
    assert alone.validation
    assert tuned.base
    assert tuned.baseline
    return {
        "characters": len(corpus.text),
        "base alone": tuned.base.perplexity,
        "from the base": tuned.validation.perplexity,
        "from nothing": alone.validation.perplexity,
        "by counting": tuned.baseline.perplexity,
        "ratio": tuned.validation.perplexity / alone.validation.perplexity,
        "seconds": tuned.train_seconds,
        "seconds from nothing": alone.train_seconds,
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    corpus = zuoci.read_corpus(options.corpus)
    publish("tuning", [figures(of_size(corpus, size)) for size in options.sizes])


if __name__ == "__main__":
    main()
