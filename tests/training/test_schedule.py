"""Whichever of epochs, steps and seconds comes first ends a run; by a clock that the tests turn."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci.training import job as job_module
from zuoci.training import trainer
from zuoci.training.job import Job
from zuoci.training.schedule import Schedule, decayed, learning_rate
from zuoci.training.snapshot import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Simulation:
    """A run of which only the time passes.

    Attributes:
        schedule: of the run.
        paces: seconds of a step, by its number.
        evaluation: seconds of an evaluation.
        after: seconds from the last evaluation to the end.
        between: seconds that the caller takes after a report.
    """

    def __init__(
        self,
        schedule: Schedule,
        paces: list[float],
        evaluation: float,
        *,
        after: float = 0.0,
        between: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        self.schedule, self.paces, self.evaluation, self.after, self.between = (
            schedule,
            paces,
            evaluation,
            after,
            between,
        )
        self.progress = dataclasses.replace(progress) if progress else Progress()
        self.rates: list[float] = []
        self.evaluated: list[int] = []
        if not progress:
            schedule.plan(self.progress)

    def run(self, most: int) -> None:
        """Runs to the end, or for so many steps."""
        progress, schedule = self.progress, self.schedule
        while not schedule.is_last(progress) and len(self.rates) < most:
            if progress.batch == schedule.epoch_steps:
                progress.batch = 0
            self.rates.append(learning_rate(schedule.config, progress.step, progress))
            progress.count_step(1.0, 1, self.rates[-1])
            pace = self.paces[progress.step % len(self.paces)]
            progress.count_time(pace, pace + self.between)
            schedule.plan(progress, reserve=self.after)
            if schedule.evaluation_due(progress):
                self.evaluated.append(progress.step)
                progress.count_time(self.evaluation, self.evaluation + self.between, of_evaluation=True)
                if not schedule.is_last(progress):
                    schedule.plan(progress, reserve=self.after)
                progress.last_evaluation_step = progress.step

    @property
    def ended(self) -> bool:
        return self.schedule.is_last(self.progress)


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


STEPS = st.lists(st.floats(1e-4, 30.0), min_size=1, max_size=30)


@given(LIMITS, st.integers(1, 60), STEPS, st.floats(0.0, 40.0))
def test_no_limit_is_passed_and_the_rate_only_falls(
    limits: dict[str, Any], epoch_steps: int, paces: list[float], evaluation: float
) -> None:
    config = zuoci.TrainConfig(**limits)
    run = Simulation(Schedule(config, epoch_steps, 100), paces, evaluation)
    run.run(1000)
    caps = [cap for cap in (config.epochs * epoch_steps, config.steps) if cap]
    step, steps = run.progress.step, run.progress.steps
    assert step <= min(caps, default=1000)
    assert steps <= min(caps, default=steps)
    if run.ended:
        assert run.evaluated[-1] == step  # the last weights are always judged
        if not config.seconds:
            assert step == min(caps)
    assert len(set(run.evaluated)) == len(run.evaluated)
    falling = run.rates[config.warmup_steps :]
    assert falling == sorted(falling, reverse=True)
    assert all(0.0 <= rate <= config.learning_rate for rate in run.rates)


@given(LIMITS, st.integers(1, 60), STEPS, st.floats(0.0, 40.0), st.floats(0.0, 5.0), st.floats(0.0, 1.0))
def test_a_time_budget_is_kept_to_a_step_and_an_evaluation(
    limits: dict[str, Any], epoch_steps: int, paces: list[float], evaluation: float, after: float, between: float
) -> None:
    config = zuoci.TrainConfig(**limits)
    run = Simulation(Schedule(config, epoch_steps, 100), paces, evaluation, after=after, between=between)
    run.run(1000)
    if not (config.seconds and run.ended):
        return
    took = run.progress.elapsed + after
    slack = max(paces) + evaluation + 2 * between
    first = paces[1 % len(paces)] + between + evaluation + between + after  # one step is made in any case
    assert took <= max(config.seconds, first) + slack
    caps = [cap for cap in (config.epochs * epoch_steps, config.steps) if cap]
    if run.progress.step < min(
        caps, default=run.progress.step + 1
    ):  # time it was that ended it, and it was made use of
        guess = max(paces) * 100 / config.batch_size / config.seq_len  # of an evaluation, before there was one
        assert took >= config.seconds - slack - guess


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("budget", [20.0, 60.0])
def test_a_noisy_machine_keeps_a_budget_within_two_percent(budget: float, seed: int) -> None:
    """Other programs come and go, for seconds: steps take up to five times as long as alone, evaluations twice."""
    draw = random.Random(seed)
    paces = [0.03 * factor for _ in range(40) for factor in [draw.choice([1.0, 1.2, 2.0, 5.0])] * draw.randrange(5, 80)]
    config = zuoci.TrainConfig(epochs=0, seconds=budget, warmup_steps=50)
    run = Simulation(Schedule(config, 490, 10_000), paces, 0.2, after=0.5)
    run.run(10_000)
    assert run.progress.elapsed + run.after == pytest.approx(budget, rel=0.02)
    assert 3 <= len(run.evaluated) <= 5
    assert decayed(config, run.progress.step, run.progress) > 0.9
    assert run.rates[-1] < 0.15 * config.learning_rate  # near the tenth at which the cosine ends


def test_what_the_caller_does_is_part_of_the_budget() -> None:
    config = zuoci.TrainConfig(epochs=0, seconds=20.0)
    run = Simulation(Schedule(config, 50, 1000), [0.05], 0.2, between=0.05)
    run.run(1000)
    assert run.progress.elapsed == pytest.approx(20.0, abs=0.2)
    assert run.progress.seconds == pytest.approx(10.0, rel=0.1)


def test_no_evaluation_comes_shortly_before_the_last_one() -> None:
    config = zuoci.TrainConfig(epochs=0, seconds=20.0)
    for evaluation in (0.1, 0.5, 1.0):
        run = Simulation(Schedule(config, 1000, 1000), [0.05, 0.06, 0.1, 0.04], evaluation)
        run.run(1000)
        last, before = run.evaluated[-1], run.evaluated[-2]
        assert last - before >= run.progress.step / 8


def test_a_limit_ends_a_run_whose_pace_is_not_known_yet() -> None:
    config = zuoci.TrainConfig(epochs=0, steps=3, seconds=40.0)
    run = Simulation(Schedule(config, 10, 1000), [3.0], evaluation=9.0)  # after 9 seconds, not yet half of the time
    run.run(50)
    assert (run.progress.step, run.evaluated, run.rates) == (3, [3], [config.learning_rate] * 3)


def test_the_rate_stays_where_the_fall_ends() -> None:
    config, plan = zuoci.TrainConfig(learning_rate=1.0), Progress(steps=100)
    assert [learning_rate(config, step, plan) for step in (100, 101, 150, 200)] == pytest.approx([0.1] * 4)


def test_a_new_plan_goes_on_from_the_rate_that_was_reached() -> None:
    config = zuoci.TrainConfig(learning_rate=1.0, final_rate=0.0)
    first = Progress(steps=100)
    half = decayed(config, 50, first)
    second = Progress(steps=70, decay_start=50, decayed=half)
    assert learning_rate(config, 50, second) == learning_rate(config, 50, first) == pytest.approx(0.5)
    assert learning_rate(config, 60, second) == learning_rate(config, 75, first)
    assert learning_rate(config, 70, second) == pytest.approx(0.0)


@given(LIMITS, st.integers(1, 40), st.floats(1e-3, 5.0), st.floats(0.0, 5.0), st.integers(1, 300))
def test_a_resumed_run_has_the_same_plan(
    limits: dict[str, Any], epoch_steps: int, pace: float, evaluation: float, stop: int
) -> None:
    schedule = Schedule(zuoci.TrainConfig(**limits), epoch_steps, 100)
    whole, first = (Simulation(schedule, [pace, 2 * pace], evaluation) for _ in range(2))
    whole.run(600)
    first.run(stop)
    second = Simulation(schedule, [pace, 2 * pace], evaluation, progress=first.progress)
    second.run(600 - len(first.rates))
    assert first.rates + second.rates == whole.rates
    assert first.evaluated + second.evaluated == whole.evaluated
    assert second.progress == whole.progress


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
    assert end.train_seconds == pytest.approx(20.0, abs=0.2)


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


def test_a_jobs_budget_ends_with_the_saved_model(
    corpus: zuoci.Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins when the command does; reading, checkpoints, samples and the model itself are part of it."""
    clock = Clock()
    for name in ("save_run", "save_trained"):
        save = getattr(job_module, name)

        def slow_save(*arguments: Any, save: Callable[..., Any] = save, **named: Any) -> Any:
            clock.now += 0.7
            return save(*arguments, **named)

        monkeypatch.setattr(job_module, name, slow_save)
    clock.now = 3.0  # what the command did before
    with Job(tmp_path / "model", save_every=10.0, device="cpu", clock=clock, since=0.0) as job:
        job.reserve = 0.4
        job.prepare(corpus, zuoci.resolve("lyrics", {**SMALL, "seconds": 60}))
        turned(job.run, clock, 0.1, monkeypatch)
        for _ in job:
            clock.now += 0.02  # to show it
    assert clock.now + job.reserve == pytest.approx(60.0, rel=0.02)


def test_a_run_that_is_stopped_ends_with_what_it_has_learnt(corpus: zuoci.Corpus) -> None:
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, "steps": 1000}), device="cpu")
    run.stop()  # it has learnt nothing yet
    reports: list[Any] = []
    for report in run:
        reports.append(report)
        if isinstance(report, zuoci.StepReport) and report.step == 5:
            run.stop()
    assert reports[-1].steps == reports[-1].rounds[-1].step == 5
