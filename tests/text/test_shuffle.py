"""Orders of windows that are computed and not stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zuoci import RandomBatches
from zuoci.text import shuffle
from zuoci.text.shuffle import KeyedPermutation, shuffled


@given(st.integers(1, 3000), st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=8))
def test_every_number_comes_once(count: int, keys: list[int]) -> None:
    order = KeyedPermutation(count, np.array(keys, np.uint64))(torch.arange(count))
    assert torch.equal(order.sort().values, torch.arange(count))


def test_a_large_order_is_computed_place_by_place() -> None:
    """31 million windows, of which a handful is asked for: all below n, different, and the same when asked again."""
    count = 31_000_003
    order = shuffled(count, torch.Generator().manual_seed(3))
    places = torch.tensor([[0, 1, 2], [count - 1, count // 2, 12_345_678]])
    found = order(places)
    assert found.shape == places.shape
    assert len(found.unique()) == 6
    assert 0 <= int(found.min()) <= int(found.max()) < count
    assert torch.equal(found, torch.stack([order(row) for row in places]))
    other = shuffled(count, torch.Generator().manual_seed(4))
    assert not torch.equal(found, other(places))


def test_an_order_looks_drawn() -> None:
    """Neighbours do not stay together, and every part of the text comes early and late alike."""
    count = 1 << 14
    order = KeyedPermutation(count, np.arange(8, dtype=np.uint64))(torch.arange(count))
    steps = order.diff().abs().float()
    assert abs(steps.mean().item() / count - 1 / 3) < 0.02  # the mean distance of two drawn numbers
    quarters = order.view(4, -1) * 4 // count
    counts = torch.stack([row.bincount(minlength=4) for row in quarters])
    assert (counts - count / 16).abs().max() < 150  # five standard deviations


def test_an_epoch_in_a_computed_order_has_every_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "_IN_MEMORY", 10)
    generator = torch.Generator().manual_seed(1)
    batches = RandomBatches(torch.arange(1001), 7, 10, generator)
    epochs = [[batch.inputs for batch in batches] for _ in range(2)]
    for epoch in epochs:
        assert len(torch.cat([inputs[0] for inputs in epoch]).unique()) == len(batches) * 7
        assert all((inputs[0] % 10 == 0).all() for inputs in epoch)
    assert not torch.equal(epochs[0][0], epochs[1][0])


@pytest.mark.parametrize("most", [10, 1000])
def test_an_epoch_is_entered_anywhere(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "_IN_MEMORY", most)
    batches = [RandomBatches(torch.arange(500), 4, 6, torch.Generator().manual_seed(2)) for _ in "ab"]
    whole, rest = list(batches[0]), list(batches[1].epoch(5))
    assert len(rest) == len(whole) - 5
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole[5:], rest, strict=True))
