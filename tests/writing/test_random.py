from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zuoci.model.random import key_of
from zuoci.writing.random import UniformStream, uniform, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 330.5  # χ² with 255 degrees of freedom that is exceeded once in a thousand times


def chi_square(counts: NDArray[Any]) -> float:
    """χ² of counts that should all be equal."""
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 20))
def test_a_stream_is_the_same_number_by_number(key: int, start: int, count: int) -> None:
    assert uniforms(key, start, count).tolist() == [uniform(key, place) for place in range(start, start + count)]


def test_streams_are_uniform_and_know_nothing_of_each_other() -> None:
    first, second = (uniforms(key_of(0, k), 0, 50_000) for k in (0, 1))
    assert first.min() >= 0.0
    assert first.max() < 1.0
    assert chi_square(np.bincount((first * 256).astype(int), minlength=256)) < MOST
    pairs = (first * 16).astype(int) * 16 + (second * 16).astype(int)
    assert chi_square(np.bincount(pairs, minlength=256)) < MOST
    following = (first[:-1] * 16).astype(int) * 16 + (first[1:] * 16).astype(int)
    assert chi_square(np.bincount(following, minlength=256)) < MOST
    starts = np.array([uniform(key_of(seed), 0) for seed in range(50_000)])  # neighbouring seeds
    assert chi_square(np.bincount((starts * 256).astype(int), minlength=256)) < MOST


def test_keys_depend_on_every_number_and_their_order() -> None:
    keys = [key_of(*numbers) for numbers in [(), (0,), (0, 0), (1,), (0, 1), (1, 0), (1, 0, 0), (2**64 - 1,), (2**63,)]]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**64 for key in keys)


def test_numbers_taken_one_after_another_are_the_stream() -> None:
    stream = UniformStream(7)
    taken: list[float] = []
    for count in (1, 255, 3, 0, 300, 41):
        ahead = stream.ahead(count + 1)
        taken += stream.take(count).tolist()
        assert ahead.tolist() == uniforms(7, stream.count - count, count + 1).tolist()
    assert taken == uniforms(7, 0, 600).tolist()
    assert stream.count == 600
