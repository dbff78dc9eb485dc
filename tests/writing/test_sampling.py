from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.writing.random import uniforms
from zuoci.writing.sampling import (
    apply_temperature,
    draw,
    greedy,
    keep_allowed,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    log_share,
    nll,
    probabilities,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

INF = math.inf
# χ² that is exceeded once in a thousand times, by degrees of freedom
MOST = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52, 7: 24.32, 15: 37.70, 255: 330.5}


def row(*logits: float) -> NDArray[np.float32]:
    return np.array([logits], np.float32)


def of(*shares: float) -> NDArray[np.float32]:
    """Logits of these probabilities."""
    with np.errstate(divide="ignore"):
        return np.log(np.array([shares])).astype(np.float32)


def kept(logits: NDArray[Any]) -> list[int]:
    return np.flatnonzero(logits[0] > -INF).tolist()


def chi_square(counts: NDArray[Any], shares: list[float]) -> float:
    expected = np.array(shares) * counts.sum()
    assert not counts[expected == 0].any()
    counts, expected = counts[expected > 0], expected[expected > 0]
    return float(((counts - expected) ** 2 / expected).sum())


def test_what_is_not_allowed_is_impossible() -> None:
    logits = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    assert keep_allowed(logits, np.array([True, False, True])).tolist() == [[1.0, -INF, 3.0], [4.0, -INF, 6.0]]
    assert keep_allowed(logits, np.array([[True, False, False], [False, False, True]])).dtype == np.float32


@pytest.mark.parametrize(
    ("logits", "k", "expected"),
    [
        ([1, 3, 2], 1, [1]),
        ([1, 3, 2], 2, [1, 2]),
        ([1, 3, 2], 0, [0, 1, 2]),
        ([1, 3, 2], 9, [0, 1, 2]),
        ([2, 3, 2, 1], 2, [0, 1, 2]),  # as likely as the last that is kept
        ([5, 5, 5], 1, [0, 1, 2]),
        ([-INF, 3, -INF], 2, [1]),
        ([3e38, -3e38, 0], 2, [0, 2]),
    ],
)
def test_top_k(logits: list[float], k: int, expected: list[int]) -> None:
    assert kept(keep_top_k(row(*logits), np.array([k]))) == expected


@pytest.mark.parametrize(
    ("shares", "p", "expected"),
    [
        ([0.2, 0.5, 0.3], 0.45, [1]),
        ([0.2, 0.5, 0.3], 0.55, [1, 2]),
        ([0.2, 0.5, 0.3], 0.85, [0, 1, 2]),
        ([0.2, 0.5, 0.3], 1.0, [0, 1, 2]),
        ([0.2, 0.5, 0.3], 1e-12, [1]),
        ([0.5, 0.5], 0.5, [0]),  # the first of two alike already holds it
        ([0.0, 0.25, 0.75], 0.9, [1, 2]),
        ([1.0, 0.0], 0.999999, [0]),
    ],
)
def test_top_p(shares: list[float], p: float, expected: list[int]) -> None:
    assert kept(keep_top_p(of(*shares), np.array([p]))) == expected


@pytest.mark.parametrize("width", [0.0, 0.01, 1.0, 8.0])
def test_top_p_and_top_k_without_sorting_all_keep_what_sorting_would(width: float) -> None:
    """In vocabularies of which a part is sorted, also where that part is too small or ends among equal ones."""
    rng = np.random.default_rng(3)
    logits = (np.round(rng.standard_normal((40, 600)) * 8) / 8 * width).astype(np.float32)
    logits[rng.random(logits.shape) < 0.1] = -INF
    p, k = rng.uniform(0.05, 0.999, 40), rng.integers(0, 700, 40)
    left, of_k = keep_top_p(logits, p), keep_top_k(logits, k)
    for i, shares in enumerate(probabilities(logits)):
        before = 0.0
        ranked = sorted(range(600), key=lambda number: (-logits[i, number], number))
        for number in ranked:
            if abs(before - p[i]) > 1e-6:
                assert (left[i, number] > -INF) == (before < p[i] and logits[i, number] > -INF)
            before += shares[number]
        least = logits[i, ranked[k[i] - 1]] if 0 < k[i] <= 600 else -INF
        assert kept(of_k[i : i + 1]) == [n for n in range(600) if logits[i, n] >= least and logits[i, n] > -INF]


@pytest.mark.parametrize(
    ("shares", "p", "expected"),
    [
        ([0.1, 0.6, 0.3], 0.4, [1, 2]),
        ([0.1, 0.6, 0.3], 0.6, [1]),
        ([0.1, 0.6, 0.3], 0.0, [0, 1, 2]),
        ([0.1, 0.6, 0.3], 0.1, [0, 1, 2]),
        ([0.5, 0.5, 0.0], 1.0, [0, 1]),
        ([0.0, 1.0], 0.5, [1]),
    ],
)
def test_min_p(shares: list[float], p: float, expected: list[int]) -> None:
    assert kept(keep_min_p(of(*shares), np.array([p]))) == expected


def test_each_row_has_its_own_settings() -> None:
    logits = np.tile(of(0.1, 0.2, 0.3, 0.4), (3, 1))
    assert (keep_top_k(logits, np.array([1, 0, 3])) > -INF).sum(1).tolist() == [1, 4, 3]
    assert (keep_top_p(logits, np.array([0.3, 0.6, 1.0])) > -INF).sum(1).tolist() == [1, 2, 4]
    assert (keep_min_p(logits, np.array([1.0, 0.0, 0.6])) > -INF).sum(1).tolist() == [1, 4, 2]
    hot = apply_temperature(logits, np.array([1.0, 2.0, 0.5]))
    np.testing.assert_allclose(hot[:, 0], np.log(0.1 / 0.4) / np.array([1.0, 2.0, 0.5]), rtol=1e-6)
    assert (hot[:, 3] == 0.0).all()


