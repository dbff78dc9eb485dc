"""`zuoci score`: a model and a text → perplexity, beside that of an n-gram baseline on the same text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zuoci.cli import print_json, say, say_notes
from zuoci.cli.options import Encoding
from zuoci.text.read_config import ReadConfig
from zuoci.text.terminal import printable

if TYPE_CHECKING:
    from torch import Tensor

    from zuoci.model.language_model import CharLM
    from zuoci.text.corpus import Corpus
    from zuoci.text.vocabulary import Vocabulary
    from zuoci.training.evaluation import Score

_MOST_LEFT_OUT = 0.1  # share of a text beyond which the rest does not stand for it


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a model; or zh or en, the base models.")],
    text: Annotated[Path, typer.Argument(metavar="TEXT", help="Text file, zip file or folder to score.")],
    window: Annotated[
        int,
        typer.Option(
            help="Reset the state every N characters; 0: carry the state through the whole text.", metavar="N", min=0
        ),
    ] = 0,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="Training text, to count an n-gram baseline on; may be given several times. By default the baseline "
            "is the counts of the model, if it has any.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    encoding: Encoding = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")] = False,
) -> None:
    """Says how well a model predicts a text."""
    from zuoci.model.checkpoint import load
    from zuoci.text.corpus import read_corpus
    from zuoci.text.sources import readable
    from zuoci.training.evaluation import evaluate

    loaded = load(model)
    reading = ReadConfig(encoding=encoding)
    songs = read_corpus([text], reading)
    say_notes(songs.notes)
    known, unknown = loaded.vocabulary.adapt(songs.text)
    left_out = len(songs.text) - len(known)
    ids = loaded.vocabulary.encode(known)
    name = readable(text.name or str(text))
    score = evaluate(loaded, ids, of=name, window=window)
    if corpus:
        baseline = _counted_baseline(read_corpus(corpus, reading), loaded.vocabulary, ids, name)
    else:
        baseline = _own_counts(loaded, ids, name)
    if as_json:
        document = {"schema": "zuoci.score/1", **score.as_dict(), "unknown": left_out}
        print_json({**document, "baseline": baseline.as_dict() if baseline else None})
        return
    _print(score)
    if baseline:
        print("to compare:")
        _print(baseline)
    else:
        say("note: to compare with an n-gram, name the training text with --corpus")
    if left_out:
        say(
            f"note: {left_out:,} of {len(songs.text):,} characters are not in the vocabulary of the model and were "
            f"left out: {unknown[:20]}"
            + ("; the figure says little about the text" * (left_out > _MOST_LEFT_OUT * len(songs.text)))
        )


def _counted_baseline(corpus: Corpus, vocabulary: Vocabulary, ids: Tensor, name: str) -> Score:
    """The score of an n-gram that is counted on a corpus."""
    from zuoci.training.baseline import score_by_counting

    learned, _ = vocabulary.adapt(corpus.text)
    return score_by_counting(vocabulary.encode(learned), len(vocabulary), ids, of=name)


def _own_counts(model: CharLM, ids: Tensor, name: str) -> Score | None:
    """The score of the counts that a model is mixed with; None if it has none."""
    from zuoci.training.baseline import score_by_ngram

    return (
        score_by_ngram(model.mixture.ngrams[0], ids, of=f"{name}, the counts of the model alone")
        if model.mixture
        else None
    )


def _print(score: Score) -> None:
    print(
        f"perplexity {score.perplexity:.2f}, {score.nll:.4f} nats or {score.bits_per_char:.4f} bits per character, "
        f"over {score.characters:,} characters ({printable(score.protocol)})"
    )
