"""How texts are written: copying, repetition, diversity, form, rhyme, speed; greedy, plain, and by zuoci's defaults.

    python benchmarks/writing.py [TEXT [SECONDS]]

Trains on the bundled Chinese lyrics, and on TEXT for SECONDS (120), and writes 200 texts of 50 characters each way,
which begin as lines of the held-out songs do. What a person wrote (the songs held out, in pieces as long) stands
beside them, measured against the same text.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import zuoci
from common import publish
from zuoci.writing.form import count_syllables
from zuoci.writing.repetition import repetition
from zuoci.writing.rhyme.scheme import Rhymes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNT, LENGTH = 200, 50
WAYS = {
    "greedy": {"greedy": True},
    "plain sampling": {"max_repeats": 0, "max_copy": 0},
    "zuoci's defaults": {},
}
FORM = {"lines": 8, "line_length": "7,5"}


def main() -> None:
    rows = measure("bundled", zuoci.load_lyrics("zh", choruses="once"), {})
    if len(sys.argv) > 1:
        seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 120.0
        rows += measure("given", zuoci.read_corpus([sys.argv[1]]), {"seconds": seconds, "validation_split": "songs"})
    publish("writing", rows, texts=COUNT, characters=LENGTH)


def measure(name: str, corpus: zuoci.Corpus, overrides: dict[str, object]) -> list[dict[str, object]]:
    run = zuoci.Run(corpus, zuoci.resolve("auto", overrides, text=corpus.text), device="cpu")
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    assert end.validation
    # Against what was trained on: the held-out songs are a person's texts that the model does not know.
    index = zuoci.CorpusIndex(zuoci.Corpus((zuoci.Song("training", str(run.split.training)),)))
    writer = zuoci.Writer(end.model, index)
    held_out = run.split.validation
    lines = [line for line in held_out.split("\n") if len(line) > 1]
    openings = [lines[k * len(lines) // COUNT][:2] for k in range(COUNT)]
    pieces = [held_out[k : k + LENGTH] for k in range(0, len(held_out) - LENGTH, LENGTH)][: 5 * COUNT]
    common: dict[str, object] = {"corpus": name, "held-out perplexity": end.validation.perplexity}
    rows = [{**common, "texts": "a person's, held out", **figures(pieces, index), "characters/s": None}]
    free = 0.0
    for way, options in WAYS.items():
        texts, free = write(writer, openings, options)
        rows.append({**common, "texts": way, **figures(texts, index), "characters/s": free})
    for way, options in {"form": FORM, "form and rhyme": {**FORM, "rhyme": "AABB"}}.items():
        texts, speed = write(writer, openings, options)
        figured = {**figures(texts, index), "characters/s": speed, "times slower than free": free / speed}
        rows.append({**common, "texts": f"defaults, {way}", **figured, **kept(texts, rhymed="rhyme" in options)})
    return rows


def write(writer: zuoci.Writer, openings: Sequence[str], options: Mapping[str, object]) -> tuple[list[str], float]:
    """The texts, and characters a second where they are written one after another."""
    configs = [zuoci.WriteConfig.model_validate({"length": LENGTH, "seed": k, **options}) for k in range(COUNT)]
    texts = [lyrics.text for lyrics in writer.write_many(openings, configs)]
    alone = 20
    start = time.perf_counter()
    written = sum(
        len(writer.write(opening, config).text) for opening, config in zip(openings, configs[:alone], strict=False)
    )
    return texts, written / (time.perf_counter() - start)


def figures(texts: Sequence[str], index: zuoci.CorpusIndex) -> dict[str, object]:
    found = [zuoci.originality(text, index) for text in texts]
    longest = sorted(one.longest_copied for one in found)
    together = "".join(texts)
    pairs = [text[i : i + 2] for text in texts for i in range(len(text) - 1)]
    return {
        "distinct-1": len(set(together)) / len(together),
        "distinct-2": len(set(pairs)) / len(pairs),
        "repeated": statistics.mean(map(repetition, texts)),
        "longest copy, median": statistics.median(longest),
        "p95": longest[int(0.95 * (len(longest) - 1))],
        "p99": longest[int(0.99 * (len(longest) - 1))],
        "copied": statistics.mean(one.coverage for one in found),
    }


def kept(texts: Sequence[str], *, rhymed: bool) -> dict[str, object]:
    """The shares of texts that keep the form, and of couplets that rhyme."""
    lengths = [int(n) for n in str(FORM["line_length"]).split(",")]
    rhymes = Rhymes()
    forms = pairs = right = 0
    for text in texts:
        lines = text.split("\n")
        forms += [count_syllables(line) for line in lines] == [
            lengths[k % len(lengths)] for k in range(int(str(FORM["lines"])))
        ]
        for first, second in zip(lines[::2], lines[1::2], strict=False):
            pairs += 1
            right += not set(rhymes.keys(first)).isdisjoint(rhymes.keys(second))
    return {"form kept": forms / len(texts), "couplets that rhyme": right / pairs if rhymed else None}


if __name__ == "__main__":
    main()
