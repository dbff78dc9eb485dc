"""`zuoci write`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zuoci.cli import say
from zuoci.cli.options import make, with_settings
from zuoci.errors import SettingsError
from zuoci.writing.config import WriteConfig


@with_settings(WriteConfig)
def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that training has written.")],
    opening: Annotated[str, typer.Argument(help="The first characters; none: a new line.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    **settings: Any,
) -> None:
    """Continues an opening with a model."""
    config = make(WriteConfig, settings)
    if config.greedy and settings["temperature"] is not None:
        raise SettingsError("greedy and temperature exclude each other: greedy draws nothing; give one of them")
    from zuoci.model.checkpoint import load
    from zuoci.writing.writer import Writer

    lyrics = Writer(load(model)).write(opening, config)
    if lyrics.unknown:
        say(f"note: the model has never seen {lyrics.unknown}; going on without")
    if as_json:
        text = lyrics.model_dump(include={"text", "nll", "seed"})
        print(json.dumps({"schema": "zuoci.write/1", "unknown": lyrics.unknown, "texts": [text]}, ensure_ascii=False))
    else:
        print(lyrics.text)
