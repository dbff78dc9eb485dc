from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.model.mixture import Mixture
from zuoci.model.ngram import NGram

TEXT = np.random.default_rng(0).integers(0, 5, 400)


def by_hand(train: list[int], text: list[int], model: NGram) -> list[float]:
    """The probability of each character, with dictionaries, and the discounts of the model."""
    grams: list[Counter[tuple[int, ...]]] = [
        Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1)) for n in range(1, model.order + 1)
    ]
    for n in range(model.order - 1):  # all but the longest: how many different characters stand before
        before = Counter(gram[1:] for gram in grams[n + 1])
        grams[n] = Counter({gram: before[gram] for gram in grams[n]})
    after: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
    for level in grams:
        for gram, count in level.items():
            after[gram[:-1]][gram[-1]] = count
    found: list[float] = []
    for i, char in enumerate(text):
        p = 1 / model.vocab_size
        for n in range(min(model.order, i + 1)):
            seen = after.get(tuple(text[i - n : i]), {})
            if sum(seen.values()):
                discount = {c: float(model.discounts[n][min(count, 3)]) for c, count in seen.items()}
                total = sum(seen.values())
                p = (seen.get(char, 0) - discount.get(char, 0)) / total + sum(discount.values()) / total * p
        found.append(p)
    return found


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 5),
)
def test_the_probabilities_are_those_that_one_finds_by_hand(train: list[int], text: list[int], order: int) -> None:
    model = NGram.of(np.array(train), 5, order)
    np.testing.assert_allclose(model.probabilities(np.array(text)), by_hand(train, text, model), rtol=1e-5, atol=1e-9)


def test_discounts_are_chen_and_goodmans() -> None:
    ids = np.minimum(np.random.default_rng(3).geometric(0.1, 3000), 40)  # a few pairs are frequent, many are not
    pairs = Counter(zip(ids.tolist(), ids[1:].tolist(), strict=False))
    n = Counter(pairs.values())
    y = n[1] / (n[1] + 2 * n[2])
    expected = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2]]
    np.testing.assert_allclose(NGram.of(ids, 41, 2).discounts[1][1:3], expected, rtol=1e-6)


def matrix(model: NGram, recent: Any) -> Any:
    p = np.zeros((len(recent), model.vocab_size), np.float32)
    model.add_to(p, model.contexts(recent), np.ones(len(recent), np.float32))
    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_rows_of_all_characters_are_the_probabilities(order: int) -> None:
    model = NGram.of(TEXT[:300], 6, order)
    p = matrix(model, model.windows(TEXT[300:]))
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(p[np.arange(100), TEXT[300:]], model.probabilities(TEXT[300:]), rtol=1e-5)


def test_a_row_has_the_same_bits_among_others() -> None:
    model = NGram.of(TEXT, 6, 3)
    recent = model.windows(TEXT[:50])
    alone = np.concatenate([matrix(model, recent[k : k + 1]) for k in range(50)])
    assert np.array_equal(matrix(model, recent), alone)


def test_pruning_leaves_to_shorter_contexts_what_it_takes() -> None:
    model = NGram.of(TEXT, 6, 3)
    pruned = model.pruned([0, 2, 3])
    assert sum(map(len, pruned.counts)) < sum(map(len, model.counts))
    np.testing.assert_allclose(matrix(pruned, pruned.windows(TEXT)).sum(1), 1, rtol=1e-5)
    same = model.pruned([0, 0, 0])
    np.testing.assert_allclose(same.probabilities(TEXT), model.probabilities(TEXT), rtol=1e-5)


def test_more_characters_are_rare_and_change_nothing_else() -> None:
    model = NGram.of(TEXT, 5, 3)
    wide = model.widened(9)
    p = matrix(wide, wide.windows(np.array([0, 1, 7, 2, 3])))
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    assert p[:, 5:].max() < p[:, :5].min()
    assert NGram.of(TEXT, 5, 1).widened(6).vocab_size == 6


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_arrays_are_read_back(order: int) -> None:
    model = NGram.of(TEXT, 5, order)
    arrays = model.to_arrays()
    again = NGram.from_arrays(arrays)
    np.testing.assert_allclose(again.probabilities(TEXT), model.probabilities(TEXT), rtol=0.02)
    for name, value in again.to_arrays().items():
        assert np.array_equal(value, arrays[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chars.2", np.full(25, 5, np.uint16)),
        ("chars.2", np.zeros(25, np.uint16)),
        ("chars.2", np.zeros(3, np.uint16)),
        ("children.1", np.full(5, 9, np.uint16)),
        ("left.1", np.zeros(2, np.uint8)),
        ("discounts", np.zeros((3, 3), np.float32)),
        ("counts.1", np.zeros(0, np.uint32)),
        ("other", np.zeros(1)),
    ],
)
def test_damaged_arrays(name: str, value: Any) -> None:
    arrays = {**NGram.of(TEXT, 5, 3).to_arrays(), name: value}
    with pytest.raises((ValueError, KeyError)):
        NGram.from_arrays(arrays)


