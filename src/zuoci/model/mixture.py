"""What a network predicts, mixed with counts of short character sequences.

A small network knows how a text goes on; which characters belong together it learns slowly, and counts know at once.
`training` fits a mixture at the end of a run that starts from a base model. The `Stepper` and `evaluate` apply it, so
that everything that writes or scores uses it.

Dimensions: B streams, V vocabulary, K parts of the mixture: the network, and one or two n-grams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.model.ngram import NGram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from zuoci.model.ngram import Ids

ORDER = 3  # of the n-grams; longer ones gained next to nothing, and hold more of the text
_ROUNDS = 50  # of expectation maximisation
FOLDS = 5  # parts of a text for cross-fitting
_PRIOR = 20.0  # characters that each set of weights is taken to have been seen with, shared like the average
_LEAST = np.float32(1e-30)  # a probability; its logarithm is finite


class Mixture:
    """A linear interpolation of a network and n-grams.

        p(c) = w_0 p_network(c) + Σ_k w_k p_k(c | h)

    The weights depend on how long a context each n-gram has seen: one set for each combination of these lengths.

    Attributes:
        ngrams: the n-grams, all for the same vocabulary: the counts of a person's own text, those of a base model, or
            both, in this order.
        weights: the weights w by the lengths of the contexts, float32 `(order, …, order, K)`: an axis for each n-gram.
    """

    def __init__(self, ngrams: Sequence[NGram], weights: NDArray[np.float32]) -> None:
        """Takes the parts; `fit` makes the weights."""
        self.ngrams, self.weights = tuple(ngrams), weights

    @classmethod
    def fit(cls, ngrams: Sequence[NGram], ids: Ids, network: NDArray[np.float64]) -> Mixture:
        """Finds the weights with which a text is most likely, by expectation maximisation.

        Args:
            ngrams: the n-grams.
            ids: a text that neither the network nor the counts have seen, `(n,)`.
            network: the probabilities of its characters by the network, from the second on, `(n − 1,)`.
        """
        lengths, parts = _parts(ngrams, ids, network)
        return cls(ngrams, _fit([ngram.order for ngram in ngrams], lengths, parts))

    @staticmethod
    def cross_fitted(ngrams: Sequence[NGram], ids: Ids, network: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mixed probabilities of the characters of a text, by weights that are fitted on other parts of it.

        The text is cut into `FOLDS` parts, and the weights for each are fitted on the others: weights that were fitted
        on the characters that they are judged by would look better than they are. The arguments are those of `fit`.
        """
        lengths, parts = _parts(ngrams, ids, network)
        shape = [ngram.order for ngram in ngrams]
        fold = np.arange(len(parts)) * FOLDS // len(parts)
        p = np.empty(len(parts))
        for number in range(FOLDS):
            inside, others = fold == number, fold != number
            weights = _fit(shape, [each[others] for each in lengths], parts[others]).astype(np.float64)
            p[inside] = (weights[tuple(each[inside] for each in lengths)] * parts[inside]).sum(1)
        return p

    def start(self, count: int) -> Ids:
        """The recent characters of `count` streams before their first one, `(B, order − 1)`."""
        return np.full((count, max(ngram.order for ngram in self.ngrams) - 1), -1)

    def mix(self, logits: NDArray[np.float32], recent: Ids) -> NDArray[np.float32]:
        """The logarithms of the mixed probabilities.

        Args:
            logits: those of the network, `(B, V)`.
            recent: the characters read last, the last one last, `(B, order − 1)`; −1 where there is none.
        """
        contexts = [ngram.contexts(recent[:, recent.shape[1] - ngram.order + 1 :]) for ngram in self.ngrams]
        weights = self.weights[tuple(_lengths(each) for each in contexts)]  # (B, K)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p *= weights[:, :1] / p.sum(1, keepdims=True)
        for k, (ngram, nodes) in enumerate(zip(self.ngrams, contexts, strict=True), 1):
            ngram.add_to(p, nodes, weights[:, k])
        np.maximum(p, _LEAST, out=p)
        return np.log(p, out=p)

    def probabilities(self, ids: Ids, network: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mixed probabilities of the characters of a text from the second on; the arguments are those of `fit`."""
        lengths, parts = _parts(self.ngrams, ids, network)
        return (self.weights[lengths].astype(np.float64) * parts).sum(1)

    def with_less_of_the_first(self, factor: float) -> Mixture:
        """The mixture with `factor` times the weight of its first n-gram; what that loses goes to the network."""
        weights = self.weights.copy()
        weights[..., 1] *= np.float32(factor)
        weights[..., 0] += self.weights[..., 1] - weights[..., 1]
        return Mixture(self.ngrams, weights)

    def widened(self, vocab_size: int) -> Mixture:
        """The same mixture for a vocabulary that has more characters at its end."""
        return Mixture([ngram.widened(vocab_size) for ngram in self.ngrams], self.weights)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All parts by name, to be saved."""
        arrays: dict[str, NDArray[Any]] = {"weights": self.weights}
        for number, ngram in enumerate(self.ngrams):
            arrays |= {f"{number}.{name}": value for name, value in ngram.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], vocab_size: int) -> Mixture:
        """Reads what `to_arrays` returned.

        Args:
            arrays: the parts by name.
            vocab_size: V.

        Raises:
            ValueError, KeyError: the parts do not fit together, or belong to another vocabulary.
        """
        weights = arrays["weights"].astype(np.float32)
        ngrams = [
            NGram.from_arrays({name[2:]: value for name, value in arrays.items() if name.startswith(f"{number}.")})
            for number in range(weights.ndim - 1)
        ]
        if not ngrams or weights.shape != (*(ngram.order for ngram in ngrams), 1 + len(ngrams)):
            raise ValueError("the weights do not fit the counts")
        if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights[..., 0] > 0).all()):
            raise ValueError("the weights are not those of a mixture")
        if any(ngram.vocab_size != vocab_size for ngram in ngrams):
            raise ValueError(f"the counts are of other characters than the {vocab_size} of the vocabulary")
        return cls(ngrams, weights)


