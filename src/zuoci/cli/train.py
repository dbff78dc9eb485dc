"""`zuoci train`: renders a `Job`. Progress and messages go to stderr; samples, or the figures as JSON, to stdout."""

from __future__ import annotations

import itertools
import os
import signal
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_json, print_text, say, say_notes
from zuoci.cli.options import given, make, with_settings
from zuoci.cli.signals import on_signals
from zuoci.errors import DivergenceError, ModelFolderError, SettingsError, ZuociError
from zuoci.model.base import NO_BASE
from zuoci.model.config import ModelConfig
from zuoci.text.read_config import ReadConfig
from zuoci.text.sources import is_prepared
from zuoci.text.terminal import printable, quote
from zuoci.training.distributed import LostProcessError, is_follower, joined
from zuoci.training.recipe import DEFAULT_RECIPE, RECIPES, TrainConfig, read_settings_file, resolve

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rich.progress import Progress

    from zuoci.text.corpus import Corpus
    from zuoci.text.shards import AnyCorpus
    from zuoci.training.job import Job, SaveFailed
    from zuoci.training.metrics import TensorBoard
    from zuoci.training.reports import EndReport, EvalReport, RollbackReport
    from zuoci.writing.samples import Samples

SAMPLES = 5  # how many times a run shows samples
_SHOWN, _SHOWN_AT_THE_END = 50, 80  # characters of each


@with_settings(ModelConfig, TrainConfig, ReadConfig, leave_out=["recipe", "base"])
def command(
    source: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SOURCE …]",
            help="Text files, zip files or folders, or a corpus that zuoci prepare wrote; default: the bundled lyrics.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model; default: a new folder, lyrics-model.", metavar="DIR"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in that folder.")] = False,
    language: Annotated[str, typer.Option(help="Which of the bundled lyrics to use: zh or en.")] = "zh",
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="The model to start from: zh or en, the base models that come with zuoci; the folder of a model; "
            "none: start from nothing; default: the base model that fits the script of the text, or none where the "
            "recipe or the settings describe a model of their own.",
            metavar="MODEL",
        ),
    ] = None,
    prefix: Annotated[
        list[str] | None,
        typer.Option(help="Opening of the samples; may be given several times.", show_default=False),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help=f"Named settings: {', '.join(RECIPES)}; default: auto, which chooses by the size of the text. The "
            "settings below override it."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings, one name = value per line.", metavar="FILE")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run that was stopped in --out.")] = False,
    save_every: Annotated[
        float, typer.Option(help="Seconds between two checkpoints, from which a run can be resumed.", min=0.0)
    ] = 30.0,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for a TensorBoard log.", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")] = False,
    **settings: Any,
) -> None:
    """Trains a model on lyrics, and writes with it."""
    began = time.perf_counter()
    if is_follower():  # of several processes, only the first reads, writes and prints
        _follow()
        return
    reading = {name: settings.pop(name) for name in ReadConfig.model_fields}
    of_file = read_settings_file(config) if config else {}
    named = of_file.pop("recipe", None)
    if "from" in of_file:  # as the option is called
        of_file["base"] = of_file.pop("from")
    recipe = named if recipe is None else recipe
    overrides = {**of_file, **given({**settings, "base": start_from})}
    _check_use(out, tensorboard, recipe, overrides, resume=resume, overwrite=overwrite)
    received: list[int] = []
    with _exit_code_of(received), ExitStack() as stack:
        ranks = stack.enter_context(joined())
        job = _open_job(stack, out, resume=resume, overwrite=overwrite, save_every=save_every, since=began, ranks=ranks)
        corpus = _read_sources(job, source or (), language, reading)
        samples = _prepare(job, *corpus, recipe or DEFAULT_RECIPE, overrides, prefix or ())
        with _log(tensorboard, job) as board, _pause_on_signals(job, received):
            end = _run(job, samples, board)
    if end is None:
        say(
            f"stopped after {job.run.progress.step:,} steps, and saved; continue with: "
            f"zuoci train --resume --out {quote(job.folder)}"
        )
        raise typer.Exit(128 + received[0])
    _show_result(end, job, samples, as_json=as_json)


def _follow() -> None:
    """Takes part in the run of the first process, which alone answers signals and says what went wrong."""
    from zuoci.training.job import follow

    with (
        suppress(LostProcessError, DivergenceError),
        joined() as ranks,
        on_signals(lambda _: None, "SIGINT", "SIGTERM", "SIGHUP"),
    ):
        follow(ranks)


