"""What a training run reports to its caller: figures, and at the end the trained model.

`zuoci.training.trainer` makes these; the command line, the studio and programs show them; `zuoci.training.saving`
writes them into the folder of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zuoci.training.evaluation import Score
from zuoci.training.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zuoci.errors import Message
    from zuoci.model.language_model import CharLM
    from zuoci.text.shards import AnyCorpus
    from zuoci.training.recipe import Settings


@dataclass(frozen=True, slots=True)
class StepReport:
    """After one optimizer update.

    Attributes:
        step: updates so far.
        steps: updates in the whole run, unless it stops early; with a time budget as it is planned now, and 0 before
            the first plan.
        epoch: the epoch of the step, from 1.
        nll: mean negative log-likelihood of its minibatch, nats per character.
        characters: characters trained on so far.
        seconds: time spent on training and evaluation so far.
    """

    step: int
    steps: int
    epoch: int
    nll: float
    characters: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """After a loss or gradient that was not finite: the run went back to its last good state.

    Attributes:
        step: the step that it went back to.
        learning_rate: the highest learning rate from now on.
        reason: what was not finite.
    """

    step: int
    learning_rate: float
    reason: str


@dataclass(frozen=True, slots=True)
class EvalReport:
    """After a round: an epoch, or a quarter of a run that time or steps limit to fewer than four epochs.

    A run that starts from a trained model has one more at the beginning, with `step` 0: the model as it was.

    Attributes:
        step: updates so far.
        epoch: passes through the training text so far.
        train: the score on the characters of the round while they were trained on. If the round is an epoch, this is
            the figure that the lesson prints. In a run that starts from a trained model: the score on the beginning of
            the training text after the round, which can be compared with `validation`.
        validation: the score on the held-out text; None if nothing is held out.
        best: whether these weights are the best so far. Without a held-out text the latest are.
        learning_rate: the learning rate of the last step.
        characters: characters trained on so far.
        seconds: time spent on training and evaluation so far.
    """

    step: int
    epoch: float
    train: Score
    validation: Score | None
    best: bool
    learning_rate: float
    characters: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "characters": self.characters,
            "seconds": self.seconds,
            "learning_rate": self.learning_rate,
            "best": self.best,
            "train": self.train.as_dict(),
            "validation": self.validation.as_dict() if self.validation else None,
        }

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> EvalReport:
        """The report of which `as_dict` gave these figures."""
        scores = {name: Score.from_dict(figures[name]) if figures[name] else None for name in ("train", "validation")}
        values: dict[str, Any] = {**figures, **scores}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class EndReport:
    """At the end of a run.

    Attributes:
        model: the trained model, with the weights that are kept.
        settings: the settings of the run.
        corpus: all songs, held-out ones included.
        rounds: all evaluations.
        kept: the evaluation whose weights are kept.
        validation: the score of the model, as it is saved, on the held-out text; None if nothing is held out.
        baseline: the score of an n-gram on the held-out text, to compare with; None if nothing is held out.
        epochs: passes through the training text.
        steps: optimizer updates.
        characters: characters trained on.
        train_seconds: time spent on training and evaluation.
    """

    model: CharLM
    settings: Settings
    corpus: AnyCorpus
    rounds: Sequence[EvalReport]
    kept: EvalReport
    validation: Score | None
    baseline: Score | None
    epochs: float
    steps: int
    characters: int
    train_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures of the run as a JSON object."""
        return {**self._figures(), "verdict": self.verdict}

    def _figures(self) -> dict[str, Any]:
        return {
            "characters": self.corpus.character_count,
            "songs": len(self.corpus),
            "vocab_size": len(self.model.vocabulary),
            "parameters": self.model.parameter_count,
            "epochs": self.epochs,
            "kept_epoch": self.kept.epoch,
            "steps": self.steps,
            "train_seconds": self.train_seconds,
            "characters_per_second": self.characters_per_second,
            "train": self.kept.train.as_dict(),
            "validation": self.validation.as_dict() if self.validation else None,
            "baseline": self.baseline.as_dict() if self.baseline else None,
            "base": self.base.as_dict() if self.base else None,
        }

    @property
    def base(self) -> Score | None:
        """The score on the held-out text of the model that the run started from; None if it started from nothing."""
        return self.rounds[0].validation if self.rounds[0].step == 0 else None

    @property
    def characters_per_second(self) -> float:
        """Characters trained on per second."""
        return self.characters / max(self.train_seconds, 1e-9)

    @property
    def verdict(self) -> Message:
        """Whether the text was enough for the model, in one sentence."""
        return verdict(self._figures(), self.settings.training.base)
