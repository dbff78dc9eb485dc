"""How many steps a run has, when it is evaluated, and the learning rate of each step. `trainer` asks.

A run ends when the first of `epochs`, `steps` and `seconds` is reached. A time budget becomes a number of steps after
a short measurement, and after each step anew: other programs come and go. Until then only the other two limit the run,
and the learning rate does not decay. A plan depends on nothing but the progress of the run, which is saved with it.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zuoci.training.recipe import TrainConfig
    from zuoci.training.snapshot import Progress

# A run is evaluated after each epoch. If time or steps limit it to fewer epochs than this, it is evaluated this often,
# at equal distances, instead: there are a few states to choose from, even if no epoch is ever completed.
_MIN_EVALUATIONS = 4
_LATEST = 0.7  # the least part of such a distance between an evaluation and the end of a time budget
# A time budget becomes steps after this many steps and this share of the budget: a shorter measurement says little
# about the pace, and during a longer one the learning rate, which cannot decay yet, would stay high for long.
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

    def plan(self, progress: Progress, *, evaluations: float = 1.0, reserve: float = 0.0) -> None:
        """Plans the number of steps, and how the learning rate goes on to decay until the last of them.

        Called before the first step, after each step, and after an evaluation that was not the last.

        Args:
            progress: its plan is updated.
            evaluations: how many evaluations the end of the run takes: the last, and the score of the finished model.
            reserve: seconds of a time budget that are needed after that.
        """
        steps = self.limit if not self.config.seconds else self._affordable(progress, evaluations, reserve)
        if not steps or steps == progress.steps:
            return
        if self.config.seconds:
            progress.decayed = decayed(self.config, progress.step, progress)
            progress.decay_start = progress.step
        progress.steps = steps

    def _affordable(self, progress: Progress, evaluations: float, reserve: float) -> int:
        """The number of steps in the whole run for which there is time, at most `limit`; 0: not known yet."""
        step, budget = progress.step, self.config.seconds
        if not step:
            return 0
        # All that takes time counts: steps, evaluations, and what the caller does between two reports. The first step
        # does not, which is slower than all others: memory is allocated, code is loaded.
        pace = max((progress.elapsed - progress.began) / (step - 1) if step > 1 else progress.seconds, 1e-9)
        left = budget - progress.elapsed - evaluations * self._evaluation(progress, pace) - reserve
        if left <= 0.0:
            return step
        # At half of the budget the pace is taken as it is: steps may be so slow that the time is over before ten.
        is_measured = step >= _MEASURED_STEPS and progress.seconds >= _MEASURED_SHARE * budget
        if not (progress.steps or is_measured or progress.elapsed >= budget / 2):
            return 0
        steps = step + round(left / pace)
        return min(steps, self.limit or steps)

    def _evaluation(self, progress: Progress, pace: float) -> float:
        """The seconds of an evaluation, by those that there were, or else by the seconds of a step.

        An evaluation only needs the forward pass, and the backward pass of a step takes about twice as long as that:
        hence a third of a step for as many held-out characters as a minibatch has.
        """
        if progress.evaluation_seconds:
            return statistics.mean(progress.evaluation_seconds)
        return pace * self.held_out / self.config.batch_size / self.config.seq_len / 3

    def evaluation_due(self, progress: Progress) -> bool:
        """Whether to evaluate now, after a step.

        With a time budget, an evaluation that would come shortly before the last one is left out.
        """
        if self.is_last(progress):
            return True
        config, step, steps = self.config, progress.step, progress.steps
        whole = not steps or steps == config.epochs * self.epoch_steps or steps >= _MIN_EVALUATIONS * self.epoch_steps
        if not config.seconds:
            return progress.batch == self.epoch_steps if whole else step % -(-steps // _MIN_EVALUATIONS) == 0
        if whole:
            return progress.batch == self.epoch_steps and (not steps or 2 * (steps - step) >= self.epoch_steps)
        quarter, left = (config.seconds - progress.began) / _MIN_EVALUATIONS, config.seconds - progress.elapsed
        since = progress.elapsed - max(progress.evaluated_at, progress.began)
        return since >= quarter and left >= _LATEST * quarter

    def is_last(self, progress: Progress) -> bool:
        """Whether the last step of the run is done."""
        end = progress.steps or self.limit
        return progress.step >= end > 0


def decayed(config: TrainConfig, step: int, plan: Progress) -> float:
    """How much of the decay of the learning rate is done before a step, from 0 to 1.

        φ(s) = φ_d + (1 − φ_d) · (s − d) / (S − d),  from the step d on at which the plan was made

    Args:
        config: the settings.
        step: s, the number of updates so far.
        plan: `steps` S, `decay_start` d and `decayed` φ_d. The decay does not begin before the end of the warm-up.
    """
    start = max(plan.decay_start, config.warmup_steps)
    if step < start or not plan.steps:
        return plan.decayed
    return plan.decayed + (1.0 - plan.decayed) * min(1.0, (step - start) / max(1, plan.steps - start))


def learning_rate(config: TrainConfig, step: int, plan: Progress) -> float:
    """The learning rate of a step: a linear warm-up, then a constant rate or a cosine decay.

        rate(s) = α · min(1, (s + 1) / w) · (f + (1 − f) · (1 + cos(π · φ(s))) / 2)

    with the peak α (`learning_rate`), w warm-up steps, the final fraction f (`final_rate`) and φ of `decayed`. The last
    factor is 1 while φ is 0, and for the constant schedule.

    Args:
        config: the settings.
        step: s, the number of updates so far.
        plan: the progress of the run, of which the plan is used.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    done = decayed(config, step, plan)
    if config.schedule == "constant" or not done:
        return rate
    return rate * (config.final_rate + (1.0 - config.final_rate) * (1.0 + math.cos(math.pi * done)) / 2)
