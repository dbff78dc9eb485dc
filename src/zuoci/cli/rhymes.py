"""`zuoci rhymes`: a word → characters and words that rhyme with it, in the order of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zuoci.cli import print_json, print_text
from zuoci.cli.options import make, with_settings
from zuoci.errors import SettingsError
from zuoci.model.base import BASES
from zuoci.writing.config import WriteConfig
from zuoci.writing.patterns import parse_readings

_SETTINGS = {"rhyme_standard", "rhyme_syllables", "rhyme_near", "reading"}


@with_settings(WriteConfig, leave_out=WriteConfig.model_fields.keys() - _SETTINGS)
def command(
    word: Annotated[str, typer.Argument(metavar="WORD", help="A word, or a line: its end is what has to rhyme.")],
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="Folder of a model, whose words come first; by default zh or en, the base models.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", help="Characters and words to print, of each.", min=1, max=100_000)
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    **settings: Any,
) -> None:
    """Lists characters and words that rhyme with a word, those that the model writes most readily first."""
    config = make(WriteConfig, settings)
    from zuoci.model.checkpoint import load_weights
    from zuoci.model.stepper import Stepper
    from zuoci.writing.rhyme.scheme import Rhymes
    from zuoci.writing.rhyme.words import find_rhymes

    rhymes = Rhymes(
        config.rhyme_standard, parse_readings(config.reading), count=config.rhyme_syllables, near=config.rhyme_near
    )
    script = (rhymes.group(word) or "zh")[:2]
    if model is None and script not in BASES:
        raise SettingsError(f"no base model writes as {word!r} is written; name a MODEL that does")
    loaded = load_weights(model or script)
    found = find_rhymes(word, rhymes, Stepper(loaded), loaded.vocabulary)
    characters, words = found.characters[:count], found.words[:count]
    if as_json:
        groups = list(found.groups)
        print_json(
            {"schema": "zuoci.rhymes/1", "word": word, "groups": groups, "characters": characters, "words": words}
        )
        return
    print_text(f"{word}: {', '.join(group[3:] for group in found.groups)}")
    for each in (characters, words):
        if each:
            print_text(" ".join(each))
    if not (characters or words):
        print_text("the model knows nothing that rhymes with it")
