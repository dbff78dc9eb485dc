"""The settings of a training run, and recipes: named values for them.

`resolve` makes `Settings` of a recipe and of what the user chose. The command line, the studio and programs call it
before a run. This file does not import torch, so that the command line can show its options without waiting.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zuoci.errors import LONGEST, CorpusError, SettingsError, describe, shown
from zuoci.model.base import BASES, NO_BASE, base_folder, base_name, fitting_base, model_folder
from zuoci.model.config import ModelConfig
from zuoci.text.sources import read_file
from zuoci.training.auto import MEDIUM, REFERENCE_BATCH, REFERENCE_SIZE, choose, choose_tuning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from zuoci.training.auto import SpeedOf

DEFAULT_RECIPE = "auto"
_MOST = 10**12  # upper bound of counts; larger values are mistakes


class TrainConfig(BaseModel):
    """How a model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: str = Field(default=DEFAULT_RECIPE, description="name of the recipe that the settings started from")
    base: str = Field(
        default=NO_BASE,
        min_length=1,
        description="the model to start from: zh or en, the base models that come with zuoci; the folder of a model; "
        "none: start from nothing; auto: the base model that fits the script of the text. The recipe auto takes auto, "
        "the others none",
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="random seed of the initial weights, the order of minibatches, dropout and the held-out songs; "
        "default: 0",
    )
    epochs: int = Field(
        default=16, ge=0, le=1_000_000, description="maximum number of passes through the training text; 0: no limit"
    )
    steps: int = Field(
        default=0, ge=0, le=_MOST, description="maximum number of optimizer steps; 0 (default): no limit"
    )
    seconds: float = Field(
        default=0.0,
        ge=0.0,
        le=1e7,
        description="time budget in seconds, from the start of the command to its end, with evaluation and saving; 0 "
        "(default): no limit",
    )
    until_perplexity: float = Field(
        default=0.0,
        ge=0.0,
        description="stop once the training perplexity of an epoch is at most this; 0 (default): never",
    )
    batch_size: int = Field(default=16, ge=1, le=1_000_000, description="sequences per minibatch")
    seq_len: int = Field(default=32, ge=1, le=1_000_000, description="characters per sequence in a minibatch")
    sampling: Literal["random", "consecutive"] = Field(
        default="consecutive",
        description="random: sequences in random order, the state starts at zero in each; consecutive: each minibatch "
        "continues the one before, and the state is carried over",
    )
    optimizer: Literal["sgd", "adamw"] = Field(
        default="adamw", description="sgd: plain stochastic gradient descent; adamw: AdamW"
    )
    learning_rate: float = Field(  # times output_rate, it has to be a number in float32
        default=4e-3, gt=0.0, le=1e36, description="peak learning rate"
    )
    output_rate: float = Field(
        default=1.0, gt=0.0, le=100.0, description="factor on the learning rate of the output layer"
    )
    weight_decay: float = Field(default=0.01, ge=0.0, description="weight decay of AdamW; biases are not decayed")
    schedule: Literal["constant", "cosine"] = Field(
        default="cosine", description="learning rate schedule after the warm-up: constant, or cosine decay"
    )
    final_rate: float = Field(
        default=0.1, ge=0.0, le=1.0, description="learning rate at the end of the cosine, as a fraction of the peak"
    )
    warmup_steps: int = Field(
        default=0, ge=0, le=_MOST, description="steps over which the learning rate rises linearly from 0 to its peak"
    )
    max_grad_norm: float = Field(default=1.0, gt=0.0, description="clip the norm of the gradient to this value")
    initialisation: Literal["uniform", "orthogonal", "lesson"] = Field(
        default="uniform",
        description="initial weights; uniform: as in torch.nn; orthogonal: the same, with orthogonal recurrent "
        "matrices; lesson: normal distribution with standard deviation 0.01",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="precision of the matrix products; auto (default): the faster one, as measured when a run starts",
    )
    products: Literal["auto", "torch", "onednn"] = Field(
        default="auto",
        description="library for the matrix products on the CPU; torch: the one that torch chooses; onednn: oneDNN; "
        "auto (default): the faster one, as measured",
    )
    path: Literal["auto", "fused", "torch"] = Field(
        default="auto",
        description="implementation of the recurrent layers: zuoci's fused one (not for lstm), or torch.nn; auto "
        "(default): fused on the CPU, torch.nn on a GPU",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="threads among which a minibatch is divided; 0 (default): as many as are fastest, as measured",
    )
    validation: float = Field(
        default=0.1,
        ge=0.0,
        le=0.9,
        description="fraction of the text that is held out for validation; 0: none; the bundled lyrics have their own "
        "held-out songs",
    )
    validation_split: Literal["auto", "songs", "tail"] = Field(
        default="auto",
        description="what is held out; songs: whole songs; tail: the end of the text; auto: songs, where "
        "there are at least 10 and at most 300,000 characters, else the tail",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=_MOST,
        description="early stopping: evaluations without a better held-out loss before training stops; 0: off",
    )
    keep: Literal["last", "best"] = Field(
        default="last", description="which weights to save; last: the final ones; best: those of the best held-out loss"
    )
    max_characters: int = Field(
        default=0, ge=0, le=_MOST, description="use only the first N characters of the corpus; 0: all"
    )
    join_lines: bool = Field(default=False, description="replace newlines by spaces, as in the lesson")
    counts: bool = Field(
        default=False,
        description="mix what the network predicts with counts of the sequences of up to three characters in the "
        "text; they are saved with the model, and hold much of the text. The recipe auto does it where it starts from "
        "a base model, the others do not. The counts of a base model are kept in any case",
    )
    in_8_bits: bool = Field(
        default=False,
        description="save the weights of the finished model in 8 bits, a quarter of the size; the figures at the end "
        "of the run are those of the saved weights. The recipe auto does it where it starts from a base model",
    )
    fingerprint: bool = Field(
        default=True,
        description="save hashes of the corpus with the model, to detect copied text; the corpus itself is not saved; "
        "default: on",
    )


