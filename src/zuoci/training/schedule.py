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

# A run is evaluated after each epoch. If time or steps limit it to fewer epochs than this, it is evaluated this often,
# at equal distances, instead: there are a few states to choose from, even if no epoch is ever completed.
_MIN_EVALUATIONS = 4
_MOST_TIMINGS = 64  # measured times to keep: enough for a median, few enough to be stored with the run
# A time budget is converted into steps after this many steps and this share of the budget: a shorter measurement says
# little about the pace, and during a longer one the learning rate, which cannot decay yet, would stay high for long.
_MEASURED_STEPS, _MEASURED_SHARE = 10, 0.02


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

    def plan(
        self, progress: Progress, *, step_seconds: float | None = None, evaluation_seconds: float | None = None
    ) -> None:
        """Converts a time budget into steps, once, as soon as the pace is known.

        Args:
            progress: `steps`, `decay_start`, `step_seconds` and `evaluation_seconds` are updated.
            step_seconds: the seconds of the last step, if a step was the last thing done.
            evaluation_seconds: the seconds of the last evaluation, if that was.
        """
        if progress.steps or not self.config.seconds:
            return
        if step_seconds is not None:
            progress.step_seconds = [*progress.step_seconds, step_seconds][-_MOST_TIMINGS:]
        if evaluation_seconds is not None:
            progress.evaluation_seconds = [*progress.evaluation_seconds, evaluation_seconds][-_MOST_TIMINGS:]
        progress.steps = self.total_steps(
            progress.step, progress.seconds, progress.step_seconds, progress.evaluation_seconds
        )
        progress.decay_start = progress.step if progress.steps else 0

    def total_steps(
        self, step: int, seconds: float, step_seconds: Sequence[float], evaluation_seconds: Sequence[float]
    ) -> int:
        """The number of steps in the whole run, at most `limit`; 0: not known yet.

        Args:
            step: steps so far.
            seconds: the time that these steps and the evaluations took.
            step_seconds: the seconds of single steps.
            evaluation_seconds: the seconds of single evaluations.
        """
        budget, limit = self.config.seconds, self.limit
        if not budget:
            return limit
        if not step_seconds:
            return 0
        # The median, because the first step is slower than all others (memory is allocated, code is loaded), and so
        # is any step during which another program runs.
        pace = max(statistics.median(step_seconds), 1e-9)
        evaluation = statistics.median(evaluation_seconds) if evaluation_seconds else self._guessed_evaluation(pace)
        left = budget - seconds
        # Half of the time is a margin: a run may become slower, and a plan by `limit` is not converted again.
        if limit and self._most_seconds(limit - step, max(step_seconds), evaluation) <= left / 2:
            return limit
        # At half of the budget the pace is taken as it is: steps may be so slow that the time is over before ten.
        is_measured = step >= _MEASURED_STEPS and seconds >= _MEASURED_SHARE * budget
        if not is_measured and seconds < budget / 2:
            return 0
        steps = step + left / pace
        if steps < _MIN_EVALUATIONS * self.epoch_steps:
            steps -= _MIN_EVALUATIONS * evaluation / pace
        else:  # one evaluation an epoch: its share of the time that is left is the same as its share of an epoch
            steps -= left / pace * evaluation / (evaluation + pace * self.epoch_steps)
        steps = max(step, int(steps))
        return min(steps, limit or steps)

    def _guessed_evaluation(self, pace: float) -> float:
        """The seconds of an evaluation that has not taken place yet, by the seconds of a step.

        An evaluation only needs the forward pass, and the backward pass of a step takes about twice as long as that:
        hence a third of a step for as many held-out characters as a minibatch has.
        """
        return pace * self.held_out / self.config.batch_size / self.config.seq_len / 3

    def _most_seconds(self, steps: int, pace: float, evaluation: float) -> float:
        """An upper estimate of the time that some steps take, with their evaluations."""
        return steps * pace + (_MIN_EVALUATIONS + steps / self.epoch_steps) * evaluation

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
        if steps and not whole and steps < _MIN_EVALUATIONS * self.epoch_steps:
            return step % -(-steps // _MIN_EVALUATIONS) == 0
        return batch == self.epoch_steps

    def is_last(self, step: int, steps: int) -> bool:
        """Whether this was the last step of the run; the arguments are those of `evaluation_due`."""
        end = steps or self.limit
        return step >= end > 0


def learning_rate(config: TrainConfig, step: int, steps: int, decay_start: int = 0) -> float:
    """The learning rate of a step: a linear warm-up, then a constant rate or a cosine decay.

        rate(s) = α · min(1, (s + 1) / w) · (f + (1 − f) · (1 + cos(π · (s − d) / (S − d))) / 2)

    with the peak α (`learning_rate`), w warm-up steps, and the final fraction f (`final_rate`); S is `steps` and d the
    larger of `decay_start` and w. The last factor is 1 before step d, if S is not known, and for the constant schedule.

    Args:
        config: the settings.
        step: s, the number of updates so far.
        steps: S, the updates in the whole run; 0: not known yet.
        decay_start: the step at which the decay starts, if that is after the warm-up.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    decay_start = max(decay_start, config.warmup_steps)
    if config.schedule == "constant" or step < decay_start or not steps:
        return rate
    high = (1.0 + math.cos(math.pi * min(1.0, (step - decay_start) / max(1, steps - decay_start)))) / 2
    return rate * (config.final_rate + (1.0 - config.final_rate) * high)
