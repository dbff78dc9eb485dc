"""How many steps a run has, when it is evaluated, and the learning rate of each step. `trainer` asks.

A run ends when the first of `epochs`, `steps` and `seconds` is reached. A time budget is converted into steps once,
after a short measurement. Until then only the other two limit the run, and the learning rate does not decay.
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

_FEW_EPOCHS = 4  # a run that time or steps limit to fewer epochs is evaluated this many times in all
_MOST_PACES = 64  # measured times that are kept until a time budget has been converted into steps
_MEASURED = 10  # minimum number of steps after which the pace counts as measured


@dataclass(frozen=True, slots=True)
class Schedule:
    """The plan of a run.

    Attributes:
        config: the settings.
        epoch_steps: steps per epoch.
        held_out: the number of held-out characters.
    """

    config: TrainConfig
    epoch_steps: int
    held_out: int

    @property
    def limit(self) -> int:
        """The maximum number of steps by `epochs` and `steps`; 0: no limit."""
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
        """The number of steps in the whole run, at most `limit`; 0: not known yet.

        Args:
            step: steps so far.
            seconds: the time that these steps and the evaluations took.
            paces: the seconds of single steps.
            evaluations: the seconds of single evaluations.
        """
        budget, limit = self.config.seconds, self.limit
        if not budget:
            return limit
        if not paces:
            return 0
        # The median, because the first step is slower than all others (memory is allocated, code is loaded), and so
        # is any step during which another program runs.
        pace = max(statistics.median(paces), 1e-9)
        # Before the first evaluation: a forward pass costs a third of a step.
        evaluation = pace * self.held_out / self.config.batch_size / self.config.seq_len / 3
        evaluation = statistics.median(evaluations) if evaluations else evaluation
        left = budget - seconds
        if limit and self._seconds(limit - step, max(paces), evaluation) <= left / 2:
            return limit  # the run ends long before the time is over
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
        """An upper estimate of the time that some steps take, with their evaluations."""
        return steps * pace + (_FEW_EPOCHS + steps / self.epoch_steps) * evaluation

    def evaluation_due(self, step: int, batch: int, steps: int) -> bool:
        """Whether to evaluate after a step.

        Args:
            step: steps so far.
            batch: steps in the current epoch so far.
            steps: steps in the whole run; 0: not known yet.
        """
        if self.is_last(step, steps):
            return True
        whole = steps == self.config.epochs * self.epoch_steps
        if steps and not whole and steps < _FEW_EPOCHS * self.epoch_steps:
            return step % -(-steps // _FEW_EPOCHS) == 0
        return batch == self.epoch_steps

    def is_last(self, step: int, steps: int) -> bool:
        """Whether this was the last step of the run; the arguments are those of `evaluation_due`."""
        end = steps or self.limit
        return step >= end > 0


def learning_rate(config: TrainConfig, step: int, steps: int, begin: int = 0) -> float:
    """The learning rate of a step: a linear warm-up, then a constant rate or a cosine decay.

        rate(s) = α · min(1, (s + 1) / w) · (f + (1 − f) · (1 + cos(π · (s − b) / (S − b))) / 2)

    with the peak α (`learning_rate`), w warm-up steps, and the final fraction f (`final_rate`); S is `steps` and b the
    larger of `begin` and w. The last factor is 1 before step b, if S is not known, and for the constant schedule.

    Args:
        config: the settings.
        step: s, the number of updates so far.
        steps: S, the updates in the whole run; 0: not known yet.
        begin: the step at which the decay begins, if that is after the warm-up.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    begin = max(begin, config.warmup_steps)
    if config.schedule == "constant" or step < begin or not steps:
        return rate
    high = (1.0 + math.cos(math.pi * min(1.0, (step - begin) / max(1, steps - begin)))) / 2
    return rate * (config.final_rate + (1.0 - config.final_rate) * high)
