"""Whichever of epochs, steps and seconds comes first ends a run; by a clock that the tests turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci.training import trainer
from zuoci.training.schedule import Schedule, learning_rate


@dataclass
class Simulation:
    """A run of which only the time passes.

    Attributes:
        schedule: of the run.
        pace: seconds of a step, by its number.
        evaluation: seconds of an evaluation.
    """

    schedule: Schedule
    paces: list[float]
    evaluation: float
    step: int = 0
    steps: int = 0
    began: int = 0
    batch: int = 0
    seconds: float = 0.0
    measured: tuple[float, ...] = ()
    evaluations: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self.rates: list[float] = []
        self.evaluated: list[int] = []
        self.plans: list[tuple[int, int]] = []
        if not self.schedule.config.seconds:
            self.steps = self.schedule.limit

    def run(self, most: int) -> None:
        """Runs to the end, or for so many steps."""
        while not self.schedule.is_last(self.step, self.steps) and len(self.rates) < most:
            if self.batch == self.schedule.epoch_steps:
                self.batch = 0
            self.rates.append(learning_rate(self.schedule.config, self.step, self.steps, self.began))
            pace = self.paces[self.step % len(self.paces)]
            self.step, self.batch, self.seconds = self.step + 1, self.batch + 1, self.seconds + pace
            self.measured = (*self.measured, pace)[-64:]
            self.plan()
            if self.schedule.evaluation_due(self.step, self.batch, self.steps):
                self.evaluated.append(self.step)
                self.seconds += self.evaluation
                self.evaluations = (*self.evaluations, self.evaluation)[-64:]
                self.plan()

    def plan(self) -> None:
        if not self.steps:
            self.steps = self.schedule.total_steps(self.step, self.seconds, self.measured, self.evaluations)
            self.began = self.step if self.steps else 0
            if self.steps:
                self.plans.append((self.step, self.steps))


LIMITS = st.fixed_dictionaries(
    {
        "epochs": st.sampled_from([0, 1, 2, 3, 4, 5, 40]),
        "steps": st.sampled_from([0, 1, 2, 3, 9, 10, 11, 60, 500]),
        "seconds": st.sampled_from([0.0, 0.001, 0.5, 3.0, 20.0, 600.0, 1e6]),
        "warmup_steps": st.sampled_from([0, 1, 5, 50, 10**12]),
        "schedule": st.sampled_from(["cosine", "constant"]),
        "final_rate": st.sampled_from([0.0, 0.1, 1.0]),
    }
).filter(lambda limits: limits["epochs"] or limits["steps"] or limits["seconds"])


@given(
    LIMITS,
    st.integers(1, 60),
    st.lists(st.floats(1e-4, 30.0), min_size=1, max_size=30),
    st.floats(0.0, 40.0),
)
def test_no_limit_is_passed_and_the_rate_only_falls(
    limits: dict[str, Any], epoch_steps: int, paces: list[float], evaluation: float
) -> None:
    config = zuoci.TrainConfig(**limits)
    run = Simulation(Schedule(config, epoch_steps, 100), paces, evaluation)
    run.run(3000)
    caps = [cap for cap in (config.epochs * epoch_steps, config.steps) if cap]
    assert run.step <= min(caps, default=3000)
    assert len(run.plans) <= 1
    if run.steps:
        assert run.steps <= min(caps, default=run.steps)
    if run.schedule.is_last(run.step, run.steps):
        assert run.evaluated[-1] == run.step  # the last weights are always judged
        if not config.seconds or not run.plans:
            assert run.step == min(caps)
    assert len(set(run.evaluated)) == len(run.evaluated)
    begin = max(run.began, config.warmup_steps)
    assert run.rates[begin:] == sorted(run.rates[begin:], reverse=True)
    assert all(0.0 <= rate <= config.learning_rate for rate in run.rates)
    if config.warmup_steps == 0:  # at full rate until the plan, and from there down, never up again
        assert run.rates[:begin] == [config.learning_rate] * len(run.rates[:begin])


@given(LIMITS, st.integers(1, 60), st.floats(1e-3, 5.0), st.floats(0.0, 2.0))
def test_a_time_budget_is_kept_at_a_steady_pace(
    limits: dict[str, Any], epoch_steps: int, pace: float, share: float
) -> None:
    config = zuoci.TrainConfig(**limits)
    evaluation = share * pace * 100 / config.batch_size / config.seq_len / 3  # near what is assumed before it is known
    run = Simulation(Schedule(config, epoch_steps, 100), [pace], evaluation)
    run.run(3000)
    if config.seconds and run.schedule.is_last(run.step, run.steps):
        assert run.seconds <= config.seconds + pace + 5 * evaluation + 0.1 * config.seconds
        caps = [cap for cap in (config.epochs * epoch_steps, config.steps) if cap]
        if run.step < min(caps, default=3000):  # time it was that ended it, and it was made use of
            assert run.seconds >= 0.4 * config.seconds - pace - 5 * evaluation


def test_a_limit_ends_a_run_whose_pace_is_not_known_yet() -> None:
    config = zuoci.TrainConfig(epochs=0, steps=3, seconds=20.0)
    run = Simulation(Schedule(config, 10, 100_000), [3.0], evaluation=9.0)  # after 9 seconds, not yet half of the time
    run.run(50)
    assert (run.step, run.evaluated, run.rates) == (3, [3], [config.learning_rate] * 3)


def test_the_rate_stays_where_the_fall_ends() -> None:
    config = zuoci.TrainConfig(learning_rate=1.0)
    assert [learning_rate(config, step, 100) for step in (100, 101, 150, 200)] == pytest.approx([0.1] * 4)


@given(LIMITS, st.integers(1, 40), st.floats(1e-3, 5.0), st.floats(0.0, 5.0), st.integers(1, 300))
def test_a_resumed_run_has_the_same_plan(
    limits: dict[str, Any], epoch_steps: int, pace: float, evaluation: float, stop: int
) -> None:
    schedule = Schedule(zuoci.TrainConfig(**limits), epoch_steps, 100)
    whole, first = (Simulation(schedule, [pace, 2 * pace], evaluation) for _ in range(2))
    whole.run(600)
    first.run(stop)
    kept = ("step", "steps", "began", "batch", "seconds", "measured", "evaluations")
    state = {name: getattr(first, name) for name in kept}
    second = Simulation(schedule, [pace, 2 * pace], evaluation, **state)
    second.run(600 - len(first.rates))
    assert first.rates + second.rates == whole.rates
    assert first.evaluated + second.evaluated == whole.evaluated
    assert first.plans + second.plans == whole.plans


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turned(run: zuoci.Run, clock: Clock, pace: float, monkeypatch: pytest.MonkeyPatch) -> zuoci.Run:
    """The run, of which each step takes so long, and each evaluation twice as long."""
    compute, evaluate = run.gradients.compute, trainer.evaluate

    def slow_step(*arguments: Any) -> Any:
        clock.now += pace
        return compute(*arguments)

    def slow_evaluation(*arguments: Any, **named: Any) -> Any:
        clock.now += 2 * pace
        return evaluate(*arguments, **named)

    monkeypatch.setattr(run.gradients, "compute", slow_step)
    monkeypatch.setattr(trainer, "evaluate", slow_evaluation)
    return run


SMALL: dict[str, Any] = {"hidden_size": 4, "embedding_size": 4, "batch_size": 4, "seq_len": 8, "patience": 0}


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        ({"seconds": 600, "epochs": 1}, 8),
        ({"seconds": 100, "steps": 3}, 3),
        ({"seconds": 100, "steps": 20, "epochs": 2}, 16),
        ({"seconds": 0.01, "steps": 500}, 1),
        ({"steps": 11, "epochs": 3}, 11),
    ],
)
def test_the_first_limit_ends_a_run(
    corpus: zuoci.Corpus, limits: dict[str, Any], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, **limits}), device="cpu", clock=clock)
    reports = list(turned(run, clock, 0.1, monkeypatch))
    end = reports[-1]
    assert isinstance(end, zuoci.EndReport)
    assert end.steps == steps
    assert end.rounds[-1].step == end.steps
    rates = [report.learning_rate for report in end.rounds]
    assert rates == sorted(rates, reverse=True)


def test_time_comes_first(corpus: zuoci.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, "seconds": 20, "steps": 500}), device="cpu", clock=clock)
    *_, end = turned(run, clock, 0.1, monkeypatch)
    assert isinstance(end, zuoci.EndReport)
    assert 16.0 <= end.train_seconds <= 20.5


def test_time_between_two_reports_is_not_training(corpus: zuoci.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, "epochs": 2}), device="cpu", clock=clock)
    seconds: list[float] = []
    for report in turned(run, clock, 0.5, monkeypatch):
        clock.now += 100.0  # samples, and saves
        if isinstance(report, zuoci.StepReport):
            seconds.append(report.seconds)
        if isinstance(report, zuoci.EndReport):
            assert report.train_seconds == pytest.approx(16 * 0.5 + 2 * 1.0)
            assert report.characters_per_second == pytest.approx(512 / 10.0)
    assert seconds[:3] == pytest.approx([0.5, 1.0, 1.5])


def test_samples_and_saves_use_nothing_up_of_a_time_budget(corpus: zuoci.Corpus) -> None:
    ends: list[int] = []
    for away in (0.0, 50.0):
        with pytest.MonkeyPatch.context() as patch:
            clock = Clock()
            run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, "seconds": 5.0}), device="cpu", clock=clock)
            for report in turned(run, clock, 0.1, patch):
                clock.now += away
                if isinstance(report, zuoci.EndReport):
                    ends.append(report.steps)
    assert ends[0] == ends[1] > 20


def test_a_run_that_is_stopped_ends_with_what_it_has_learnt(corpus: zuoci.Corpus) -> None:
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, "steps": 1000}), device="cpu")
    run.stop()  # it has learnt nothing yet
    reports: list[Any] = []
    for report in run:
        reports.append(report)
        if isinstance(report, zuoci.StepReport) and report.step == 5:
            run.stop()
    assert reports[-1].steps == reports[-1].rounds[-1].step == 5
