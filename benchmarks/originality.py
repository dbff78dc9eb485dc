"""Originality: how fast a corpus is indexed and asked, what a guard costs, and what a fingerprint weighs and mistakes.

python benchmarks/originality.py CORPUS
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

import zuoci
from common import median_seconds, publish
from zuoci.text.fingerprint import WINDOW, hash_windows
from zuoci.text.positions import code_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROUNDS = 7
LENGTH = 5000  # of the texts that are asked about
COPY, LIMIT = 4, 7  # of the corpus's characters in a row, at least, that the patchwork has; max_copy
TEXTS, STEPS = (1, 256, 512), 64  # side by side, and different ones of each, so that no cache knows them


def main(path: str) -> None:
    corpus = zuoci.read_corpus(path)
    text = corpus.text
    data = zuoci.Fingerprint.of(corpus).to_bytes()
    making: dict[str, Callable[[], object]] = {
        "index a corpus": lambda: zuoci.CorpusIndex(corpus),
        "make a fingerprint": lambda: zuoci.Fingerprint.of(corpus),
        "load a fingerprint": lambda: zuoci.Fingerprint.from_bytes(data),
        "load and prepare it to be asked": lambda: zuoci.Fingerprint.from_bytes(data).suffixes,
    }
    seconds = median_seconds(list(making.values()), ROUNDS)
    rows: list[dict[str, Any]] = [
        {"what": name, "ms": 1000 * taken, "characters/s": len(text) / taken}
        for name, taken in zip(making, seconds, strict=True)
    ]
    known = {"corpus": zuoci.CorpusIndex(corpus), "fingerprint": zuoci.Fingerprint.from_bytes(data)}
    for name, against in known.items():
        queries = texts(text)
        times = median_seconds([lambda q=q, a=against: zuoci.originality(q, a) for q in queries.values()], ROUNDS)
        rows += [
            {"what": f"ask the {name}: {query}", "ms": 1000 * taken, "characters/s": LENGTH / taken}
            for query, taken in zip(queries, times, strict=True)
        ]
    rows += guarding(text, known)
    publish("originality", rows, characters=len(text), songs=len(corpus), **fingerprint(corpus, data))


def texts(text: str) -> dict[str, str]:
    """Texts of one length: as a person would copy, as nobody would, and those that are hard for an index."""
    draw = random.Random(0)
    patches = (text[(at := draw.randrange(len(text))) : at + draw.randint(COPY, 20)] for _ in range(LENGTH))
    half = len(text) // 2
    return {
        "a patchwork of copies": "".join(patches)[:LENGTH],
        "one long copy": text[half : half + LENGTH],
        "one character repeated": text[half] * LENGTH,
        "its characters shuffled": "".join(draw.choices(text, k=LENGTH)),
    }


def guarding(text: str, known: dict[str, zuoci.CorpusIndex | zuoci.Fingerprint]) -> list[dict[str, Any]]:
    """The guard's time for one step of writing, in the worst case: every text is copying."""
    vocabulary = zuoci.Vocabulary(text)
    windows = np.lib.stride_tricks.sliding_window_view(vocabulary.encode(text).numpy(), LIMIT)
    generator = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for name, against in known.items():
        (made,) = median_seconds([lambda a=against: zuoci.CopyGuard(a, LIMIT, vocabulary)], 3)
        rows.append({"what": f"guard by the {name}: prepare", "ms": 1000 * made, "characters/s": len(text) / made})
        guard = zuoci.CopyGuard(against, LIMIT, vocabulary)

        def steps(recent: NDArray[np.int64], guard: zuoci.CopyGuard = guard) -> None:
            for step in recent:
                guard.banned(step)

        recent = [windows[generator.integers(len(windows), size=(STEPS, count))] for count in TEXTS]
        times = median_seconds([lambda r=r, s=steps: s(r) for r in recent], ROUNDS)
        rows += [
            {
                "what": f"guard by the {name}: a step of {count} texts",
                "ms": 1000 * taken / STEPS,
                "characters/s": count * STEPS / taken,
            }
            for count, taken in zip(TEXTS, times, strict=True)
        ]
    return rows


def fingerprint(corpus: zuoci.Corpus, data: bytes) -> dict[str, Any]:
    """Size; and, with the last tenth of the songs left out, which of their windows it takes for copies.

    With all 61 bits there is nothing to count, so that the formula is also tested where there is, at 24 of them.
    """
    cut = len(corpus) * 9 // 10
    learned = zuoci.Corpus(corpus.songs[:cut])
    held_out = code_points(zuoci.Corpus(corpus.songs[cut:]).text)
    taken_for_copies = np.isin(hash_windows(held_out), zuoci.Fingerprint.of(learned).words >> 3 << 3)
    lengths = zuoci.CorpusIndex(learned).suffixes.match(held_out)[0][: len(taken_for_copies)]
    new = lengths < WINDOW
    few = np.zeros(2**24, bool)
    few[zuoci.Fingerprint.of(learned).words >> 40] = True
    different = int(few.sum())
    mistaken = few[hash_windows(held_out)[lengths < WINDOW - 1] >> 40]
    return {
        "fingerprint_bytes_per_character": len(data) / len(corpus.text),
        "windows_not_in_the_corpus": int(new.sum()),
        "of_these_taken_for_copies": int((taken_for_copies & new).sum()),
        "copied_windows": int((~new).sum()),
        "of_these_missed": int((~taken_for_copies & ~new).sum()),
        "expected_rate": len(learned.text) / 2**61,
        "rate_at_24_bits": float(mistaken.mean()),
        "expected_rate_at_24_bits": different / 2**24,
    }


if __name__ == "__main__":
    main(sys.argv[1])
