"""`zuoci prepare`: writes a corpus for training that may be larger than memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from zuoci.cli import print_json, say, say_notes
from zuoci.cli.options import make, with_settings
from zuoci.text.read_config import ReadConfig
from zuoci.text.terminal import quote


@with_settings(ReadConfig)
def command(
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE …", help="Text files, zip files or folders.")],
    out: Annotated[Path, typer.Option(help="Folder for the corpus.", metavar="DIR")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the corpus in that folder.")] = False,
    validation: Annotated[
        float,
        typer.Option(help="Share of the text that is held apart to judge models by, at most 100,000 characters."),
    ] = 0.1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")] = False,
    **settings: Any,
) -> None:
    """Writes lyrics as a corpus that may be larger than memory, to train on."""
    from rich.console import Console

    from zuoci.training.prepare import prepare

    config, start, console = make(ReadConfig, settings), time.perf_counter(), Console(stderr=True)
    with console.status("reading") as status:

        def show(characters: int) -> None:
            status.update(f"{characters:,} characters")

        corpus, notes = prepare(
            source,
            out,
            config,
            validation=validation,
            overwrite=overwrite,
            progress=show if console.is_terminal else None,
        )
    say_notes(notes)
    seconds = time.perf_counter() - start
    manifest = corpus.manifest
    if as_json:
        figures = {
            "characters": corpus.character_count, "songs": len(corpus), "vocab_size": len(manifest.characters),
            "held_apart": {"songs": manifest.apart, "characters": corpus.character_count - corpus.training_count},
            "seconds": seconds,
        }  # fmt: skip
        print_json({"schema": "zuoci.prepare/1", **figures, "corpus": str(out)})
    say(
        f"{len(corpus):,} songs, {corpus.character_count:,} characters, {len(manifest.characters):,} different ones; "
        f"{manifest.apart:,} of the songs are held apart; {seconds:.1f} s"
    )
    say(f"the corpus is in {quote(out)}; train on it: zuoci train {quote(out)}")
