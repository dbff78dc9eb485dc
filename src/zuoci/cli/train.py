"""`zuoci train`."""

from __future__ import annotations

import json
import shlex
import signal
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import say, say_notes
from zuoci.cli.options import given, with_settings
from zuoci.errors import ModelFolderError, SettingsError
from zuoci.model.config import ModelConfig
from zuoci.training.recipe import DEFAULT_RECIPE, RECIPES, TrainConfig, read_settings_file, resolve

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rich.progress import Progress

    from zuoci.model.language_model import CharLM
    from zuoci.text.corpus import Corpus
    from zuoci.training.metrics import TensorBoard
    from zuoci.training.reports import EndReport, EvalReport
    from zuoci.training.resume import Checkpoints
    from zuoci.training.trainer import Run
    from zuoci.writing.writer import Lyrics

SAMPLES = 5  # how often a run shows samples
_TEMPERATURE = 0.7  # of the samples: what the model is surest of shows best what it has learnt


@with_settings(ModelConfig, TrainConfig, leave_out=["recipe"])
def command(
    source: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SOURCE …]", help="Text files, zips or folders; none: the bundled lyrics.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model; by default a new one, lyrics-model.", metavar="DIR"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in that folder.")] = False,
    language: Annotated[str, typer.Option(help="Which of the bundled lyrics: zh or en.")] = "zh",
    prefix: Annotated[
        list[str] | None, typer.Option(help="An opening for samples; may be given several times.", show_default=False)
    ] = None,
    recipe: Annotated[str | None, typer.Option(help=f"Named settings: {', '.join(RECIPES)}.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings from a TOML file, one name = value a line.", metavar="FILE")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was stopped in the folder --out.")
    ] = False,
    save_every: Annotated[
        float, typer.Option(help="Seconds between two saves of the run, to resume it from.", min=0.0)
    ] = 30.0,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for a log to watch with TensorBoard.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    **settings: Any,
) -> None:
    """Trains a model on lyrics, and writes with it."""
    chosen = {**(read_settings_file(config) if config else {}), **given(settings)}
    recipe = recipe or chosen.pop("recipe", None)
    if resume and (recipe or chosen or overwrite):
        raise SettingsError("--resume goes on with the settings that the run began with; name none beside it")
    if resume and not out:
        raise SettingsError("--resume needs the folder of the run that was stopped: --out DIR")
    folder = out or _free_folder()
    if not resume:
        resolve(recipe or DEFAULT_RECIPE, chosen, text="")  # what is wrong is said before anything is read
    from zuoci.model.checkpoint import check_destination, is_unfinished
    from zuoci.text.openings import openings_of
    from zuoci.training.metrics import TensorBoard
    from zuoci.training.resume import Checkpoints, load_run, locked
    from zuoci.training.trainer import Run

    with locked(folder):
        if resume:
            stored = load_run(folder)
            sources = [str(path.absolute()) for path in source or ()] or list(stored.sources)
            run = stored.resume(_read(sources))
            say(f"going on after {run.progress.step:,} steps")
        else:
            check_destination(folder, overwrite=overwrite)
            sources = [str(path.absolute()) for path in source or ()] or [language]
            corpus = _read(sources)
            resolved = resolve(recipe or DEFAULT_RECIPE, chosen, text=corpus.text)
            run = Run(corpus, resolved)
        openings = prefix or openings_of(run.corpus)
        checkpoints = Checkpoints(run, folder, sources=sources, every=save_every)
        with closing(TensorBoard(tensorboard)) if tensorboard else nullcontext() as board:
            end = _run(run, checkpoints, openings, board)
        end.save(folder, overwrite=overwrite or is_unfinished(folder))
    _say_result(end)
    if as_json:
        report = {"schema": "zuoci.train/1", **end.as_dict(), "model": str(folder)}
        print(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        for opening in openings:
            print(_write(end.model, run, opening, length=80).text, end="\n\n")
    say(f"the model is in {folder}; write with it: zuoci write {folder} {openings[0].strip()}")


def _read(sources: Sequence[str]) -> Corpus:
    from zuoci.text.corpus import load_lyrics, read_corpus

    bundled = len(sources) == 1 and not Path(sources[0]).is_absolute()
    corpus = load_lyrics(sources[0]) if bundled else read_corpus(sources)  # pyright: ignore[reportArgumentType]
    say_notes(corpus.notes)
    say(f"{len(corpus):,} songs, {len(corpus.text):,} characters, {len(set(corpus.text)):,} different ones")
    return corpus


def _free_folder() -> Path:
    """`lyrics-model`, or the first of `lyrics-model-2`, … that is not there yet."""
    number = 1
    while (path := Path("lyrics-model" if number == 1 else f"lyrics-model-{number}")).exists():
        number += 1
    return path


def _write(model: CharLM, run: Run, opening: str, length: int) -> Lyrics:
    from zuoci.text.fingerprint import Fingerprint
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.writer import Writer

    against = Fingerprint.of(run.corpus, join_lines=run.settings.training.join_lines)
    return Writer(model, against).write(opening, WriteConfig(length=length, temperature=_TEMPERATURE))


def _run(run: Run, checkpoints: Checkpoints, openings: Sequence[str], board: TensorBoard | None) -> EndReport:
    """Trains, with a progress bar where someone looks, samples now and then, and saves what can be resumed."""
    from zuoci.training.reports import EndReport, RollbackReport, StepReport

    shown = 0
    with _progress() as progress, _stop_signals() as stopped:
        task = progress.add_task("training", total=None, figures="perplexity -", speed=0.0)

        def show(line: str) -> None:
            progress.print(line, highlight=False, markup=False, soft_wrap=True)

        for report in run:
            if isinstance(report, EndReport):
                return report
            if isinstance(report, StepReport):
                speed = report.characters / max(report.seconds, 1e-9)
                progress.update(task, completed=report.step, total=report.steps or None, speed=speed)
            elif isinstance(report, RollbackReport):
                show(
                    f"note: {report.reason}; going back to step {report.step}, "
                    f"from now on with a learning rate of {report.learning_rate:g}"
                )
            else:
                progress.update(task, figures=_figures(report))
                part = report.step * SAMPLES // run.progress.steps if run.progress.steps else shown
                if part > shown:
                    shown = part
                    show(f"epoch {report.epoch:.4g}, {_figures(report)}")
                    for opening in openings:
                        show("  " + _write(report.model, run, opening, length=50).text.replace("\n", " / "))
            if board:
                board.after(report)
            try:
                checkpoints.after(report)
            except ModelFolderError as error:
                show(f"note: {error}; training goes on, and the next save is tried in {checkpoints.every:g} s")
            if stopped:
                break
    checkpoints.save()
    say(
        f"stopped after {run.progress.step:,} steps, and saved; "
        f"go on: zuoci train --resume --out {shlex.quote(str(checkpoints.folder))}"
    )
    raise typer.Exit(128 + stopped[0])


@contextmanager
def _stop_signals() -> Generator[list[int]]:
    """Gives a list, to which the number of a signal to stop is added; a second Ctrl-C leaves at once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.append(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(  # fits 80 columns
        BarColumn(bar_width=10),
        TextColumn("{task.percentage:3.0f}% {task.fields[figures]}, {task.fields[speed]:,.0f} characters/s, left"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _figures(report: EvalReport) -> str:
    text = f"perplexity {report.train.perplexity:.2f}"
    return text + (f", held out {report.validation.perplexity:.1f}" if report.validation else "")


def _say_result(end: EndReport) -> None:
    kept, held_out = end.kept, end.validation
    say(
        f"{end.epochs:.4g} epochs in {end.train_seconds:.1f} s, {end.characters_per_second:,.0f} characters/s; "
        f"kept epoch {kept.epoch:.4g}: perplexity {kept.train.perplexity:.2f}"
        + (f", held out {held_out.perplexity:.1f} ({held_out.protocol})" if held_out else "")
    )
    say(end.verdict)
