"""How the cost of training grows with the model, the minibatch and the corpus.

python benchmarks/growth.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import torch

import zuoci
from common import median_seconds, publish
from throughput import zuoci_step
from zuoci.text.corpus import Song
from zuoci.training.gradients import Workers

ROUNDS = 7


def main() -> None:
    rows: list[dict[str, object]] = []
    with Workers(torch.get_num_threads()) as workers:
        for H, B in [(H, 64) for H in (128, 256, 384, 512, 768, 1024)] + [(512, B) for B in (16, 32, 128, 256)]:
            (seconds,) = median_seconds([zuoci_step("gru", B, 32, H, 65, torch.bfloat16, workers)], ROUNDS)
            rows.append({"hidden size": H, "batch size": B, "characters/s": B * 32 / seconds})
    publish("growth_model", rows, cell="gru", seq_len=32, vocab_size=65, precision="bfloat16")
    corpora: list[dict[str, object]] = []
    for size in (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000):
        done = subprocess.run([sys.executable, __file__, str(size)], capture_output=True, text=True, check=True)
        ready, speed, memory = map(float, done.stdout.split())
        corpora.append(
            {"corpus, characters": size, "ready after, s": ready, "characters/s": speed, "memory, MB": memory}
        )
    publish("growth_corpus", corpora, cell="gru", hidden_size=256, batch_size=32, seq_len=32)


def corpus(size: int) -> None:
    """Prints, for a text of a size: seconds to the first minibatch, characters a second, memory in MB."""
    song = zuoci.load_lyrics("en").text
    text = (song * (size // len(song) + 1))[:size]
    start = time.perf_counter()
    overrides = {"steps": 40, "hidden_size": 256, "embedding_size": 0, "batch_size": 32, "seq_len": 32}
    settings = zuoci.resolve("lyrics", {**overrides, "dropout": 0.0, "validation": 0.0})
    run = zuoci.Run(zuoci.Corpus((Song("long", text),)), settings, device="cpu")
    ready = time.perf_counter() - start
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(ready, end.characters_per_second, memory)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        corpus(int(sys.argv[1]))
    else:
        main()
