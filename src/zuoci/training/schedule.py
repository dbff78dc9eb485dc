"""How many steps a run has, when it is evaluated, and how fast it learns at each step.

Whichever of `epochs`, `steps` and `seconds` is reached first ends a run. Time is turned into steps once, after a short
measurement; until then only the other two limit the run, and the learning rate does not fall.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.training.recipe import TrainConfig
    from zuoci.training.snapshot import Progress

_FEW_EPOCHS = 4  # a run that time or steps limit to fewer is evaluated so many times, any other after each epoch
_MOST_PACES = 64  # measured times that are kept until a time budget has been converted into steps
_MEASURED = 10  # steps, at least, from which the pace of a run with a time budget is known


@dataclass(frozen=True, slots=True)
class Schedule:
    """The course of a run.

    Attributes:
        config: the settings.
        epoch_steps: steps in an epoch.
        held_out: characters held out.
    """

    config: TrainConfig
    epoch_steps: int
    held_out: int

    @property
    def limit(self) -> int:
        """The most steps that `epochs` and `steps` allow; 0: no limit."""
        limits = [self.config.epochs * self.epoch_steps, self.config.steps]
        return min((limit for limit in limits if limit), default=0)

    def plan(self, progress: Progress, *, pace: float | None = None, evaluation: float | None = None) -> None:
        """Converts a time budget into steps, once, as soon as the pace is known.

        Args:
            progress: `steps`, `began_to_fall`, `paces` and `evaluations` are updated.
            pace: the seconds of the last step, if a step was the last thing done.
            evaluation: the seconds of the last evaluation, if that was.
        """
        if progress.steps or not self.config.seconds:
            return
        if pace is not None:
            progress.paces = [*progress.paces, pace][-_MOST_PACES:]
        if evaluation is not None:
            progress.evaluations = [*progress.evaluations, evaluation][-_MOST_PACES:]
        progress.steps = self.total(progress.step, progress.seconds, progress.paces, progress.evaluations)
        progress.began_to_fall = progress.step if progress.steps else 0

    def total(self, step: int, seconds: float, paces: Sequence[float], evaluations: Sequence[float]) -> int:
        """The steps of the whole run, no more than `limit`; 0: not known yet.

        Args:
            step: steps so far.
            seconds: the time that they and the evaluations took.
            paces: the seconds of single steps.
            evaluations: the seconds of single evaluations.
        """
        budget, limit = self.config.seconds, self.limit
        if not budget:
            return limit
        if not paces:
            return 0
        # The median: the first step is slower than all others, since memory is new and code cold, and so is one beside
        # which another program woke up.
        pace = max(statistics.median(paces), 1e-9)
        # Where none was measured yet: reading costs a third of training.
        evaluation = pace * self.held_out / self.config.batch_size / self.config.seq_len / 3
        evaluation = statistics.median(evaluations) if evaluations else evaluation
        left = budget - seconds
        if limit and self._seconds(limit - step, max(paces), evaluation) <= left / 2:
            return limit  # long before the time is over
        if (step < _MEASURED or seconds < 0.02 * budget) and seconds < budget / 2:
            return 0
        steps = step + left / pace
        if steps < _FEW_EPOCHS * self.epoch_steps:
            steps -= _FEW_EPOCHS * evaluation / pace
        else:
            steps -= left / pace * evaluation / (evaluation + pace * self.epoch_steps)
        steps = max(step, int(steps))
        return min(steps, limit or steps)

    def _seconds(self, steps: int, pace: float, evaluation: float) -> float:
        """The time that some steps take, with their evaluations."""
        return steps * pace + (_FEW_EPOCHS + steps / self.epoch_steps) * evaluation

    def evaluation_due(self, step: int, batch: int, steps: int) -> bool:
        """Whether to evaluate after a step.

        Args:
            step: steps so far.
            batch: of them, those of the current epoch.
            steps: the steps of the whole run; 0: not known yet.
        """
        if self.is_last(step, steps):
            return True
        whole = steps == self.config.epochs * self.epoch_steps
        if steps and not whole and steps < _FEW_EPOCHS * self.epoch_steps:
            return step % -(-steps // _FEW_EPOCHS) == 0
        return batch == self.epoch_steps

    def is_last(self, step: int, steps: int) -> bool:
        """Whether no step may follow."""
        end = steps or self.limit
        return step >= end > 0


def learning_rate(config: TrainConfig, step: int, steps: int, begin: int = 0) -> float:
    """The learning rate of a step, from 0.

    It rises from zero over `warmup_steps`; then it is constant, or falls to `final_rate` of it along half a cosine.

    Args:
        config: the settings.
        step: updates so far.
        steps: updates of the whole run; 0: not known yet, so that it does not fall yet.
        begin: where the cosine begins, if not at the end of the warm-up.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    begin = max(begin, config.warmup_steps)
    if config.schedule == "constant" or step < begin or not steps:
        return rate
    high = (1.0 + math.cos(math.pi * min(1.0, (step - begin) / max(1, steps - begin)))) / 2
    return rate * (config.final_rate + (1.0 - config.final_rate) * high)
