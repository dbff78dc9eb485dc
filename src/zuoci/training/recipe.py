"""The settings of a training run, and named recipes for them.

No torch here: the command line reads this file to show its options.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zuoci.errors import CorpusError, SettingsError
from zuoci.model.config import ModelConfig
from zuoci.text.cleaning import distinct
from zuoci.text.sources import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike


DEFAULT_RECIPE = "auto"
_MOST = 10**12  # of what can be counted: more is a mistake


class TrainConfig(BaseModel):
    """How a model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: str = Field(default=DEFAULT_RECIPE, description="the named recipe that the settings started from")
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="seed of weights, order of minibatches, dropout and held-out songs"
    )
    epochs: int = Field(default=16, ge=0, le=1_000_000, description="passes through the training text, at most; 0: any")
    steps: int = Field(default=0, ge=0, le=_MOST, description="updates of the weights, at most; 0: any")
    seconds: float = Field(
        default=0.0,
        ge=0.0,
        le=1e7,
        description="time for training and evaluation; turned into steps after a short measurement; 0: any",
    )
    until_perplexity: float = Field(
        default=0.0, ge=0.0, description="stop after the epoch whose training perplexity is as low as this; 0: never"
    )
    batch_size: int = Field(default=16, ge=1, le=1_000_000, description="pieces of text in a minibatch")
    seq_len: int = Field(default=32, ge=1, le=1_000_000, description="characters of each piece in a minibatch")
    sampling: Literal["random", "consecutive"] = Field(
        default="consecutive",
        description="pieces in random order, or each continuing the one before, state carried on",
    )
    optimizer: Literal["sgd", "adamw"] = Field(default="adamw", description="plain gradient descent, or AdamW")
    learning_rate: float = Field(  # times output_rate, it has to be a number in float32
        default=4e-3, gt=0.0, le=1e36, description="size of a step; the highest one of a schedule"
    )
    output_rate: float = Field(
        default=1.0, gt=0.0, le=100.0, description="the output layer's learning rate, in multiples of the other layers'"
    )
    weight_decay: float = Field(
        default=0.01, ge=0.0, description="AdamW's pull of the weights towards zero, per unit of rate"
    )
    schedule: Literal["constant", "cosine"] = Field(
        default="cosine", description="learning rate over the run: as it is, or falling along a cosine"
    )
    final_rate: float = Field(
        default=0.1, ge=0.0, le=1.0, description="where the cosine ends, as a share of the learning rate"
    )
    warmup_steps: int = Field(
        default=0, ge=0, le=_MOST, description="first steps, over which the learning rate rises from zero"
    )
    max_grad_norm: float = Field(default=1.0, gt=0.0, description="longer gradients are shortened to this length")
    initialisation: Literal["uniform", "orthogonal", "lesson"] = Field(
        default="uniform",
        description="first weights: as torch.nn draws them; orthogonal matrices between states; or from N(0, 0.01)",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="of the matrix products; auto: bfloat16 where the processor has instructions for it"
    )
    path: Literal["auto", "fused", "torch"] = Field(
        default="auto",
        description="code of the recurrent layers: zuoci's, torch.nn's, or the faster one for the device",
    )
    threads: int = Field(default=0, ge=0, le=4096, description="threads that share a minibatch; 0: one a core")
    validation: float = Field(
        default=0.1,
        ge=0.0,
        le=0.9,
        description="share of the text that is held out, to judge the model on; 0: none; the bundled lyrics have their "
        "own held-out songs",
    )
    validation_split: Literal["auto", "songs", "tail"] = Field(
        default="auto",
        description="hold out whole songs, or the end of the text in one piece; auto: songs up to 300,000 characters",
    )
    patience: int = Field(
        default=0, ge=0, le=_MOST, description="stop after so many evaluations without a better held-out loss; 0: never"
    )
    keep: Literal["last", "best"] = Field(
        default="last", description="weights of the last evaluation, or of the one with the best held-out loss"
    )
    max_characters: int = Field(
        default=0, ge=0, le=_MOST, description="train on so many first characters only; 0: on all"
    )
    join_lines: bool = Field(default=False, description="turn newlines into spaces first, as in the lesson")
    fingerprint: bool = Field(
        default=True,
        description="save hashes of the corpus with the model, to recognise what it copies; the text is not in them",
    )


