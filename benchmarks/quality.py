"""Held-out quality for the time: tiny Shakespeare, the last tenth held out in one piece, nats a character.

    python benchmarks/quality.py TEXT [SECONDS …]

Runs what `zuoci train TEXT --seconds S --validation 0.1` runs, and scores by both protocols.
"""

from __future__ import annotations

import sys

import zuoci
from common import publish


def main() -> None:
    corpus = zuoci.read_corpus([sys.argv[1]])
    rows = [measure(corpus, float(seconds)) for seconds in sys.argv[2:] or ("60", "600")]
    publish("quality", rows, characters=len(corpus.text))


def measure(corpus: zuoci.Corpus, seconds: float) -> dict[str, object]:
    settings = zuoci.resolve("auto", {"seconds": seconds, "validation": 0.1}, text=corpus.text)
    run = zuoci.Run(corpus, settings, device="cpu")
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    assert end.validation
    assert end.baseline
    held_out = end.model.vocabulary.encode(run.split.validation)
    model = settings.model
    return {
        "budget, s": seconds,
        "took, s": end.train_seconds,
        "model": f"{model.cell} {model.hidden_size}, embedding {model.embedding_size}, dropout {model.dropout}",
        "epochs": end.epochs,
        "characters/s": end.characters_per_second,
        "training nats": end.kept.train.nll,
        "held out, state carried": end.validation.nll,
        "state reset every 256": zuoci.evaluate(end.model, held_out, window=256).nll,
        "by counting": end.baseline.nll,
    }


if __name__ == "__main__":
    main()
