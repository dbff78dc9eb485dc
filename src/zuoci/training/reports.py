"""What a training run tells whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zuoci.model.checkpoint import save
from zuoci.text.fingerprint import Fingerprint
from zuoci.training.card import model_card
from zuoci.training.evaluation import Score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from zuoci.model.language_model import CharLM
    from zuoci.text.corpus import Corpus
    from zuoci.training.recipe import Settings


_FAR = 2.0  # held-out perplexity, in multiples of that on the training text, from which a model knows rather its text


@dataclass(frozen=True, slots=True)
class StepReport:
    """After one optimizer update.

    Attributes:
        step: updates so far.
        steps: updates that the whole run has, if it is not stopped early; 0 while a time budget is not yet
            turned into steps.
        epoch: the epoch of the step, from 1.
        nll: of its minibatch, nats a character.
        characters: characters trained on so far.
        seconds: since the first minibatch, evaluation included.
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
        learning_rate: the highest one from now on.
        reason: what was seen.
    """

    step: int
    learning_rate: float
    reason: str


@dataclass(frozen=True, slots=True)
class EvalReport:
    """After a round: an epoch, or a quarter of a run that time or steps limit to fewer than four epochs.

    Attributes:
        step: updates so far.
        epoch: passes through the training text so far.
        train: over the round's characters while it was trained; where a round is an epoch, the lesson's figure.
        validation: on the held-out text; None if nothing is held out.
        best: these weights are the best so far (without a held-out text, the latest are).
        learning_rate: of the last step.
        characters: characters trained on so far.
        seconds: since the first minibatch.
        model: the model as it is now.
    """

    step: int
    epoch: float
    train: Score
    validation: Score | None
    best: bool
    learning_rate: float
    characters: int
    seconds: float
    model: CharLM

    def as_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
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
    def from_dict(cls, figures: Mapping[str, Any], model: CharLM) -> EvalReport:
        """What `as_dict` gave, as a report again."""
        values: dict[str, Any] = {**figures, "train": Score.from_dict(figures["train"]), "model": model}
        if figures["validation"]:
            values["validation"] = Score.from_dict(figures["validation"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class EndReport:
    """At the end.

    Attributes:
        model: with the weights that were kept.
        settings: what it was trained with.
        corpus: all songs, held-out ones included.
        rounds: all evaluations.
        kept: the evaluation whose weights were kept.
        validation: those weights on the held-out text, in float32; None if nothing is held out.
        baseline: an n-gram on the held-out text, to compare with; None if nothing is held out.
        epochs: passes through the training text.
        steps: optimizer updates.
        characters: characters trained on.
        train_seconds: from the first minibatch to the last evaluation.
    """

    model: CharLM
    settings: Settings
    corpus: Corpus
    rounds: Sequence[EvalReport]
    kept: EvalReport
    validation: Score | None
    baseline: Score | None
    epochs: float
    steps: int
    characters: int
    train_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures of the run, for JSON."""
        return {
            "characters": len(self.corpus.text),
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
            "verdict": self.verdict,
        }

    @property
    def verdict(self) -> str:
        """In plain words, whether the text was enough."""
        if not (self.validation and self.baseline):
            return "nothing was held out, so that nobody knows how well it does on new text"
        size = f"{len(self.corpus.text):,} characters"
        new, known = self.validation.perplexity, self.kept.train.perplexity
        figures = f"held-out perplexity {new:.4g} against {known:.4g} on the training text"
        if new > self.baseline.perplexity:
            words = "too little for this model: counting alone predicts new text better"
        elif new > _FAR * known:
            words = "enough to imitate, too little to generalise"
        else:
            words = "enough to generalise"
        return f"{size}: {words}; {figures}, {self.baseline.perplexity:.4g} by counting alone"

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Saves the model with its settings, its figures, its metrics and a model card, and the corpus's
        fingerprint unless the settings leave it out.

        Returns:
            The folder.

        Raises:
            ModelFolderError: the folder is taken, or cannot be written; it says where the model is kept instead.
        """
        training = self.settings.training
        settings = training.model_dump(mode="json")
        return save(
            self.model,
            folder,
            training=settings,
            report=self.as_dict(),
            metrics=[report.as_dict() for report in self.rounds],
            card=model_card(self.as_dict(), settings),
            fingerprint=Fingerprint.of(self.corpus, join_lines=training.join_lines) if training.fingerprint else None,
            overwrite=overwrite,
            keep=True,
        )

    @property
    def characters_per_second(self) -> float:
        """Characters trained on in a second."""
        return self.characters / max(self.train_seconds, 1e-9)
