"""A classifier two-sample test: whether texts of two origins can be told apart by their characters.

A logistic regression on character n-grams is trained to tell them apart, and judged on texts that it has not seen, by
the area under its ROC curve (AUC): the probability that it finds the right one of two texts, one of each origin. 0.5 is
chance: the texts are alike, as far as their n-grams of up to three characters say.

Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests" (2017). N texts, F features.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LONGEST = 3  # n-grams have one to three characters
PENALTY = 0.1  # λ
_STEPS, _SMALLEST_WEIGHT = 25, 1e-6


def separability(
    ours: Sequence[Sequence[Sequence[str]]],
    theirs: Sequence[Sequence[Sequence[str]]],
    *,
    folds: int = 5,
    seed: int = 0,
) -> tuple[float, float]:
    """The AUC by cross-validation, and its standard error.

    Texts of one song are in one fold, because a classifier would recognise the song.

    Args:
        ours: for each song of one origin its texts, each in parts; n-grams do not reach from one part into the next.
        theirs: the same of the other origin; as many texts, of the same length.
        folds: into how many parts the songs are divided.
        seed: of the division. Songs with the same index are in the same fold in both origins if these are equally
            many.

    Returns:
        The mean over the folds; the standard deviation over the folds divided by the root of their number.

    Raises:
        ValueError: one origin has fewer songs than there are folds.
    """
    if min(len(ours), len(theirs)) < folds:
        raise ValueError(f"each origin needs at least {folds} songs: got {len(ours)} and {len(theirs)}")
    texts: list[Sequence[str]] = []
    labels: list[float] = []
    fold_of: list[int] = []
    for label, songs in ((1.0, ours), (0.0, theirs)):
        order = random.Random(seed).sample(range(len(songs)), len(songs))
        for place, song in zip(order, songs, strict=True):
            texts += song
            labels += [label] * len(song)
            fold_of += [place % folds] * len(song)
    gram, truth, fold = similarities(texts), np.array(labels), np.array(fold_of)
    areas: list[float] = []
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        scores = gram[np.ix_(test, train)] @ fit(gram[np.ix_(train, train)], truth[train])
        areas.append(auc(scores[truth[test] == 1.0], scores[truth[test] == 0.0]))
    return statistics.mean(areas), statistics.stdev(areas) / math.sqrt(folds)


def auc(positive: Floats, negative: Floats) -> float:
    """The probability that a score of the first kind is above one of the second; equal scores count half."""
    difference = positive[:, None] - negative
    return float((difference > 0.0).mean() + 0.5 * (difference == 0.0).mean())


def similarities(texts: Sequence[Sequence[str]]) -> Floats:
    """The inner products of the feature vectors of all texts, `(N, N)`.

    The feature of an n-gram that a text holds is 1 + log(N / number of texts that hold it), otherwise 0; n-grams of one
    text only are left out. Vectors are scaled to length 1; a constant feature 1 is added, the intercept of the
    regression. Of the ways that were tried (counts, equal features, vectors as they are, all n-grams) this one tells
    models from people best.
    """
    held = [ngrams(text) for text in texts]
    frequency = Counter(gram for grams in held for gram in grams)
    column = {gram: i for i, gram in enumerate(sorted(gram for gram, count in frequency.items() if count > 1))}
    features = np.zeros((len(texts), len(column)), np.float32)
    for row, grams in zip(features, held, strict=True):
        row[[column[gram] for gram in grams if gram in column]] = 1.0
    features *= 1.0 + np.log(len(texts) / features.sum(0).clip(min=1.0))
    features /= np.linalg.norm(features, axis=1, keepdims=True).clip(min=1e-6)
    return (features @ features.T).astype(np.float64) + 1.0


def ngrams(text: Sequence[str]) -> set[str]:
    """The n-grams of up to three characters in the parts of a text."""
    return {
        part[i : i + length] for part in text for length in range(1, LONGEST + 1) for i in range(len(part) - length + 1)
    }


def fit(gram: Floats, labels: Floats) -> Floats:
    """Logistic regression with an L2 penalty, by Newton's method, in its dual form.

    With far more features than texts, the weights are best written as β = Xᵀα, so that only the N × N matrix
    K = X Xᵀ is needed. Minimises Σ log(1 + exp(f)) − y f + λ/2 ‖β‖² with f = Kα.

    Args:
        gram: K, `(N, N)`.
        labels: y, 0 or 1, `(N,)`.

    Returns:
        α `(N,)`; the score of another text is its inner products with these texts, times α.
    """
    alpha = np.zeros(len(labels))
    for _ in range(_STEPS):
        logits = gram @ alpha
        probability = 1.0 / (1.0 + np.exp(-logits))
        weight = (probability * (1.0 - probability)).clip(min=_SMALLEST_WEIGHT)
        target = logits + (labels - probability) / weight
        before, alpha = alpha, np.linalg.solve(gram + PENALTY * np.diag(1.0 / weight), target)
        if np.abs(alpha - before).max() < 1e-8 * np.abs(alpha).max():
            break
    return alpha.astype(np.float64)
