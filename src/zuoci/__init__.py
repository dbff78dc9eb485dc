"""zuoci (作词, "writing lyrics"): character-level recurrent language models for one's own lyrics.

>>> import zuoci
>>> corpus = zuoci.load_lyrics("zh")  # or zuoci.read_corpus("my/lyrics")
>>> *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", {"epochs": 20}))  # doctest: +SKIP
>>> folder = zuoci.save_trained(end, "my-model")  # doctest: +SKIP
>>> zuoci.Writer(zuoci.load(folder)).write("分开").text  # doctest: +SKIP

The rooms, in the order in which data flows through them: `zuoci.text`, `zuoci.model`, `zuoci.training`,
`zuoci.writing`, `zuoci.cli`. `zuoci.lesson` is the lesson that it all grows from.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `X as X` marks a name as public for type checkers
    # fmt: off
    # isort: off
    from zuoci.errors import (
        CorpusError as CorpusError, DivergenceError as DivergenceError, ModelFolderError as ModelFolderError,
        SettingsError as SettingsError, VocabularyError as VocabularyError, ZuociError as ZuociError,
    )
    from zuoci.model.checkpoint import load as load, save as save
    from zuoci.model.config import ModelConfig as ModelConfig
    from zuoci.model.language_model import CharLM as CharLM
    from zuoci.text.batches import (
        Batch as Batch, ConsecutiveBatches as ConsecutiveBatches, RandomBatches as RandomBatches,
    )
    from zuoci.text.corpus import Corpus as Corpus, Song as Song, load_lyrics as load_lyrics, read_corpus as read_corpus
    from zuoci.text.fingerprint import Fingerprint as Fingerprint
    from zuoci.text.vocabulary import Vocabulary as Vocabulary
    from zuoci.training.evaluation import Score as Score, evaluate as evaluate
    from zuoci.training.recipe import Settings as Settings, TrainConfig as TrainConfig, resolve as resolve
    from zuoci.training.reports import (
        EndReport as EndReport, EvalReport as EvalReport, RollbackReport as RollbackReport, StepReport as StepReport,
    )
    from zuoci.training.resume import load_run as load_run, save_run as save_run
    from zuoci.training.saving import save_trained as save_trained
    from zuoci.training.trainer import Run as Run, train as train
    from zuoci.writing.config import WriteConfig as WriteConfig
    from zuoci.writing.guards import CopyGuard as CopyGuard
    from zuoci.writing.originality import (
        CorpusIndex as CorpusIndex, Originality as Originality, Span as Span,
        originality as originality,
    )
    from zuoci.writing.writer import Lyrics as Lyrics, Writer as Writer
    # isort: on
    # fmt: on

__version__ = "0.1.0"

# The public names, by the module that defines them. Each is imported on first use, so that `import zuoci` does not
# wait for torch. Type checkers read the imports above instead; a test compares the two.
_PLACES = {
    "zuoci.errors": (
        "CorpusError", "DivergenceError", "ModelFolderError", "SettingsError", "VocabularyError", "ZuociError",
    ),
    "zuoci.text.corpus": ("Corpus", "Song", "load_lyrics", "read_corpus"),
    "zuoci.text.fingerprint": ("Fingerprint",),
    "zuoci.text.vocabulary": ("Vocabulary",),
    "zuoci.text.batches": ("Batch", "ConsecutiveBatches", "RandomBatches"),
    "zuoci.model.config": ("ModelConfig",),
    "zuoci.model.language_model": ("CharLM",),
    "zuoci.model.checkpoint": ("load", "save"),
    "zuoci.training.recipe": ("Settings", "TrainConfig", "resolve"),
    "zuoci.training.evaluation": ("Score", "evaluate"),
    "zuoci.training.reports": ("EndReport", "EvalReport", "RollbackReport", "StepReport"),
    "zuoci.training.resume": ("load_run", "save_run"),
    "zuoci.training.saving": ("save_trained",),
    "zuoci.training.trainer": ("Run", "train"),
    "zuoci.writing.config": ("WriteConfig",),
    "zuoci.writing.guards": ("CopyGuard",),
    "zuoci.writing.originality": ("CorpusIndex", "Originality", "Span", "originality"),
    "zuoci.writing.writer": ("Lyrics", "Writer"),
}  # fmt: skip
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zuoci' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
