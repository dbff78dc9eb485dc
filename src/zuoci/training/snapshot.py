"""What a training run consists of between two steps, captured and restored.

`Progress` holds the counters and figures. Everything else is tensors, and belongs to the parts of a run that have
state: the model, the optimizer, the carried recurrent state, the dropout generators and the order of minibatches.
Each part is `Stateful`: it hands out its tensors by name and takes them back. A `Snapshot` is the progress together
with the tensors of all parts. `trainer` takes and restores snapshots; `resume` writes them to disk and reads them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from zuoci.training.reports import EvalReport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


_MOST_TIMINGS = 16  # seconds of evaluations to keep


class Stateful(Protocol):
    """A part of a run that captures and restores itself, as `torch.nn.Module` does."""

    def state_dict(self) -> dict[str, Any]:
        """The tensors of this part by name. They may share memory with the part."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> object:
        """Copies the tensors that `state_dict` returned back into this part."""
        ...


@dataclass
class Progress:
    """The counters and figures of a run. Its lists are replaced and never changed in place: snapshots share them.

    Attributes:
        steps: updates in the whole run; 0 while a time budget has not become a number of steps.
        decay_start: the step after which the plan was made.
        decayed: how much of the decay of the learning rate was done then, from 0 to 1.
        step: updates so far.
        epoch: the current epoch, from 1.
        batch: minibatches of the current epoch so far.
        characters: characters trained on so far.
        round_nll: negative log-likelihood in nats, summed over the characters since the last evaluation.
        round_characters: the number of those characters.
        last_evaluation_step: the step after which the last evaluation took place; 0: there was none.
        rounds: the evaluations so far.
        rate_scale: factor on the learning rate; each rollback halves it.
        rollbacks: how often the run went back to an earlier state.
        seconds: time spent on training and evaluation, without what the caller does between two reports.
        elapsed: seconds of the time budget that have passed, with what the caller does between two reports.
        began: `elapsed` after the first step.
        evaluated_at: `elapsed` after the latest evaluation.
        last_rate: the learning rate of the last step.
        evaluation_seconds: the seconds of the latest evaluations.
    """

    steps: int = 0
    decay_start: int = 0
    decayed: float = 0.0
    step: int = 0
    epoch: int = 1
    batch: int = 0
    characters: int = 0
    round_nll: float = 0.0
    round_characters: int = 0
    last_evaluation_step: int = 0
    rounds: list[EvalReport] = field(default_factory=list[EvalReport])
    rate_scale: float = 1.0
    rollbacks: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    began: float = 0.0
    evaluated_at: float = 0.0
    last_rate: float = 0.0
    evaluation_seconds: list[float] = field(default_factory=list[float])

    def count_step(self, nll: float, characters: int, rate: float) -> None:
        """Counts an update.

        Args:
            nll: mean negative log-likelihood of the minibatch, nats per character.
            characters: predicted characters in the minibatch.
            rate: the learning rate of the step.
        """
        self.step += 1
        self.batch += 1
        self.characters += characters
        self.round_nll += nll * characters
        self.round_characters += characters
        self.last_rate = rate

    def count_time(self, seconds: float, elapsed: float, *, of_evaluation: bool = False) -> None:
        """Counts the time since the last report.

        Args:
            seconds: what the step or the evaluation took.
            elapsed: the same, with what the caller did before.
            of_evaluation: whether it was an evaluation.
        """
        self.seconds += seconds
        self.elapsed += elapsed
        if of_evaluation:
            self.evaluated_at = self.elapsed
            self.evaluation_seconds = [*self.evaluation_seconds, seconds][-_MOST_TIMINGS:]
        elif self.step == 1:
            self.began = self.elapsed

    def finish_round(self, report: EvalReport) -> None:
        """Records an evaluation and starts the next round."""
        self.round_nll, self.round_characters, self.last_evaluation_step = 0.0, 0, self.step
        self.rounds = [*self.rounds, report]  # a new list: snapshots share the old one

    @property
    def best_round(self) -> EvalReport | None:
        """The best evaluation so far; without a held-out text, the latest."""
        return next((report for report in reversed(self.rounds) if report.best), None)

    @property
    def rounds_since_best(self) -> int:
        """The number of evaluations after the best one."""
        return next((k for k, report in enumerate(reversed(self.rounds)) if report.best), 0)

    def rolled_back_to(self, good: Progress) -> Progress:
        """The progress of an earlier state, with everything that a rollback keeps: plan, time and rollbacks."""
        kept = {name: getattr(self, name) for name in _KEPT_BY_ROLLBACKS}
        return dataclasses.replace(good, **kept)


_PLAN = ("steps", "decay_start", "decayed")
_TIME = ("seconds", "elapsed", "began", "evaluated_at", "evaluation_seconds")
_KEPT_BY_ROLLBACKS = (*_PLAN, *_TIME, "rollbacks", "rate_scale")


@dataclass(frozen=True)
class Snapshot:
    """The state of a run between two steps.

    Attributes:
        progress: the counters and figures.
        tensors: the tensors of all parts, by `part.name`.
    """

    progress: Progress
    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, progress: Progress, parts: Mapping[str, Stateful]) -> Snapshot:
        """Copies the state of a run.

        Args:
            progress: the progress of the run.
            parts: the parts of the run by name.
        """
        tensors = {
            f"{name}.{key}": value.clone() for name, part in parts.items() for key, value in part.state_dict().items()
        }
        return cls(dataclasses.replace(progress), tensors)

    def restore(self, parts: Mapping[str, Stateful]) -> Progress:
        """Copies the tensors back into the parts, and returns a copy of the progress."""
        for name, part in parts.items():
            part.load_state_dict(select(self.tensors, f"{name}."))
        return dataclasses.replace(self.progress)


def select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