class Settings(BaseModel):
    """Everything that a run needs to know beside its text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    training: TrainConfig


RECIPES: dict[str, dict[str, Any]] = {
    # By the size of the text and the time that there is: see `choose`.
    "auto": {
        "cell": "gru",
        "embedding_size": 128,
        "initialisation": "orthogonal",
        "weight_decay": 0.1,
        "final_rate": 0.01,
        "keep": "best",
    },
    # The default, for a small folder of lyrics: half a minute on a laptop. Much dropout, since there is so little
    # text. It goes on past the best held-out loss, where texts are vague, until phrases hold together.
    "lyrics": {"cell": "gru", "hidden_size": 256, "embedding_size": 128, "dropout": 0.5},
    # To learn a small text by heart in seconds, with the lesson's model. The output layer learns faster than the
    # rest: in the first epochs it has to find out which characters there are at all.
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
    # Every figure as in the lesson, the treatment of its text included.
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
    """The settings of a recipe, with some of them replaced.

    Args:
        recipe: a name in `RECIPES`.
        overrides: values by the name of a field of `ModelConfig` or `TrainConfig`.
        text: what will be trained on; the recipe auto chooses by its size.

    Raises:
        SettingsError: there is no such recipe or setting, or a value is out of bounds.
    """
    if recipe not in list(RECIPES):  # a file may name anything
        raise SettingsError(f"there is no recipe {_shown(recipe)}; there are {', '.join(RECIPES)}")
    given = dict(overrides or {})
    second = given.pop("recipe", recipe)
    if second != recipe:
        raise SettingsError(f"two recipes are named, {_shown(recipe)} and {_shown(second)}; name one")
    wanted = _settings(given).training
    chosen = dict(RECIPES[recipe])
    if recipe == "auto":
        if text is None:
            raise SettingsError("the recipe auto chooses by the size of the text: pass it, or name another recipe")
        chosen |= choose(text, seconds=wanted.seconds)
    if wanted.seconds or wanted.steps:
        given.setdefault("epochs", 0)
    settings = _settings({**chosen, "recipe": recipe, **given})
    if not (settings.training.epochs or settings.training.steps or settings.training.seconds):
        raise SettingsError("epochs must be positive, unless steps or seconds is given: got 0")
    return settings


def _settings(values: Mapping[str, Any]) -> Settings:
    """Settings of values by the names of their fields.

    Raises:
        SettingsError: there is no such setting, or a value is out of bounds.
    """
    unknown = values.keys() - ModelConfig.model_fields.keys() - TrainConfig.model_fields.keys()
    if unknown:
        known = sorted([*ModelConfig.model_fields, *TrainConfig.model_fields])
        raise SettingsError(f"there is no setting {_shown(min(unknown, key=str))}; there are {', '.join(known)}")
    parts = {
        name: {key: value for key, value in values.items() if key in part.model_fields}
        for name, part in (("model", ModelConfig), ("training", TrainConfig))
    }
    try:
        return Settings.model_validate(parts)
    except ValidationError as error:
        raise SettingsError(describe(error)) from None


def choose(text: str, seconds: float = 0.0) -> dict[str, Any]:
    """The settings that the recipe auto chooses for a text and a time budget.

    The more often the text will be read, the more dropout it needs. With little time, a smaller model sees more
    of the text, which is worth more than its size. The figures behind it are in docs/experiments.md.

    Args:
        text: the corpus.
        seconds: the time budget; 0: none, then as many passes as usually pay, and no more once they do not.
    """
    if len(text) < _SMALL:
        return {"hidden_size": 256, "dropout": 0.5, "epochs": 24, "patience": 4}
    medium = len(text) < _MEDIUM
    time = seconds or (_MEDIUM_SECONDS if medium else _LARGE_SECONDS)
    vocab_size = len(distinct(text))
    readable = {size: _readable(time, size, vocab_size) for size in (256, 384, 512)}
    if readable[512] > 8e6:
        hidden_size = 512
    else:
        hidden_size = 256 if medium and readable[384] < _LEAST_PASSES * len(text) else 384
    passes = readable[hidden_size] / len(text)
    return {
        "hidden_size": hidden_size,
        # A small model on a medium text makes few steps: smaller minibatches, and longer steps.
        **({"batch_size": 32, "learning_rate": 6e-3} if hidden_size == 256 else {"batch_size": 64}),
        "dropout": 0.0 if passes < 6 else 0.2 if passes < 15 else 0.3,
        "epochs": 0 if seconds else max(1, round(passes)),
        "warmup_steps": 50,
        "patience": 0 if seconds else 4,
    }


def _readable(seconds: float, hidden_size: int, vocab_size: int) -> float:
    """Characters that a GRU with an embedding of 128 can be trained on in some time, on a laptop, roughly."""
    operations = 6 * hidden_size * (3 * hidden_size + 3 * 128 + vocab_size)  # of a character, forward and backward
    return seconds * _OPERATIONS / operations


_SETTINGS_BYTES = 2**20  # of a file of settings: more is a mistake
_LONGEST = 100  # characters of a value in a message
_SMALL = 200_000  # characters, below which a text is learnt by heart before anything else
_MEDIUM = 500_000  # characters, below which a minute teaches most of what three would
_MEDIUM_SECONDS, _LARGE_SECONDS = 45.0, 180.0  # what a run takes, roughly, if no time is given
_LEAST_PASSES = 10  # through a medium text, for which 384 units pay
_OPERATIONS = 3e11  # a second, in matrix products on two cores: only to choose by


def describe(error: ValidationError) -> str:
    """One line for the first thing that is wrong with some settings."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    # Where one of several values of a setting is wrong, its number comes last; the setting is the last name.
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "the settings")
    message = first["msg"]
    if message.startswith("Input should be "):
        message = "must be " + message.removeprefix("Input should be ")
    return f"{name} {message[:1].lower()}{message[1:]}: got {_shown(first['input'])}"


def _shown(value: object) -> str:
    """A value in a message of one line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more than 4,300 digits, lists in lists
        return "something too long to show"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def read_settings_file(path: str | PathLike[str]) -> dict[str, Any]:
    """Settings from a TOML file, one `name = value` a line.

    Raises:
        SettingsError: the file cannot be read or is not TOML.
    """
    try:
        data = read_file(Path(path), _SETTINGS_BYTES)
        if not data and not Path(path).is_file():
            raise SettingsError(f"{path} is a pipe that nothing came from: name a TOML file")
        return tomllib.loads(data.decode())
    except CorpusError:
        raise SettingsError(f"{path} is no regular file, or larger than 1 MiB: name a TOML file") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of 5,000 digits, lists in lists
        reason = (str(error) or "it is too deep").splitlines()[0]
        raise SettingsError(f"{path} is not a TOML file: {reason[:_LONGEST]}") from None
