"""`zuoci lesson`: trains with the functions of `zuoci.lesson`, which print figures and texts to stdout.

On a terminal the time left stands on stderr, in a line that goes away before anything is printed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import typer

from zuoci.cli import print_text, say
from zuoci.cli.options import Encoding
from zuoci.errors import CorpusError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from zuoci.lesson_steps import Cell, Lyrics
    from zuoci.training.recipe import TrainConfig


def command(
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="The course's jaychou_lyrics.txt.zip, another zip file with one text, or a text file.", metavar="PATH"
        ),
    ] = None,
    encoding: Encoding = "",
    sampling: Annotated[
        Literal["random", "consecutive"],
        typer.Option(help="Whether minibatches are in random order, or continue one another."),
    ] = "random",
    cell: Annotated[Literal["rnn", "gru", "lstm"], typer.Option(help="Recurrent cell.")] = "rnn",
    epochs: Annotated[int, typer.Option(help="Passes through the text.")] = 250,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same figures and texts.")] = 0,
    prefix: Annotated[
        list[str] | None,
        typer.Option(
            help="Opening of a text to write; may be given several times. Its characters must occur in the text: for "
            "others, the lesson's own function raises KeyError.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Explain each step first, with its shapes, and the copies at the end.")
    ] = False,
    save_plot: Annotated[
        Path | None,
        typer.Option(help="Image of the perplexity of each epoch; its suffix selects the format.", metavar="FILE"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing image.")] = False,
) -> None:
    """Prints perplexity, seconds per epoch and texts, five times over the run."""
    from zuoci.training.recipe import resolve

    config = resolve("lesson", {"sampling": sampling, "epochs": epochs, "seed": seed}).training
    if save_plot:
        from zuoci.training.metrics import check_image

        check_image(save_plot, overwrite=overwrite)
    import torch  # torch and the modules that need it are imported here, after wrong options are reported

    from zuoci import lesson
    from zuoci.lesson_steps import CELLS, Lyrics
    from zuoci.model.threads import one_thread
    from zuoci.training.minibatches import make_batches

    lyrics = Lyrics(*lesson.load_data_jay_lyrics(corpus, encoding))
    generator = torch.Generator().manual_seed(config.seed)
    if not lyrics.corpus_indices:
        raise CorpusError(f"{corpus} is empty: it holds no characters to train on")
    make_batches(torch.tensor(lyrics.corpus_indices), config, generator)  # raises an error if the text is too short
    prefixes = prefix or _default_prefixes(lyrics)
    _check_prefixes(prefixes, lyrics.char_to_idx)
    with one_thread():
        perplexities = _train(lyrics, CELLS[cell], config, prefixes, generator, explain=explain)
    if save_plot:
        _save(perplexities, config.sampling, save_plot, printed=cell == "rnn", overwrite=overwrite)


def _train(
    lyrics: Lyrics,
    cell: Cell,
    config: TrainConfig,
    prefixes: list[str],
    generator: torch.Generator,
    *,
    explain: bool,
) -> list[float]:
    """Trains, and explains if that is wanted. Returns the perplexity of each epoch."""
    from zuoci import lesson, lesson_steps

    if explain:
        for step in lesson_steps.explain(
            lyrics, cell, prefixes[0], batch_size=config.batch_size, num_steps=config.seq_len,
            theta=config.max_grad_norm, lr=config.learning_rate,
        ):  # fmt: skip
            print_text(step + "\n")
    params = cell.get_params(lyrics.vocab_size, lesson.num_hiddens, lesson.device, generator)
    clock = _Clock(config.epochs, pred_period=max(1, config.epochs // 5))
    with clock:
        lesson.train_and_predict_rnn(
            cell.forward,
            lambda: params,
            cell.init_state,
            lesson.num_hiddens,
            lyrics.vocab_size,
            lesson.device,
            lyrics.corpus_indices,
            lyrics.idx_to_char,
            lyrics.char_to_idx,
            is_random_iter=config.sampling == "random",
            num_epochs=config.epochs,
            num_steps=config.seq_len,
            lr=config.learning_rate,
            clipping_theta=config.max_grad_norm,
            batch_size=config.batch_size,
            pred_period=clock.pred_period,
            pred_len=50,
            prefixes=prefixes,
            generator=generator,
            on_epoch=clock,
        )
    if explain:
        print_text("\n" + lesson_steps.explain_copying(lyrics, cell, params, prefixes))
    return clock.perplexities


class _Clock:
    """Shows the time left on a terminal, and keeps the perplexities. Its line goes away at the end of the block.

    Attributes:
        pred_period: epochs between two reports.
        perplexities: of the epochs so far.
    """

    def __init__(self, epochs: int, pred_period: int) -> None:
        self.pred_period = pred_period
        self.perplexities: list[float] = []
        self._epochs = epochs
        self._start = time.perf_counter()
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._show("")

    def __call__(self, epoch: int, perplexity: float) -> None:
        self.perplexities.append(perplexity)
        left = (time.perf_counter() - self._start) / epoch * (self._epochs - epoch)
        reported = epoch % self.pred_period == 0  # the lesson prints now, where this line stands
        self._show("" if reported else f"epoch {epoch} of {self._epochs}, {_duration(left)} left")

    def _show(self, line: str) -> None:
        if sys.stderr.isatty():
            blank = " " * len(self._shown)  # no escape sequence: terminals without them need nothing else
            self._shown = line  # first, since Ctrl-C may come as soon as it is seen
            print(f"\r{blank}\r{line}", end="", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _save(perplexities: Sequence[float], sampling: str, file: Path, *, printed: bool, overwrite: bool) -> None:
    from zuoci.lesson_plots import perplexity_curve
    from zuoci.training.metrics import save_figure

    save_figure(perplexity_curve(perplexities, sampling, printed=printed).figure, file, overwrite=overwrite)
    say(f"the curve is in {file}")


def _default_prefixes(lyrics: Lyrics) -> list[str]:
    """The openings of the lesson, or the first characters of a text that does not have theirs."""
    if set("不分开") <= lyrics.char_to_idx.keys():
        return ["分开", "不分开"]
    text = "".join(lyrics.idx_to_char[i] for i in lyrics.corpus_indices[:3])
    say(f"note: the text does not contain 分开; using its first characters, {text[:2]!r} and {text!r}")
    return [text[:2], text]


def _check_prefixes(prefixes: list[str], char_to_idx: Mapping[str, int]) -> None:
    for opening in prefixes:
        unknown = "".join(dict.fromkeys(char for char in opening if char not in char_to_idx))
        if unknown or not opening:
            reason = f"{unknown} is not in the text" if unknown else "it is empty"
            raise SettingsError(f"the prefix {opening!r} cannot be continued: {reason}; choose characters of the text")
