"""`zuoci score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zuoci.cli import say, say_notes

if TYPE_CHECKING:
    from zuoci.training.evaluation import Score


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that training has written.")],
    text: Annotated[Path, typer.Argument(metavar="TEXT", help="A text file, a zip or a folder.")],
    window: Annotated[
        int, typer.Option(help="Forget everything after so many characters; 0: carry the state through.", min=0)
    ] = 0,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="What the model was trained on, to count the n-gram beside it; may be given several times.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Says how well a model predicts a text."""
    from zuoci.model.checkpoint import load
    from zuoci.model.figures import load_report
    from zuoci.text.corpus import read_corpus
    from zuoci.training.baseline import NGram
    from zuoci.training.evaluation import Score, evaluate

    loaded = load(model)
    songs = read_corpus([text])
    say_notes(songs.notes)
    known, unknown = loaded.vocabulary.adapt(songs.text)
    left_out = sum(char in set(unknown) for char in songs.text)
    ids = loaded.vocabulary.encode(known)
    score = evaluate(loaded, ids, of=text.name, window=window)
    baseline = None
    if corpus:
        learned, _ = loaded.vocabulary.adapt(read_corpus(corpus).text)
        baseline = NGram(loaded.vocabulary.encode(learned), len(loaded.vocabulary)).score(ids, of=text.name)
    elif figures := load_report(model).get("baseline"):
        baseline = Score.from_dict(figures)
    if as_json:
        document = {"schema": "zuoci.score/1", **score.as_dict(), "unknown": left_out}
        print(json.dumps({**document, "baseline": baseline.as_dict() if baseline else None}, ensure_ascii=False))
        return
    _print(score)
    if baseline:
        print("to compare:")
        _print(baseline)
    if left_out:
        say(f"note: {left_out:,} characters that the model has never seen were left out: {unknown[:20]}")


def _print(score: Score) -> None:
    print(
        f"perplexity {score.perplexity:.2f}, {score.nll:.4f} nats or {score.bits_per_char:.4f} bits a character, "
        f"over {score.characters:,} characters ({score.protocol})"
    )
