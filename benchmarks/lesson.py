"""Time to the lesson's perplexity: its own code against the recipe fast, the same model on the same characters.

    python benchmarks/lesson.py [TEXT]

TEXT: a file; its first 10,000 characters are used, as in the lesson. By default the bundled lyrics.
"""

from __future__ import annotations

import contextlib
import io
import re
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch

import zuoci
from common import publish
from zuoci import lesson
from zuoci.text.corpus import Song

SEEDS = 5


def main() -> None:
    text = Path(sys.argv[1]).read_text("utf-8") if len(sys.argv) > 1 else zuoci.load_lyrics("zh").text
    text = text.replace("\n", " ").replace("\r", " ")[:10_000]
    rows = [compare(text, sampling) for sampling in ("random", "consecutive")]
    publish("lesson", rows, characters=len(text), distinct=len(set(text)), seeds=SEEDS)


def compare(text: str, sampling: str) -> dict[str, object]:
    seconds, target, epochs = replay(text, sampling)
    overrides = {
        "cell": "rnn",
        "hidden_size": 256,
        "batch_size": 32,
        "seq_len": 35,
        "sampling": sampling,
        "validation": 0.0,
        "until_perplexity": target,
        "epochs": 100,
    }
    corpus = zuoci.Corpus((Song("lesson", text),))
    ends: list[zuoci.EndReport] = []
    for seed in range(-1, SEEDS):  # the first is to warm up
        *_, end = zuoci.train(corpus, zuoci.resolve("fast", {**overrides, "seed": max(seed, 0)}), device="cpu")
        assert isinstance(end, zuoci.EndReport)
        assert end.kept.train.perplexity <= target
        ends.append(end)
    fast = statistics.median(end.train_seconds for end in ends[1:])
    return {
        "sampling": sampling,
        "perplexity": target,
        "lesson, epochs": epochs,
        "lesson, s": seconds,
        "zuoci, epochs": statistics.median(end.epochs for end in ends[1:]),
        "zuoci, s": fast,
        "slowest seed, s": max(end.train_seconds for end in ends[1:]),
        "times faster": seconds / fast,
    }


def replay(text: str, sampling: str) -> tuple[float, float, int]:
    """The lesson: seconds, final perplexity, epochs."""
    config = zuoci.resolve("lesson").training
    idx_to_char = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    generator = torch.Generator().manual_seed(0)
    get_params = partial(lesson.get_params, len(idx_to_char), lesson.num_hiddens, torch.device("cpu"), generator)
    printed = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        lesson.train_and_predict_rnn(
            lesson.rnn, get_params, lesson.init_rnn_state, lesson.num_hiddens, len(idx_to_char), torch.device("cpu"),
            [char_to_idx[char] for char in text], idx_to_char, char_to_idx, sampling == "random", config.epochs,
            config.seq_len, config.learning_rate, config.max_grad_norm, config.batch_size, config.epochs, 1,
            [text[0]], generator=generator,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    found = re.search(r"perplexity ([\d.]+)", printed.getvalue())
    assert found
    return seconds, float(found[1]), config.epochs


if __name__ == "__main__":
    main()
