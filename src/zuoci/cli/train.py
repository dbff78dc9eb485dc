"""`zuoci train`."""

from __future__ import annotations

import itertools
import os
import signal
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_json, quote, say, say_notes
from zuoci.cli.options import given, with_settings
from zuoci.errors import ModelFolderError, SettingsError, ZuociError
from zuoci.model.config import ModelConfig
from zuoci.training.recipe import DEFAULT_RECIPE, RECIPES, TrainConfig, read_settings_file, resolve

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rich.progress import Progress

    from zuoci.text.corpus import Corpus
    from zuoci.training.job import Job
    from zuoci.training.metrics import TensorBoard
    from zuoci.training.reports import EndReport, EvalReport
    from zuoci.writing.samples import Samples

SAMPLES = 5  # how often a run shows samples


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
    of_file = read_settings_file(config) if config else {}
    named = of_file.pop("recipe", None)
    chosen = {**of_file, **given(settings)}
    recipe = named if recipe is None else recipe
    if resume and (recipe is not None or chosen or overwrite):
        raise SettingsError("--resume goes on with the settings that the run began with; name none beside it")
    if resume and not out:
        raise SettingsError("--resume needs the folder of the run that was stopped: --out DIR")
    recipe = DEFAULT_RECIPE if recipe is None else recipe
    if not resume:
        resolve(recipe, chosen, text="")  # what is wrong is said before anything is read
    from zuoci.writing.samples import Samples

    if tensorboard and out:
        _check_log(tensorboard, out)
    stopped: list[int] = []
    with _code_of_the_signal(stopped), ExitStack() as stack:
        job = _begin(stack, out, resume=resume, overwrite=overwrite, save_every=save_every)
        sources = [str(path.absolute()) for path in source or ()]
        sources = sources or (list(job.stored.sources) if job.stored else [language])
        corpus = _read(sources)
        job.prepare(corpus, None if resume else resolve(recipe, chosen, text=corpus.text), sources=sources)
        if resume:
            say(f"going on after {job.run.progress.step:,} steps")
        samples = Samples(corpus, prefix or (), join_lines=job.run.settings.training.join_lines)
        with _log(tensorboard, job) as board, _stop_signals(job, stopped):
            end = _run(job, samples, board)
    folder = quote(job.folder)
    if end is None:
        say(f"stopped after {job.run.progress.step:,} steps, and saved; go on: zuoci train --resume --out {folder}")
        raise typer.Exit(128 + stopped[0])
    _say_result(end)
    if as_json:
        print_json({"schema": "zuoci.train/1", **end.as_dict(), "model": str(job.folder)})
    else:
        for sample in samples.write(end.model, length=80):
            if sample.problem:
                say(f"note: {sample.problem}")
            else:
                print(sample.text, end="\n\n")
    say(f"the model is in {folder}; write with it: zuoci write {folder} {quote(samples.openings[0].strip())}")


def _read(sources: Sequence[str]) -> Corpus:
    from zuoci.text.corpus import load_lyrics, read_corpus

    bundled = len(sources) == 1 and not Path(sources[0]).is_absolute()
    corpus = load_lyrics(sources[0]) if bundled else read_corpus(sources)  # pyright: ignore[reportArgumentType]
    say_notes(corpus.notes)
    say(f"{len(corpus):,} songs, {len(corpus.text):,} characters, {len(set(corpus.text)):,} different ones")
    return corpus


def _begin(stack: ExitStack, out: Path | None, **how: Any) -> Job:
    """A job in a folder; by default in `lyrics-model`, or the first of `lyrics-model-2`, … that is free."""
    from zuoci.model.lock import InUseError
    from zuoci.training.job import Job

    if out is not None:
        return stack.enter_context(Job(out, **how))
    for number in itertools.count(1):
        folder = Path("lyrics-model" if number == 1 else f"lyrics-model-{number}")
        if os.path.lexists(folder):
            continue
        try:
            return stack.enter_context(Job(folder, **how))
        except ModelFolderError as error:
            if not (isinstance(error, InUseError) or os.path.lexists(folder)):  # another zuoci took it just now
                raise
    raise AssertionError("there is always another number")


