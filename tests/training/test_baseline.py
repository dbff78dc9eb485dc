from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci.training.baseline import NGram


def by_hand(train: list[int], text: list[int], vocab_size: int, order: int) -> float:
    after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for length in range(order):
        for i in range(length, len(train)):
            after[tuple(train[i - length : i])][train[i]] += 1
    total = 0.0
    for i in range(1, len(text)):
        p = 1 / vocab_size
        for length in range(min(order, i + 1)):
            seen = after.get(tuple(text[i - length : i]))
            if seen:
                p = (seen[text[i]] + len(seen) * p) / (seen.total() + len(seen))
        total -= math.log(p)
    return total / (len(text) - 1)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.integers(0, 3), min_size=2, max_size=40),
    st.integers(1, 6),
)
def test_the_ngram_counts_as_one_counts_by_hand(train: list[int], text: list[int], order: int) -> None:
    score = NGram(torch.tensor(train), 4, order).score(torch.tensor(text), of="it")
    assert score.nll == pytest.approx(by_hand(train, text, 4, order), rel=1e-9)
    assert score.protocol == f"it, interpolated {order}-gram"
    assert score.characters == len(text) - 1


def test_its_probabilities_sum_to_one() -> None:
    train = torch.randint(5, (200,), generator=torch.Generator().manual_seed(0))
    model = NGram(train, 6)
    for context in ([0, 1, 2, 3], [4, 4, 4, 4], [5, 0, 0, 1]):
        total = sum(
            math.exp(-5 * model.score(torch.tensor([*context, 0, c])).nll)
            / math.exp(-4 * model.score(torch.tensor([*context, 0])).nll)
            for c in range(6)
        )
        assert total == pytest.approx(1.0)


def test_too_short() -> None:
    with pytest.raises(zuoci.CorpusError, match="too short to be scored"):
        NGram(torch.tensor([0]), 1).score(torch.tensor([0]))
