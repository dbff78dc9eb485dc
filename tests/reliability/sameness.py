"""Prints one hash for each promise of sameness, computed in a fresh process. Run as a script: sameness.py FIRST.

The promises are kept one after another, from number FIRST on, since what a library does at its first call may differ
from what it does later. Nothing here depends on the number of threads that the environment gives to torch, MKL or
OpenBLAS: a training run is asked for two.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import re
import sys
import tempfile
from pathlib import Path

from zuoci.model.threads import pin_libraries

pin_libraries()

import torch  # noqa: E402  # after the pinning, as in the command line

import zuoci  # noqa: E402
from zuoci.cli import main  # noqa: E402
from zuoci.model.products import has_onednn  # noqa: E402

CORPUS = zuoci.Corpus(zuoci.load_lyrics("zh").songs[:12])
SETTINGS = {"hidden_size": 192, "threads": 2, "batch_size": 16, "seq_len": 24, "steps": 6, "epochs": 0}
OPENINGS = ["分开", ""]
FORM = zuoci.WriteConfig(lines=4, line_length="7,5", rhyme="AABB")


def lesson() -> str:
    """What `zuoci lesson` prints after one epoch, without the time."""
    out, argv = io.StringIO(), sys.argv
    sys.argv = ["zuoci", "lesson", "--epochs", "1", "--seed", "0"]
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main()
    sys.argv = argv
    return re.sub(r"time .* sec", "", out.getvalue())


def trained(precision: str, stop_at: int | None = None) -> str:
    """The weights that a run ends with, and its figures; stopped and resumed on the way, if that is asked for."""
    products = "onednn" if precision == "bfloat16" and has_onednn() else "torch"  # what a run would else measure
    settings = zuoci.resolve("auto", {**SETTINGS, "precision": precision, "products": products}, text=CORPUS.text)
    run = zuoci.Run(CORPUS, settings, device="cpu")
    if stop_at:
        for report in run:
            if isinstance(report, zuoci.StepReport) and report.step == stop_at:
                break
        with tempfile.TemporaryDirectory() as folder:
            zuoci.save_run(run, Path(folder, "model"))
            run = zuoci.load_run(Path(folder, "model")).resume(CORPUS, device="cpu")
    *_, end = run
    assert isinstance(end, zuoci.EndReport)
    weights = b"".join(value.numpy().tobytes() for value in end.model.state_dict().values())
    figures = {name: value for name, value in end.as_dict().items() if "second" not in name}
    return f"{hashlib.sha256(weights).hexdigest()} {figures}"


def written() -> str:
    """Some texts, each written alone; the same, written side by side, have to be equal."""
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=512), zuoci.Vocabulary(zuoci.load_lyrics("zh").text))
    writer = zuoci.Writer(model.initialise(torch.Generator().manual_seed(0)).eval())
    wishes = [
        (opening, config.model_copy(update={"seed": seed}))
        for opening, config in itertools.product(
            OPENINGS, [zuoci.WriteConfig(length=20), zuoci.WriteConfig(length=20, greedy=True), FORM]
        )
        for seed in ([0] if config.greedy else [1, 2])
    ]
    alone = [writer.write(*wish) for wish in wishes]
    many = writer.write_many(*zip(*wishes, strict=True))
    assert [(lyrics.text, lyrics.nll) for lyrics in many] == [(lyrics.text, lyrics.nll) for lyrics in alone]
    return repr([(lyrics.text, lyrics.nll) for lyrics in alone])


def scored() -> str:
    """How well a model predicts a text."""
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=256), zuoci.Vocabulary(CORPUS.text))
    model.initialise(torch.Generator().manual_seed(0)).eval()
    return repr(zuoci.evaluate(model, model.vocabulary.encode(CORPUS.text[:1500])).nll)


PROMISES = {
    "lesson": lesson,
    "train, float32": lambda: trained("float32"),
    "resume, float32": lambda: trained("float32", stop_at=3),
    "train, bfloat16": lambda: trained("bfloat16"),
    "resume, bfloat16": lambda: trained("bfloat16", stop_at=4),
    "write": written,
    "score": scored,
}

if __name__ == "__main__":
    first = int(sys.argv[1]) % len(PROMISES)
    names = [*PROMISES][first:] + [*PROMISES][:first]
    hashes = {name: hashlib.sha256(PROMISES[name]().encode()).hexdigest()[:16] for name in names}
    print(json.dumps(dict(sorted(hashes.items()))))