def _run(job: Job, samples: Samples, board: TensorBoard | None) -> EndReport | None:
    """Trains, with a progress bar where someone looks, and samples now and then; None: it was stopped, and is saved."""
    from zuoci.training.job import Paused, SaveFailed
    from zuoci.training.reports import EvalReport, RollbackReport, StepReport

    shown = 0
    with _progress() as progress:
        task = progress.add_task("training", total=None, figures="perplexity -", speed=0.0)

        def show(line: str) -> None:
            progress.print(line, highlight=False, markup=False, soft_wrap=True)

        for event in job:
            if isinstance(event, StepReport):
                speed = event.characters / max(event.seconds, 1e-9)
                progress.update(task, completed=event.step, total=event.steps or None, speed=speed)
            elif isinstance(event, EvalReport):
                progress.update(task, figures=_figures(event))
                part = event.step * SAMPLES // job.run.progress.steps if job.run.progress.steps else shown
                if part > shown:
                    shown = part
                    show(f"epoch {event.epoch:.4g}, {_figures(event)}")
                    for sample in samples.write(job.run.model, length=50):
                        show("  " + (f"note: {sample.problem}" if sample.problem else sample.text.replace("\n", " / ")))
            elif isinstance(event, RollbackReport):
                show(
                    f"note: {event.reason}; going back to step {event.step}, "
                    f"from now on with a learning rate of {event.learning_rate:g}"
                )
            elif isinstance(event, SaveFailed):
                show(f"note: {event.error}; training goes on, and the next save is tried in {event.retry:g} s")
            else:
                return None if isinstance(event, Paused) else event
            if board and (problem := board.after(event)):
                show(f"note: {problem}; nothing more is logged")
                board = None
    raise AssertionError("a job ends with an EndReport, or Paused")


def _check_log(log: Path, out: Path) -> None:
    """Makes sure that a log takes no place of a file of the model."""
    from zuoci.model.replacing import is_reserved
    from zuoci.text.folder import FILES

    inside = Path(os.path.relpath(os.path.realpath(log), os.path.realpath(out)))
    if is_reserved(inside.parts[0] if inside.parts else "") or any(
        place.as_posix().casefold() in map(str.casefold, FILES) for place in (inside, *inside.parents)
    ):
        raise SettingsError(f"the log cannot be in {log}: the model has a file there; name another folder")


@contextmanager
def _log(folder: Path | None, job: Job) -> Generator[TensorBoard | None]:
    """A log for TensorBoard, if one is wanted."""
    from zuoci.training.metrics import TensorBoard

    if folder is None:
        yield None
        return
    if job.folder.absolute() in [folder.absolute(), *folder.absolute().parents]:
        job.save()  # else, once there is a log in it, it is a folder of somebody else's
    with closing(TensorBoard(folder)) as board:
        yield board


@contextmanager
def _code_of_the_signal(stopped: Sequence[int]) -> Generator[None]:
    """Ends with the exit code of the signal that stopped the run, also if the run could not be saved in its folder."""
    try:
        yield
    except ZuociError as error:
        if not stopped:
            raise
        say(f"error: {error}")
        raise typer.Exit(128 + stopped[0]) from None


@contextmanager
def _stop_signals(job: Job, stopped: list[int]) -> Generator[None]:
    """Pauses a job at a signal to stop, and notes the signal. A second Ctrl-C does not wait for the end of the step."""

    def stop(number: int, _: object) -> None:
        if stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.append(number)
        job.pause(ending=True)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for name in names if signal.getsignal(number := getattr(signal, name)) != signal.SIG_IGN]  # nohup
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
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
