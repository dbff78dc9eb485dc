"""zuoci (作词, "writing lyrics"): character-level recurrent language models for one's own lyrics.

>>> import zuoci
>>> corpus = zuoci.load_lyrics("zh")  # or zuoci.read_corpus("my/lyrics")
>>> *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", {"epochs": 20}))  # doctest: +SKIP
>>> folder = end.save("my-model")  # doctest: +SKIP
>>> zuoci.Writer(zuoci.load(folder)).write("分开").text  # doctest: +SKIP

The rooms, in the order in which data flows through them: `zuoci.text`, `zuoci.model`, `zuoci.training`,
`zuoci.writing`, `zuoci.cli`. `zuoci.lesson` is the lesson that it all grows from.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zuoci.errors import (
        CorpusError,
        DivergenceError,
        ModelFolderError,
        SettingsError,
        VocabularyError,
        ZuociError,
    )
    from zuoci.model.checkpoint import load, save
    from zuoci.model.config import ModelConfig
    from zuoci.model.language_model import CharLM
    from zuoci.text.batches import Batch, ConsecutiveBatches, RandomBatches
    from zuoci.text.corpus import Corpus, Song, load_lyrics, read_corpus
    from zuoci.text.fingerprint import Fingerprint
    from zuoci.text.vocabulary import Vocabulary
    from zuoci.training.evaluation import Score, evaluate
    from zuoci.training.recipe import Settings, TrainConfig, resolve
    from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
    from zuoci.training.resume import load_run, save_run
    from zuoci.training.trainer import Run, train
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.originality import CopyGuard, CorpusIndex, Originality, Span, originality
    from zuoci.writing.writer import Lyrics, Writer

__version__ = "0.1.0"

# Where each name lives. They are imported on first use, so that `import zuoci` does not wait for torch.
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
    "zuoci.training.trainer": ("Run", "train"),
    "zuoci.writing.config": ("WriteConfig",),
    "zuoci.writing.originality": ("CopyGuard", "CorpusIndex", "Originality", "Span", "originality"),
    "zuoci.writing.writer": ("Lyrics", "Writer"),
}  # fmt: skip
_HOMES = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "Batch", "CharLM", "ConsecutiveBatches", "CopyGuard", "Corpus", "CorpusError", "CorpusIndex", "DivergenceError",
    "EndReport", "EvalReport", "Fingerprint", "Lyrics", "ModelConfig", "ModelFolderError", "Originality",
    "RandomBatches", "RollbackReport", "Run", "Score", "Settings", "SettingsError", "Song", "Span", "StepReport",
    "TrainConfig", "Vocabulary", "VocabularyError", "WriteConfig", "Writer", "ZuociError", "evaluate", "load",
    "load_lyrics", "load_run", "originality", "read_corpus", "resolve", "save", "save_run", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zuoci' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
