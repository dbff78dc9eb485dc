"""`zuoci train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import say, say_notes
from zuoci.cli.options import given, with_settings
from zuoci.model.config import ModelConfig
from zuoci.training.recipe import RECIPES, TrainConfig, read_settings_file, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

    from zuoci.text.corpus import Corpus
    from zuoci.training.recipe import Settings
    from zuoci.training.trainer import EndReport, EvalReport
    from zuoci.writing.writer import Lyrics

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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    **settings: Any,
) -> None:
    """Trains a model on lyrics, and writes with it."""
    chosen = {**(read_settings_file(config) if config else {}), **given(settings)}
    named = chosen.pop("recipe", "lyrics")
    resolved = resolve(recipe or named, chosen)
    from zuoci.model.checkpoint import check_destination
    from zuoci.text.corpus import load_lyrics, read_corpus

    folder = check_destination(out or _free_folder(), overwrite=overwrite)
    corpus = read_corpus(source) if source else load_lyrics(language)  # pyright: ignore[reportArgumentType]
    say_notes(corpus.notes)
    say(f"{len(corpus):,} songs, {len(corpus.text):,} characters, {len(set(corpus.text)):,} different ones")
    openings = prefix or _openings(corpus)
    try:
        end = _run(corpus, resolved, openings)
    except KeyboardInterrupt:
        say("interrupted: nothing was saved")
        raise typer.Exit(130) from None
    end.save(folder, overwrite=overwrite)
    _say_result(end)
    if as_json:
        report = {"schema": "zuoci.train/1", **end.as_dict(), "model": str(folder)}
        print(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        for opening in openings:
            print(_write(end, opening, length=80).text, end="\n\n")
    say(f"the model is in {folder}; write with it: zuoci write {folder} {openings[0].strip()}")


def _free_folder() -> Path:
    """`lyrics-model`, or the first of `lyrics-model-2`, … that is not there yet."""
    number = 1
    while (path := Path("lyrics-model" if number == 1 else f"lyrics-model-{number}")).exists():
        number += 1
    return path


def _openings(corpus: Corpus) -> Sequence[str]:
    """What samples begin with: 分开 and 不分开 as in the lesson, or two first words of the corpus's own lines."""
    known = set(corpus.text)
    if set("不分开") <= known:
        return ["分开", "不分开"]
    lines = [line.strip() for song in corpus.songs for line in song.lines[1:2] or song.lines[:1]]
    starts = [line.split(" ")[0] if line.isascii() else line[:2] for line in (lines[0], lines[-1])]
    return list(dict.fromkeys(starts))


def _write(end_or_report: EndReport | EvalReport, opening: str, length: int) -> Lyrics:
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.writer import Writer

    return Writer(end_or_report.model).write(opening, WriteConfig(length=length))


def _run(corpus: Corpus, settings: Settings, openings: Sequence[str]) -> EndReport:
    """Trains, with a progress bar where someone looks, and samples now and then."""
    from zuoci.training.trainer import EvalReport, StepReport, train

    epochs = settings.training.epochs
    with _progress() as progress:
        task = progress.add_task("training", total=None, figures="perplexity -", speed=0.0)
        for report in train(corpus, settings):
            if isinstance(report, StepReport):
                speed = report.characters / max(report.seconds, 1e-9)
                progress.update(task, completed=report.step, total=report.steps, speed=speed)
            elif isinstance(report, EvalReport):
                progress.update(task, figures=_figures(report))
                if report.epoch % max(1, epochs // SAMPLES) == 0:
                    progress.print(
                        f"epoch {report.epoch}, {_figures(report)}", highlight=False, markup=False, soft_wrap=True
                    )
                    for opening in openings:
                        line = _write(report, opening, length=50).text.replace("\n", " / ")
                        progress.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
            else:
                return report
    raise AssertionError("train() ends with an EndReport")


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
    kept = end.kept
    say(
        f"{end.epochs} epochs in {end.train_seconds:.1f} s, {end.characters_per_second:,.0f} characters/s; "
        f"kept epoch {kept.epoch}: {_figures(kept)}" + (f" ({kept.validation.protocol})" if kept.validation else "")
    )
