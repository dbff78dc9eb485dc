from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zuoci import ConsecutiveBatches, CorpusError, RandomBatches, SettingsError, lesson

sizes = {
    "n": st.integers(0, 80),
    "batch_size": st.integers(1, 6),
    "seq_len": st.integers(1, 9),
    "seed": st.integers(0, 9),
}


@given(**sizes)
def test_random_batches_are_the_lessons_for_the_same_permutation(
    n: int, batch_size: int, seq_len: int, seed: int
) -> None:
    ids = torch.arange(n)
    mine, theirs = (torch.Generator().manual_seed(seed) for _ in "ab")
    expected = list(lesson.data_iter_random(ids.tolist(), batch_size, seq_len, "cpu", theirs))
    if not expected:
        with pytest.raises(CorpusError, match="shorter than one minibatch"):
            RandomBatches(ids, batch_size, seq_len, mine)
        return
    batches = RandomBatches(ids, batch_size, seq_len, mine)
    assert len(batches) == len(expected)
    for batch, (X, Y) in zip(batches, expected, strict=True):
        assert torch.equal(batch.inputs, X.t())
        assert torch.equal(batch.targets, Y.t())
    second = [batch.inputs for batch in batches]
    again = [X.t() for X, _ in lesson.data_iter_random(ids.tolist(), batch_size, seq_len, "cpu", theirs)]
    assert all(torch.equal(a, b) for a, b in zip(second, again, strict=True))


@given(**sizes)
def test_consecutive_batches_are_the_lessons(n: int, batch_size: int, seq_len: int, seed: int) -> None:
    ids = torch.arange(n) + seed
    expected = list(lesson.data_iter_consecutive(ids.tolist(), batch_size, seq_len, "cpu"))
    if not expected:
        with pytest.raises(CorpusError, match=f"batch_size {batch_size} with seq_len {seq_len} needs"):
            ConsecutiveBatches(ids, batch_size, seq_len)
        return
    batches = ConsecutiveBatches(ids, batch_size, seq_len)
    assert len(batches) == len(expected)
    assert batches.batch_size == batch_size
    for batch, (X, Y) in zip(batches, expected, strict=True):
        assert torch.equal(batch.inputs, X.t())
        assert torch.equal(batch.targets, Y.t())


@pytest.mark.parametrize(("batch_size", "seq_len", "name"), [(0, 3, "batch_size"), (2, -1, "seq_len")])
def test_sizes_below_one(batch_size: int, seq_len: int, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be at least 1"):
        ConsecutiveBatches(torch.arange(9), batch_size, seq_len)
    with pytest.raises(SettingsError, match=f"{name} must be at least 1"):
        RandomBatches(torch.arange(9), batch_size, seq_len, torch.Generator())
