"""The base models that come with zuoci: which there are, where they are, and which one fits a text.

`zh` and `en` can be named wherever the folder of a model can. `zuoci.training.adapt` takes them on to a person's own
text. tools/make_base_model.py made them, from text that is free.

This file imports neither torch nor numpy, so that the command line can use it without waiting.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zuoci.text.folder import VOCABULARY, is_model

if TYPE_CHECKING:
    from os import PathLike

BASES: tuple[Literal["zh"], Literal["en"]] = ("zh", "en")
NO_BASE = "none"  # a run with this base starts from nothing
_SAMPLE = 20_000  # characters of a text that are looked at
_LEAST_KNOWN = 0.75  # share of the letters of a text that a base has to know to fit it


def model_folder(name: str | PathLike[str]) -> Path:
    """The folder of a model: `name` itself, or that of the base model with this name if there is no such folder."""
    return bundled_folder(str(name)) if str(name) in BASES and not is_model(name) else Path(name)


def base_folder(base: str) -> Path:
    """The folder of the model that a run starts from, by the setting `base`.

    There `zh` and `en` are always the base models that come with zuoci: `auto` chooses between these, and what a model
    started from must not depend on where it is used. `recipe.resolve` writes a user's own folder of such a name as an
    absolute path.
    """
    return bundled_folder(base) if base in BASES else Path(base)


def base_name(folder: Path) -> str | None:
    """The name of the base model in a folder; None if the folder is not that of a base model."""
    return next((name for name in BASES if bundled_folder(name).absolute() == folder.absolute()), None)


def fitting_base(text: str) -> str | None:
    """The base model that knows most letters of a text.

    None if none knows three quarters of them, or if the text is the bundled lyrics, which the base models have read.
    """
    letters = [char for char in text[:_SAMPLE] if char.isalpha()]
    known = {name: sum(char in _characters(name) for char in letters) for name in BASES}
    best = max(BASES, key=known.__getitem__)
    return best if known[best] > _LEAST_KNOWN * len(letters) and not _is_bundled(text, best) else None


def _is_bundled(text: str, language: Literal["zh", "en"]) -> bool:
    from zuoci.text.corpus import load_lyrics  # which imports numpy

    return any(load_lyrics(language, choruses=choruses).text == text for choruses in ("once", "sung"))


def bundled_folder(name: str) -> Path:
    """The folder of a base model."""
    return Path(str(files("zuoci").joinpath("data", f"base-{name}")))


@cache
def _characters(name: str) -> frozenset[str]:
    return frozenset(json.loads((bundled_folder(name) / VOCABULARY).read_bytes())["characters"])