def _check_use(
    out: Path | None,
    log: Path | None,
    recipe: str | None,
    overrides: dict[str, Any],
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    """Reports wrong use before any file is read.

    Raises:
        SettingsError: options that do not go together, a wrong setting, or a log in the place of a file of the model.
    """
    if resume and (recipe is not None or overrides or overwrite):
        raise SettingsError("--resume continues with the settings of the run; give no other settings with it")
    if resume and not out:
        raise SettingsError("--resume needs the folder of the run that was stopped: --out DIR")
    if not resume:
        resolve(DEFAULT_RECIPE if recipe is None else recipe, overrides, text="")
    if log and out:
        _check_log(log, out)


def _read_sources(
    job: Job, source: Sequence[Path], language: str, reading: dict[str, Any]
) -> tuple[AnyCorpus, Sequence[str]]:
    """The corpus, and the names of its sources: those given, or those of the run that is resumed, or bundled lyrics."""
    sources = [str(path.absolute()) for path in source] or list(job.stored.sources if job.stored else [language])
    stored = job.stored.reading.model_dump() if job.stored else {}
    if len(sources) == 1 and is_prepared(Path(sources[0])):
        return _open_prepared(sources[0], verify=not job.stored), sources
    return _read(sources, make(ReadConfig, {**stored, **given(reading)})), sources


def _open_prepared(folder: str, *, verify: bool) -> AnyCorpus:
    """A corpus that `zuoci prepare` wrote; a run that goes on has verified it when it began."""
    from zuoci.text.shards import PreparedCorpus

    corpus = PreparedCorpus.open(folder)
    if verify:
        corpus.verify()
    say(
        f"{len(corpus):,} songs, {corpus.character_count:,} characters, {len(corpus.manifest.characters):,} different "
        f"ones; {corpus.manifest.apart:,} of the songs are held apart"
    )
    say("note: no hashes of a prepared corpus are kept, so that what the model copies from it is not recognised")
    return corpus


def _read(sources: Sequence[str], config: ReadConfig | None = None) -> Corpus:
    from zuoci.text.corpus import load_lyrics, read_corpus

    if len(sources) == 1 and not Path(sources[0]).is_absolute():  # a language
        corpus = load_lyrics(sources[0], choruses="once")  # pyright: ignore[reportArgumentType]
    else:
        corpus = read_corpus(sources, config)
    say_notes(corpus.notes)
    apart = sum(song.held_apart for song in corpus.songs)
    say(
        f"{len(corpus):,} songs, {len(corpus.text):,} characters, {len(set(corpus.text)):,} different ones"
        + (f"; {apart} of the songs are held apart" if apart else "")
    )
    return corpus


def _prepare(
    job: Job,
    corpus: AnyCorpus,
    sources: Sequence[str],
    recipe: str,
    overrides: dict[str, Any],
    openings: Sequence[str],
) -> Samples:
    """Makes the run or restores it. Returns the writer of its samples."""
    from zuoci.training.machine import describe
    from zuoci.writing.samples import Samples

    settings = (
        None if job.stored else resolve(recipe, overrides, text=corpus.beginning.text, size=corpus.character_count)
    )
    job.prepare(corpus, settings, sources=sources)
    base = job.run.settings.training.base
    say("starting from nothing" if base == NO_BASE else f"starting from {base}")
    if job.run.pace:
        say(describe(job.run.settings, job.run.pace))
    if job.stored:
        say(f"resuming after {job.run.progress.step:,} steps")
    return Samples(corpus.beginning, openings, join_lines=job.run.settings.training.join_lines)


def _open_job(stack: ExitStack, out: Path | None, **options: Any) -> Job:
    """Opens a job in a folder; by default `lyrics-model`, or the first of `lyrics-model-2`, … that is free."""
    from zuoci.model.lock import InUseError
    from zuoci.training.job import Job

    if out is not None:
        return stack.enter_context(Job(out, **options))
    for number in itertools.count(1):
        folder = Path("lyrics-model" if number == 1 else f"lyrics-model-{number}")
        if os.path.lexists(folder):
            continue
        try:
            return stack.enter_context(Job(folder, **options))
        except ModelFolderError as error:
            if not (isinstance(error, InUseError) or os.path.lexists(folder)):  # another zuoci took it just now
                raise
    raise AssertionError("there is always another number")


def _run(job: Job, samples: Samples, board: TensorBoard | None) -> EndReport | None:
    """Trains, with a progress bar on a terminal, and samples now and then.

    Returns:
        The last report; None if the run was stopped, and saved.
    """
    from zuoci.training.job import Paused, SaveFailed
    from zuoci.training.reports import EvalReport, RollbackReport, StepReport

    shown = 0
    with _progress() as progress:
        task = progress.add_task("training", total=None, figures="perplexity -", speed=0.0)

        def show(line: str) -> None:
            progress.print(printable(line), highlight=False, markup=False, soft_wrap=True)

        for event in job:
            if isinstance(event, StepReport):
                speed = event.characters / max(event.seconds, 1e-9)
                progress.update(task, completed=event.step, total=event.steps or None, speed=speed)
            elif isinstance(event, EvalReport) and not event.step:
                if event.validation:
                    show(
                        f"{job.run.settings.training.base} before training: held out {event.validation.perplexity:.1f}"
                    )
            elif isinstance(event, EvalReport):
                progress.update(task, figures=_figures(event))
                part = event.step * SAMPLES // job.run.progress.steps if job.run.progress.steps else shown
                if part > shown:
                    shown = part
                    show(f"epoch {event.epoch:.4g}, {_figures(event)}")
                    begin = time.perf_counter()
                    written = samples.write(job.run.model, length=_SHOWN)
                    job.reserve = (time.perf_counter() - begin) * _SHOWN_AT_THE_END / _SHOWN
                    for sample in written:
                        show("  " + (f"note: {sample.problem}" if sample.problem else sample.text.replace("\n", " / ")))
            elif isinstance(event, RollbackReport | SaveFailed):
                show(f"note: {_note(event)}")
            else:
                return None if isinstance(event, Paused) else event
            if board and (problem := board.after(event)):
                show(f"note: {problem}; logging stops")
                board = None
    raise AssertionError("a job ends with an EndReport, or Paused")


def _note(event: RollbackReport | SaveFailed) -> str:
    from zuoci.training.reports import RollbackReport

    if isinstance(event, RollbackReport):
        return f"{event.reason}; going back to step {event.step} with a learning rate of {event.learning_rate:g}"
    return f"{event.error}; training continues, and the next save is tried in {event.retry:g} s"


def _check_log(log: Path, out: Path) -> None:
    """Makes sure that a log does not take the place of a file of the model."""
    from zuoci.model.replacing import is_reserved
    from zuoci.text.folder import FILES

    inside = Path(os.path.relpath(os.path.realpath(log), os.path.realpath(out)))
    if is_reserved(inside.parts[0] if inside.parts else "") or any(
        place.as_posix().casefold() in map(str.casefold, FILES) for place in (inside, *inside.parents)
    ):
        raise SettingsError(f"the log cannot be in {log}: the model has a file there; name another folder")


@contextmanager
def _log(folder: Path | None, job: Job) -> Generator[TensorBoard | None]:
    """A TensorBoard log, if a folder for it is given."""
    from zuoci.training.metrics import TensorBoard

    if folder is None:
        yield None
        return
    if job.folder.absolute() in [folder.absolute(), *folder.absolute().parents]:
        job.save()  # marks the folder as a run's: with nothing but a log in it, no model could be saved there
    with closing(TensorBoard(folder)) as board:
        yield board


@contextmanager
def _exit_code_of(received: Sequence[int]) -> Generator[None]:
    """After a signal, exits with its code even if the run could not be saved in its folder."""
    try:
        yield
    except ZuociError as error:
        if not received:
            raise
        say(f"error: {error}")
        raise typer.Exit(128 + received[0]) from None


@contextmanager
def _pause_on_signals(job: Job, received: list[int]) -> Generator[None]:
    """Saves and ends the run at a signal to stop. A second Ctrl-C does not wait for the end of the step.

    Args:
        job: the job that runs within the block.
        received: the numbers of the signals are appended.
    """

    def pause(number: int) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)
        job.pause(ending=True)

    def stay(*_: object) -> None:
        pass

    if job.ranks.size > 1:  # where a process is lost, torchrun ends the others, and this one has to save before
        signal.signal(signal.SIGTERM, stay)  # also after the block
    with on_signals(pause, "SIGINT", "SIGTERM", "SIGHUP"):
        yield


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


def _show_result(end: EndReport, job: Job, samples: Samples, *, as_json: bool) -> None:
    kept, folder = end.kept, quote(job.folder)
    say(
        f"{end.epochs:.4g} epochs in {end.train_seconds:.1f} s, {end.characters_per_second:,.0f} characters/s; "
        f"kept epoch {kept.epoch:.4g}"
    )
    counted = end.settings.training.counts  # then the last figure is of more than what the rounds were judged by
    for score in (kept.train, kept.validation if counted else None, end.validation):
        if score:
            say(f"perplexity {score.perplexity:.4g} on {score.protocol}")
    say(end.verdict)
    if as_json:
        print_json({"schema": "zuoci.train/1", **end.as_dict(), "model": str(job.folder)})
    else:
        for sample in samples.write(end.model, length=_SHOWN_AT_THE_END):
            if sample.problem:
                say(f"note: {sample.problem}")
            else:
                print_text(f"{sample.text}\n")
    opening = samples.openings[0].strip()
    option = "-- " if opening.startswith("-") else ""
    say(f"the model is in {folder}; write with it: zuoci write {folder} {option}{quote(opening)}")
