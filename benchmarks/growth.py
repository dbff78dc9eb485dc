"""How the cost of training grows with the model, the minibatch and the corpus.

python benchmarks/growth.py [models] [corpora] [prepared]

`prepared` writes texts of 1 MB to 1 GB by a rule, prepares them, and trains on them: 2 GB among temporary files.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import zuoci
from common import median_seconds, publish
from throughput import zuoci_step
from zuoci.text.corpus import Song
from zuoci.text.shards import PreparedCorpus
from zuoci.training.gradients import Workers
from zuoci.training.prepare import prepare

ROUNDS = 7


MEGABYTE = 10**6


def models() -> None:
    rows: list[dict[str, object]] = []
    with Workers(torch.get_num_threads()) as workers:
        for H, B in [(H, 64) for H in (128, 256, 384, 512, 768, 1024)] + [(512, B) for B in (16, 32, 128, 256)]:
            (seconds,) = median_seconds([zuoci_step("gru", B, 32, H, 65, torch.bfloat16, workers)], ROUNDS)
            rows.append({"hidden size": H, "batch size": B, "characters/s": B * 32 / seconds})
    publish("growth_model", rows, cell="gru", seq_len=32, vocab_size=65, precision="bfloat16")


def corpora() -> None:
    rows: list[dict[str, object]] = []
    for size in (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000):
        ready, speed, memory = in_another_process("corpus", size)
        rows.append({"corpus, characters": size, "ready after, s": ready, "characters/s": speed, "memory, MB": memory})
    publish("growth_corpus", rows, cell="gru", hidden_size=256, batch_size=32, seq_len=32)


def prepared() -> None:
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for language, megabytes in [("zh", 1), ("zh", 10), ("zh", 100), ("en", 100), ("zh", 1000)]:
            text, stored = Path(folder, "text.txt"), Path(folder, f"{language}-{megabytes}")
            write_text(text, language, megabytes * MEGABYTE)
            seconds, cpu, memory, of_workers = in_another_process("prepare", text, stored)
            row: dict[str, object] = {"text": language, "MB": megabytes, "prepared in, s": seconds}
            row |= {"MB/s": megabytes / seconds, "MB/s of processor time": megabytes / cpu}
            row |= {"memory, MB": memory, "of a worker at most, MB": of_workers}
            for sampling in ("random", "consecutive"):
                ready, memory = in_another_process("train", stored, sampling)
                row |= {f"{sampling}: ready after, s": ready, f"{sampling}: memory, MB": memory}
            rows.append(row)
            print(row, file=sys.stderr)
            text.unlink()
    publish("growth_prepared", rows, cell="gru", hidden_size=256, batch_size=32, seq_len=32, steps=40)


def in_another_process(*words: object) -> list[float]:
    """The figures that this script prints for some words."""
    command = [sys.executable, __file__, *map(str, words)]
    return [float(figure) for figure in subprocess.check_output(command, text=True).split()]


def write_text(file: Path, language: str, size: int) -> None:
    """Writes songs of 4 to 24 lines that are drawn from 100,000: words or characters as frequent as in the songbook."""
    draw = random.Random(size)
    lyrics = zuoci.load_lyrics("en" if language == "en" else "zh").text
    words, blank = (lyrics.split(), " ") if language == "en" else (lyrics.replace("\n", "").replace(" ", ""), "")
    lines = [blank.join(draw.choices(words, k=draw.randint(5, 12))) + "\n" for _ in range(100_000)]
    with file.open("w", encoding="utf-8") as stream:
        while stream.tell() < size:
            stream.write("\n".join("".join(draw.choices(lines, k=draw.randint(4, 24))) for _ in range(1000)) + "\n")


def memory_of(who: int = resource.RUSAGE_SELF) -> float:
    """The most memory that this process had, or the largest of those that it started, in MB."""
    return resource.getrusage(who).ru_maxrss / 1024


def measure_preparation(text: str, folder: str) -> None:
    """Prints seconds, seconds of processor time, and the most memory of this process and of a worker, in MB."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    start, before = time.perf_counter(), used()
    prepare([text], folder)
    print(time.perf_counter() - start, used() - before, memory_of(), memory_of(resource.RUSAGE_CHILDREN))


def measure_training(folder: str, sampling: str) -> None:
    """Prints seconds to the first minibatch, and the most memory in MB."""
    start = time.perf_counter()
    prepared = PreparedCorpus.open(folder)
    prepared.verify()
    sizes = {"steps": 40, "hidden_size": 256, "batch_size": 32, "seq_len": 32, "sampling": sampling}
    run = zuoci.Run(prepared, zuoci.resolve("lyrics", sizes), device="cpu")
    ready = time.perf_counter() - start
    for _ in run:
        pass
    print(ready, memory_of())


def measure_corpus(characters: str) -> None:
    """Prints, for a text of a size: seconds to the first minibatch, characters a second, memory in MB."""
    size = int(characters)
    song = zuoci.load_lyrics("en").text
    text = (song * (size // len(song) + 1))[:size]
    start = time.perf_counter()
    overrides = {"steps": 40, "hidden_size": 256, "embedding_size": 0, "batch_size": 32, "seq_len": 32}
    settings = zuoci.resolve("lyrics", {**overrides, "dropout": 0.0, "validation": 0.0})
    run = zuoci.Run(zuoci.Corpus((Song("long", text),)), settings, device="cpu")
    ready = time.perf_counter() - start
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    print(ready, end.characters_per_second, memory_of())


MEASURED = {"corpus": measure_corpus, "prepare": measure_preparation, "train": measure_training}

if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in MEASURED:
        MEASURED[sys.argv[1]](*sys.argv[2:])
    else:
        for part in (models, corpora, prepared):
            if part.__name__ in sys.argv[1:] or len(sys.argv) == 1:
                part()
