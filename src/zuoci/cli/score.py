"""`zuoci score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_json, say, say_notes
from zuoci.errors import ModelFolderError
from zuoci.text.terminal import printable

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
    from zuoci.text.corpus import read_corpus
    from zuoci.text.sources import readable
    from zuoci.training.baseline import NGram
    from zuoci.training.evaluation import evaluate

    loaded = load(model)
    songs = read_corpus([text])
    say_notes(songs.notes)
    known, unknown = loaded.vocabulary.adapt(songs.text)
    left_out = len(songs.text) - len(known)
    ids = loaded.vocabulary.encode(known)
    name = readable(text.name or str(text))
    score = evaluate(loaded, ids, of=name, window=window)
    if corpus:
        learned, _ = loaded.vocabulary.adapt(read_corpus(corpus).text)
        baseline = NGram(loaded.vocabulary.encode(learned), len(loaded.vocabulary)).score(ids, of=name)
    else:
        baseline = _saved_baseline(model)
    if as_json:
        document = {"schema": "zuoci.score/1", **score.as_dict(), "unknown": left_out}
        print_json({**document, "baseline": baseline.as_dict() if baseline else None})
        return
    _print(score)
    if baseline:
        print("to compare:")
        _print(baseline)
    if left_out:
        say(f"note: {left_out:,} characters that the model has never seen were left out: {unknown[:20]}")


def saved_report(model: Path) -> dict[str, Any]:
    """The figures of the run that made a model; {}, and a note, if they are damaged: no work has to wait for them."""
    from zuoci.model.figures import load_report

    try:
        return load_report(model)
    except ModelFolderError as error:
        say(f"note: {error}")
        return {}


def _saved_baseline(model: Path) -> Score | None:
    """What counting alone came to on the text that was held out."""
    from zuoci.training.evaluation import Score

    figures = saved_report(model).get("baseline")
    return Score.from_dict(figures) if figures else None


def _print(score: Score) -> None:
    print(
        f"perplexity {score.perplexity:.2f}, {score.nll:.4f} nats or {score.bits_per_char:.4f} bits a character, "
        f"over {score.characters:,} characters ({printable(score.protocol)})"
    )