class TestMixture:
    ngrams = (NGram.of(TEXT[:200], 6, 3), NGram.of(TEXT[150:300], 6, 2))

    def fit(self) -> Mixture:
        return Mixture.fit(self.ngrams, TEXT[300:], np.full(99, 1 / 6))

    def test_it_predicts_better_than_each_of_its_parts(self) -> None:
        text = np.tile([0, 1, 2, 3], 60)
        ngram = NGram.of(np.tile([0, 1, 2, 3, 4], 40), 5, 3)  # knows 0 1 2 3, but not what comes after 3
        network = np.tile([0.1, 0.1, 0.1, 0.9], 60)[:-1]
        network = np.where(text[1:] == 0, 0.9, 0.05)
        mixture = Mixture.fit([ngram], text, network)
        mixed = -np.log(mixture.probabilities(text, network)).mean()
        assert mixed < -np.log(network).mean()
        assert mixed < -np.log(ngram.probabilities(text)[1:]).mean()

    def test_cross_fitting_judges_each_part_by_weights_of_the_others(self) -> None:
        rng = np.random.default_rng(4)
        text, network = rng.integers(0, 6, 101), rng.random(100)
        crossed = Mixture.cross_fitted(self.ngrams, text, network)
        assert (
            -np.log(crossed).mean()
            > -np.log(Mixture.fit(self.ngrams, text, network).probabilities(text, network)).mean()
        )
        other = network.copy()
        other[:20] = 1e-6  # the first fifth; its own probabilities do not change its weights, but those of the rest
        changed = Mixture.cross_fitted(self.ngrams, text, other)
        by_hand = Mixture.cross_fitted(self.ngrams, text, np.where(np.arange(100) < 20, 0.0, network))
        share = (crossed[:20] - by_hand[:20]) / network[:20]
        np.testing.assert_allclose(changed[:20] - by_hand[:20], share * 1e-6, rtol=1e-6)
        assert not np.allclose(changed[20:], crossed[20:])
        assert len(Mixture.cross_fitted(self.ngrams, text[:2], network[:1])) == 1

    def test_the_logits_are_those_of_the_probabilities(self) -> None:
        mixture = self.fit()
        logits = np.random.default_rng(1).normal(size=(99, 6)).astype(np.float32)
        network = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        recent = np.stack([np.concatenate([[-1], TEXT[300:398]]), TEXT[300:399]], 1)
        p = np.exp(mixture.mix(logits, recent))
        np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
        expected = mixture.probabilities(TEXT[300:], network[np.arange(99), TEXT[301:]].astype(np.float64))
        np.testing.assert_allclose(p[np.arange(99), TEXT[301:]], expected, rtol=1e-4)
        assert np.array_equal(mixture.mix(logits[3:4], recent[3:4]), mixture.mix(logits, recent)[3:4])

    def test_its_arrays_are_read_back_for_the_same_vocabulary_only(self) -> None:
        mixture = self.fit()
        again = Mixture.from_arrays(mixture.to_arrays(), 6)
        assert np.array_equal(again.weights, mixture.weights)
        assert len(again.ngrams) == 2
        with pytest.raises(ValueError, match="other characters"):
            Mixture.from_arrays(mixture.to_arrays(), 7)
        assert Mixture.from_arrays(mixture.widened(7).to_arrays(), 7).ngrams[0].vocab_size == 7

    @pytest.mark.parametrize("weights", [np.zeros((3, 2, 3)), np.full((3, 2, 3), np.nan), np.ones((3, 3)), np.ones(1)])
    def test_damaged_weights(self, weights: Any) -> None:
        arrays = {**self.fit().to_arrays(), "weights": weights.astype(np.float32)}
        with pytest.raises((ValueError, KeyError)):
            Mixture.from_arrays(arrays, 6)