@given(
    st.lists(st.floats(-(2.0**126), 2.0**126, width=32) | st.just(-INF), min_size=1, max_size=9),
    st.floats(1e-300, 100.0),
)
def test_no_logits_and_no_temperature_are_too_much(logits: list[float], temperature: float) -> None:
    one = row(*logits)
    if not np.isfinite(one).any():
        return
    left = keep_min_p(keep_top_p(keep_top_k(one, np.array([5])), np.array([0.9])), np.array([0.05]))
    assert kept(left)
    chosen = draw(apply_temperature(left, np.array([temperature])), np.array([0.7]))[0]
    assert one[0, chosen] > -INF
    assert one[0, greedy(left)[0]] == one.max()
    assert nll(one, np.array([chosen]))[0] >= 0.0
    assert probabilities(one).sum() == pytest.approx(1.0)


def test_what_a_ban_leaves() -> None:
    logits = np.tile(of(0.1, 0.2, 0.7), (4, 1))
    allowed = np.array([[True, True, False], [False, False, True], [False, False, False], [True, True, True]])
    shares = log_share(logits, allowed)
    assert np.exp(shares) == pytest.approx([0.3, 0.7, 0.0, 1.0])
    assert shares[2] == -INF
    far = log_share(row(0.0, -200.0, -300.0), np.array([[False, True, True]]))  # exp(−200) is 0 in float32
    assert far[0] == pytest.approx(-200.0)


def test_surprise_is_the_negative_logarithm_of_the_probability() -> None:
    logits = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32) * 3
    ids = np.array([0, 6, 3, 3, 1])
    np.testing.assert_allclose(nll(logits, ids), -np.log(probabilities(logits)[np.arange(5), ids]), rtol=1e-5)


def draws(logits: NDArray[Any], temperature: float, count: int = 20_000, key: int = 1) -> NDArray[Any]:
    rows = np.repeat(apply_temperature(logits, np.array([temperature])), count, 0)
    return np.bincount(draw(rows, uniforms(key, 0, count)), minlength=logits.shape[1])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_of_logits_over_temperature(temperature: float) -> None:
    logits = [0.0, 1.0, 2.0, -1.0, -INF]
    weights = [math.exp(logit / temperature) for logit in logits]
    shares = [weight / sum(weights) for weight in weights]
    assert chi_square(draws(row(*logits), temperature), shares) < MOST[3]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_a_draw_is_the_same_alone_and_among_others(count: int) -> None:
    logits = np.random.default_rng(count).standard_normal((30, count)).astype(np.float32) * 5
    logits[:, ::3] = -INF
    logits[:, count // 2] = 0.0
    rows, numbers = apply_temperature(logits, np.full(30, 0.7)), uniforms(2, 0, 30)
    numbers[:2] = 0.0, 1.0 - 2.0**-53
    alone = [int(draw(rows[i : i + 1], numbers[i : i + 1])[0]) for i in range(30)]
    assert draw(rows, numbers).tolist() == alone
    assert all(logits[i, number] > -INF for i, number in enumerate(alone))
    weights = np.exp(rows.astype(np.float64)).cumsum(1)
    exact = [int(np.searchsorted(one, u * one[-1], "right")) for one, u in zip(weights, numbers, strict=True)]
    assert sum(a != b for a, b in zip(alone[2:], exact[2:], strict=True)) == 0


def test_draws_follow_what_is_kept() -> None:
    shares = of(0.05, 0.1, 0.1, 0.25, 0.5)
    assert chi_square(draws(keep_top_k(shares, np.array([3])), 1.0), [0, 2 / 19, 2 / 19, 5 / 19, 10 / 19]) < MOST[3]
    assert chi_square(draws(keep_top_p(shares, np.array([0.7])), 1.0), [0, 0, 0, 1 / 3, 2 / 3]) < MOST[1]
    assert chi_square(draws(keep_min_p(shares, np.array([0.15])), 1.0), [0, 2 / 19, 2 / 19, 5 / 19, 10 / 19]) < MOST[3]
    # All in their order: a ban of the most likely; of what is left, 3, then 70 %, then a temperature of ½ that squares.
    left = keep_top_k(keep_allowed(shares, np.arange(5) != 4), np.array([3]))
    left = keep_min_p(keep_top_p(left, np.array([0.7])), np.array([0.3]))
    assert chi_square(draws(left, 0.5), [0, 4 / 29, 0, 25 / 29, 0]) < MOST[1]


def test_what_is_impossible_is_never_drawn() -> None:
    assert draws(row(-INF, 0.0, -INF), 1.0, 200).tolist() == [0, 200, 0]
    assert draw(row(0.0, 0.0, -INF), np.array([1.0 - 2**-53]))[0] == 1
    assert draw(row(-INF, 0.0), np.array([0.0]))[0] == 1
    assert draws(row(0.0, -1e38), 1.0, 200).tolist() == [200, 0]


def test_a_low_temperature_is_greedy() -> None:
    logits = row(1.0, 3.0, 2.0)
    assert draws(logits, 0.01, 100).tolist() == [0, 100, 0]
    assert draws(logits, 1e-300, 100).tolist() == [0, 100, 0]
    assert greedy(logits)[0] == 1
    assert greedy(row(2.0, 2.0))[0] == 0
