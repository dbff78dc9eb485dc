"""What a run takes from the machine: by steps that are timed, on a clock that the tests turn."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch

import zuoci
from zuoci.model.products import has_onednn
from zuoci.training import machine, pace
from zuoci.training.auto import choose
from zuoci.training.distributed import Ranks
from zuoci.training.machine import describe, settings_for
from zuoci.training.pace import Pace, Shape, Way, fewest_threads, measure, race, ways_of

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
LARGE: dict[str, Any] = {
    "hidden_size": 160,
    "embedding_size": 16,
    "batch_size": 4,
    "seq_len": 8,
}  # 65,536 weights and more


def never(*_: object) -> Any:
    pytest.fail("measured")


def of(settings: dict[str, Any]) -> tuple[zuoci.ModelConfig, zuoci.TrainConfig]:
    resolved = zuoci.resolve("lyrics", settings)
    return resolved.model, resolved.training


class Machine:
    """A machine on which steps take as long as the test says; now and then another program takes much more."""

    def __init__(self, busy: float = 0.0) -> None:
        self.now, self.lengths, self._busy, self._draw = 0.0, list[int](), busy, random.Random(0)

    def step(self, a_character: float, before: float = 0.0) -> Callable[[int], object]:
        def run(length: int) -> None:
            other = self._draw.expovariate(1.0) if self._draw.random() < self._busy else 0.0
            self.lengths.append(length)
            self.now += before + a_character * length * (1.0 + 9.0 * other)

        return run

    def clock(self) -> float:
        return self.now


def test_the_least_time_counts_also_beside_other_programs() -> None:
    for busy in (0.0, 0.3):
        there = Machine(busy)
        costs = race([there.step(each) for each in (1.1e-4, 1e-4, 1.2e-4)], 32, 0.5, there.clock, there.clock)
        assert [min(each) for each in costs] == pytest.approx([1.1e-4, 1e-4, 1.2e-4])


def test_what_is_far_behind_is_not_tried_for_long_and_the_time_is_kept() -> None:
    there = Machine()
    costs = race([there.step(1e-4), there.step(1e-2)], 32, 0.3, there.clock, there.clock)
    assert len(costs[0]) >= 3
    assert costs[1] == pytest.approx([1e-2])
    assert there.now <= 0.3 + 32 * 1e-4


def test_on_a_slow_machine_sequences_are_cut_short() -> None:
    there = Machine()
    race([there.step(2e-3), there.step(3e-3)], 32, 0.3, there.clock, there.clock)
    assert max(there.lengths) < 32
    assert there.now < 0.6


def test_what_a_step_costs_once_is_seen_in_a_whole_sequence() -> None:
    """To round the weights takes long in a short sequence, and pays in a long one."""
    there = Machine()
    costs = race([there.step(1e-4), there.step(5e-5, before=5e-4)], 32, 0.5, there.clock, there.clock)
    assert min(costs[1]) < min(costs[0])


def test_fewer_threads_have_to_be_faster_every_time() -> None:
    two, one = Way("float32", "torch", 2), Way("float32", "torch", 1)
    assert fewest_threads({two: [1.0, 3.0], one: [0.8, 0.8]}, 1.2) == one
    assert fewest_threads({two: [1.0, 3.0], one: [0.5, 1.2]}, 1.2) == two  # who knows
    assert fewest_threads({two: [1.0], one: [0.95]}, 1.2) == two
    assert fewest_threads({two: [1.0, 3.0], one: [0.8, 0.8]}, 0.5) == two  # other programs had the cores


def test_only_what_the_settings_leave_open_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "core_count", lambda: 8)
    monkeypatch.setattr(pace, "has_onednn", lambda: True)
    monkeypatch.setattr(pace, "has_bfloat16", lambda: True)
    shape = Shape(zuoci.ModelConfig(), 10, batch_size=4, seq_len=8)
    assert len(ways_of(shape)) == 4
    assert {way.threads for way in ways_of(shape)} == {4}
    assert ways_of(shape, "bfloat16", "torch", 3) == [Way("bfloat16", "torch", 3)]
    monkeypatch.setattr(pace, "has_bfloat16", lambda: False)
    monkeypatch.setattr(pace, "has_onednn", lambda: False)
    assert ways_of(shape) == [Way("float32", "torch", 4)]


def test_each_way_is_a_real_step_and_a_shape_is_measured_once() -> None:
    shape = Shape(zuoci.ModelConfig(hidden_size=8), 10, batch_size=2, seq_len=4)
    found = measure(shape)
    assert {found.way, *found.others} >= set(ways_of(shape))
    assert found.speed > 0.0
    assert measure(shape) is found


def test_the_fastest_way_goes_into_the_settings(corpus: zuoci.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    best, other = Way("float32", "torch", 2), Way("bfloat16", "torch", 2)
    found = Pace(best, 1234.5, {other: 0.75, best._replace(threads=1): 0.5})
    monkeypatch.setattr(machine, "measure", lambda *_: found)  # pyright: ignore
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", LARGE), device="cpu")
    assert run.pace is found
    assert (run.config.precision, run.config.products, run.config.threads) == best
    assert run.settings.training == run.config
    assert run.gradients.replicas[1].products == "torch"
    assert describe(run.settings, found) == (
        "measured here: --precision float32 --products torch --threads 2: 1,234 characters/s "
        "(bfloat16 75%; 1 thread 50% of that)"
    )


def test_nothing_is_measured_that_is_named_or_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "measure", never)
    named = {"precision": "bfloat16", "products": "torch", "threads": 2}
    config, found = settings_for(*of({**LARGE, **named}), 60, CPU, Ranks())
    assert found is None
    assert {name: getattr(config, name) for name in named} == named
    config, found = settings_for(*of({"hidden_size": 8, "threads": 2}), 60, CPU, Ranks())
    assert found is None
    assert (config.precision, config.products, config.threads) == ("float32", "torch", 2)


@pytest.mark.skipif(has_onednn(), reason="this torch has oneDNN")
def test_a_library_that_is_missing() -> None:
    with pytest.raises(zuoci.SettingsError, match="need a CPU and a torch that has oneDNN"):
        settings_for(*of({"products": "onednn"}), 60, CPU, Ranks())


@pytest.mark.skipif(not has_onednn(), reason="this torch has no oneDNN")
def test_both_libraries_give_the_same_products_up_to_rounding(corpus: zuoci.Corpus) -> None:
    settings = {**LARGE, "hidden_size": 256, "steps": 3, "precision": "float32", "threads": 1}
    ends = [
        list(zuoci.train(corpus, zuoci.resolve("lyrics", {**settings, "products": each}), device="cpu"))[-1]
        for each in ("torch", "onednn")
    ]
    scores = [end.validation.nll for end in ends if isinstance(end, zuoci.EndReport) and end.validation]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_auto_takes_a_smaller_model_on_a_slower_machine() -> None:
    text = "词" * 1_000_000
    asked: list[tuple[int, int, int]] = []

    def speed_of(factor: float) -> Callable[[int, int, int], float]:
        def speed(hidden_size: int, batch_size: int, vocab_size: int) -> float:
            asked.append((hidden_size, batch_size, vocab_size))
            return factor * 40e6 / hidden_size

        return speed

    chosen = [choose(text, 60.0, speed_of(factor)) for factor in (3.0, 1.0, 0.1, 0.01)]
    assert [each["hidden_size"] for each in chosen] == [512, 384, 256, 128]
    assert [each["dropout"] for each in chosen] == [0.2, 0.2, 0.0, 0.0]
    assert asked[0] == (512, 64, 1)
    unhurried = choose(text, 0.0, speed_of(0.01))
    assert unhurried["epochs"] == 2  # more than a very slow machine reads in three minutes
    assert len(set(asked)) == 4  # each size once


def test_a_small_text_is_not_worth_a_measurement() -> None:
    assert choose("词" * 1000, 0.0, never)["hidden_size"] == 256