class Settings(BaseModel):
    """All settings of a run: those of its model and those of its training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    training: TrainConfig


RECIPES: dict[str, dict[str, Any]] = {
    # The default. The size of the text and the time budget decide the rest: see `choose`.
    "auto": {
        "cell": "gru",
        "embedding_size": 128,
        "initialisation": "orthogonal",
        "weight_decay": 0.1,
        "final_rate": 0.01,
        "keep": "best",
        "base": "auto",
    },
    # For a small folder of lyrics: half a minute on a laptop. The dropout is high, because there is little text. The
    # run goes on past the best held-out loss, at which texts are still vague, until phrases hold together.
    "lyrics": {"cell": "gru", "hidden_size": 256, "embedding_size": 128, "dropout": 0.5},
    # To learn a small text by heart in seconds, with the lesson's model. The output layer learns faster than the
    # rest, because in the first epochs it has to find out how frequent each character is.
    "fast": {
        "cell": "rnn",
        "hidden_size": 256,
        "epochs": 30,
        "batch_size": 32,
        "seq_len": 35,
        "sampling": "random",
        "learning_rate": 0.008,
        "output_rate": 4.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "initialisation": "orthogonal",
    },
    # All values as in the lesson, those for the treatment of the text included.
    "lesson": {
        "cell": "rnn",
        "hidden_size": 256,
        "embedding_size": 0,
        "dropout": 0.0,
        "epochs": 250,
        "batch_size": 32,
        "seq_len": 35,
        "sampling": "random",
        "optimizer": "sgd",
        "learning_rate": 100.0,
        "schedule": "constant",
        "max_grad_norm": 0.01,
        "initialisation": "lesson",
        "precision": "float32",
        "products": "torch",
        "validation": 0.0,
        "patience": 0,
        "keep": "last",
        "max_characters": 10_000,
        "join_lines": True,
    },
}


def resolve(
    recipe: str = DEFAULT_RECIPE, overrides: Mapping[str, Any] | None = None, text: str | None = None
) -> Settings:
    """Makes the settings of a run: the defaults, then the values of a recipe, then those of the user.

    Args:
        recipe: a name in `RECIPES`.
        overrides: the values of the user, by the name of a field of `ModelConfig` or `TrainConfig`.
        text: the corpus. The recipe `auto` needs it, because it chooses by its size. For a large text and a model from
            nothing it also measures how fast this machine trains, in a third of a second.

    Raises:
        SettingsError: there is no such recipe or setting, or a value is out of bounds.
    """
    if recipe not in list(RECIPES):  # a file may name anything
        raise SettingsError(f"there is no recipe {shown(recipe)}; there are {', '.join(RECIPES)}")
    given = dict(overrides or {})
    second = given.pop("recipe", recipe)
    if second != recipe:
        raise SettingsError(f"two recipes are named, {shown(recipe)} and {shown(second)}; name one")
    wanted = _settings(given).training
    chosen = dict(RECIPES[recipe])
    if recipe == "auto" and text is None:
        raise SettingsError("the recipe auto chooses by the size of the text: pass it, or name another recipe")
    base = given["base"] = _base_of(recipe, given, text or "")
    if recipe == "auto":
        chosen |= (
            choose(text or "", wanted.seconds, _speed_of(chosen, wanted))
            if base == NO_BASE
            else choose_tuning(text or "", wanted.seconds)
        )
    if base != NO_BASE:
        chosen |= _architecture_of(base)
    if wanted.seconds or wanted.steps:
        given.setdefault("epochs", 0)
    settings = _settings({**chosen, "recipe": recipe, **given})
    if not (settings.training.epochs or settings.training.steps or settings.training.seconds):
        raise SettingsError("epochs must be positive, unless steps or seconds is given: got 0")
    return settings


def _speed_of(chosen: Mapping[str, Any], wanted: TrainConfig) -> SpeedOf:
    """A function that measures how fast the model of a recipe trains here.

    Args:
        chosen: the values of the recipe.
        wanted: the settings of the user: `precision`, `products` and `threads` are used.
    """

    def speed_of(hidden_size: int, batch_size: int, vocab_size: int) -> float:
        from zuoci.training.pace import Shape, measure, speed_as

        model = _settings({**chosen, "hidden_size": REFERENCE_SIZE}).model
        like = Shape(model, vocab_size, REFERENCE_BATCH, wanted.seq_len)
        pace = measure(like, wanted.precision, wanted.products, wanted.threads)
        return speed_as(
            like._replace(model=model.model_copy(update={"hidden_size": hidden_size}), batch_size=batch_size), pace.way
        )

    return speed_of


def _base_of(recipe: str, given: Mapping[str, Any], text: str) -> str:
    """The model that a run starts from.

    Raises:
        SettingsError: the user named a model, together with settings that it has already, or with a recipe that is
            for models from nothing.
    """
    base = given.get("base", "auto" if recipe == "auto" else NO_BASE)
    folder = model_folder(base)
    if (bundled := base_name(folder)) or base in BASES:
        base = bundled or str(folder.absolute())  # a folder of the user's own that is named zh goes by its whole path
    own = [name for name in _ARCHITECTURE if name in given]
    if base == "auto":
        from_nothing = own or given.get("join_lines") or recipe in _FROM_NOTHING or len(text) >= MEDIUM
        return NO_BASE if from_nothing else fitting_base(text) or NO_BASE
    if base != NO_BASE and own:
        raise SettingsError(f"{own[0]} is that of the model to start from; leave it out, or start from nothing (none)")
    if base != NO_BASE and recipe in _FROM_NOTHING:
        raise SettingsError(
            f"the recipe {recipe} trains a model from nothing; name no model to start from, or another recipe"
        )
    return base


def _architecture_of(base: str) -> dict[str, Any]:
    """The settings of a saved model that a run which starts from it cannot change."""
    from zuoci.model.checkpoint import load_description

    config = load_description(base_folder(base))["model"]
    return {name: config[name] for name in _ARCHITECTURE}


_FROM_NOTHING = ("lesson", "fast")  # recipes for models that start from no other one
_ARCHITECTURE = ("cell", "hidden_size", "num_layers", "embedding_size", "tie_embedding")


def _settings(values: Mapping[str, Any]) -> Settings:
    """Makes settings of values by field name, and defaults for the rest.

    Raises:
        SettingsError: there is no such setting, or a value is out of bounds.
    """
    unknown = values.keys() - ModelConfig.model_fields.keys() - TrainConfig.model_fields.keys()
    if unknown:
        known = sorted([*ModelConfig.model_fields, *TrainConfig.model_fields])
        raise SettingsError(f"there is no setting {shown(min(unknown, key=str))}; there are {', '.join(known)}")
    parts = {
        name: {key: value for key, value in values.items() if key in part.model_fields}
        for name, part in (("model", ModelConfig), ("training", TrainConfig))
    }
    try:
        return Settings.model_validate(parts)
    except ValidationError as error:
        raise SettingsError(describe(error)) from None


_SETTINGS_BYTES = 2**20  # largest settings file; a larger one is a mistake


def read_settings_file(path: str | PathLike[str]) -> dict[str, Any]:
    """Reads settings from a TOML file with one `name = value` per line.

    Raises:
        SettingsError: the file cannot be read or is not TOML.
    """
    try:
        data = read_file(Path(path), _SETTINGS_BYTES)
        if not data and not Path(path).is_file():
            raise SettingsError(f"{path} is a pipe that nothing came from: name a TOML file")
        return tomllib.loads(data.decode())
    except CorpusError:
        raise SettingsError(f"{path} is not a regular file, or larger than 1 MiB: name a TOML file") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, 5,000 digits, nested too deeply
        reason = (str(error) or "it is too deep").splitlines()[0]
        raise SettingsError(f"{path} is not a TOML file: {reason[:LONGEST]}") from None