def _fit(shape: Sequence[int], lengths: Sequence[Ids], parts: NDArray[np.float64]) -> NDArray[np.float32]:
    """The weights under which some characters are most likely.

    Args:
        shape: the order of each n-gram.
        lengths: the lengths of the contexts of each character, for each n-gram `(n,)`.
        parts: the K probabilities of each character, `(n, K)`.
    """
    K = parts.shape[1]
    group = np.ravel_multi_index(tuple(lengths), tuple(shape))
    average = np.full(K, 1 / K)
    weights = np.tile(average, (int(np.prod(shape)), 1))
    for _ in range(_ROUNDS if len(parts) else 0):
        share = parts * weights[group]
        share /= share.sum(1, keepdims=True)
        average = share.mean(0)
        seen = np.stack([np.bincount(group, share[:, k], minlength=len(weights)) for k in range(K)], 1)
        weights = seen + _PRIOR * average
        weights /= weights.sum(1, keepdims=True)
    return weights.reshape(*shape, K).astype(np.float32)


def _parts(
    ngrams: Sequence[NGram], ids: Ids, network: NDArray[np.float64]
) -> tuple[tuple[Ids, ...], NDArray[np.float64]]:
    """For each character of a text from the second on, the lengths of its contexts, and its K probabilities.

    The arguments are those of `Mixture.fit`; the probabilities are `(n − 1, K)`.
    """
    lengths = tuple(_lengths(ngram.contexts(ngram.windows(ids)))[1:] for ngram in ngrams)
    return lengths, np.stack([network, *(ngram.probabilities(ids)[1:] for ngram in ngrams)], 1)


def _lengths(contexts: Sequence[Ids]) -> Ids:
    """The length of the longest context that was seen, `(B,)`, of what `NGram.contexts` returned."""
    longest = np.zeros(len(contexts[0]), np.int64)
    for length, nodes in enumerate(contexts):
        longest[nodes >= 0] = length
    return longest
