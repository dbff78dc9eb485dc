"""The baseline that a model has to beat: an interpolated n-gram, which only counts characters.

A run scores it on the held-out text beside the trained model; `zuoci score` compares with it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.errors import CorpusError
from zuoci.training.evaluation import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Ids = NDArray[np.int64]

_ORDER = 5


class NGram:
    """An n-gram model with Witten and Bell's interpolation (1991).

        p_k(c | h) = (N(hc) + D(h) p_{k-1}(c | h')) / (N(h) + D(h)),  p_0 = 1/V

    where h is the k − 1 characters before c, h' is h without its first character, N counts occurrences, D(h) is the
    number of different characters seen after h, and V the size of the vocabulary. If h was never seen, p_k is p_{k-1}.
    """

    def __init__(self, ids: Tensor, vocab_size: int, order: int = _ORDER) -> None:
        """Counts the n-grams of a text.

        Args:
            ids: the training text, int64 `(n,)`.
            vocab_size: V.
            order: length of the longest n-grams.
        """
        self.vocab_size = vocab_size
        self.order = order
        # A context of length k has a number: its index in the sorted keys (number of its last k − 1 characters) · V +
        # the character before those.
        self._contexts: list[Ids] = []  # the sorted keys, for each length
        self._pairs: list[tuple[Ids, Ids]] = []  # context · V + next character, sorted; and the count of each
        self._totals: list[tuple[Ids, Ids]] = []  # N(h) and D(h), by the number of the context
        text: Ids = ids.numpy()
        context: Ids = np.zeros(len(text), np.int64)  # the number of the context before each character
        for length in range(order):
            if length:
                keys = self._keys(context, text, length)
                known, _ = np.unique(keys[length:], return_counts=True)  # without counts NumPy hashes, 70 times slower
                self._contexts.append(known)
                context = _find(known, keys)
            real = context[length:]
            pairs, counts = np.unique(real * vocab_size + text[length:], return_counts=True)
            self._pairs.append((pairs, counts))
            size = int(real.max(initial=-1)) + 1
            totals = np.bincount(real, minlength=size), np.bincount(pairs // vocab_size, minlength=size)
            self._totals.append(totals)

    def _keys(self, context: Ids, text: Ids, length: int) -> Ids:
        """The key of the context before each character, from the number of the shorter context; −1 if there is none."""
        before = np.concatenate([np.full(min(length, len(text)), -1), text[:-length]])
        return np.where((context < 0) | (before < 0), -1, context * self.vocab_size + before)

    def score(self, ids: Tensor, *, of: str = "the text") -> Score:
        """Scores every character of a text after the first.

        Args:
            ids: the text, int64 `(n,)`.
            of: the name of the text in the protocol.

        Raises:
            CorpusError: the text has fewer than 2 characters.
        """
        if len(ids) < 2:
            raise CorpusError(f"{of} is too short to be scored: {len(ids)} characters, 2 are needed")
        text: Ids = ids.numpy()
        p: NDArray[Any] = np.full(len(text), 1.0 / self.vocab_size)
        context: Ids = np.zeros(len(text), np.int64)
        for length in range(self.order):
            if length:
                context = _find(self._contexts[length - 1], self._keys(context, text, length))
            pairs, counts = self._pairs[length]
            totals, different = self._totals[length]
            if not len(pairs):  # the training text is shorter than that
                break
            seen = context >= 0
            place = _find(pairs, np.where(seen, context * self.vocab_size + text, -1))
            count = np.where(place >= 0, counts[place], 0)
            total, kinds = totals[context], different[context]
            p = np.where(seen, (count + kinds * p) / np.maximum(total + kinds, 1), p)
        nll = float(-np.log(p[1:]).mean())
        return Score(nll=nll, characters=len(text) - 1, protocol=f"{of}, interpolated {self.order}-gram")


def _find(known: Ids, keys: Ids) -> Ids:
    """The index of each key in a sorted array; −1 if it is not in it."""
    if not len(known):
        return np.full(len(keys), -1)
    order = np.argsort(keys)  # sorted keys are found several times as fast, because memory is read in order
    place = np.empty(len(keys), np.int64)
    place[order] = np.searchsorted(known, keys[order])
    place = np.minimum(place, len(known) - 1)
    return np.where(known[place] == keys, place, -1)
