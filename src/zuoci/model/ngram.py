"""Counts of the character sequences in a text, and the probabilities that they give.

Training compares a model with them (`Score.baseline`), and `memory` adds them to what a network predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Ids: TypeAlias = "NDArray[np.int64]"
_MOST_COUNT = 255  # counts are saved in 8 bits


class NGram:
    """An n-gram model with the interpolated modified Kneser–Ney smoothing of Chen and Goodman (1999).

        p_k(c | h) = a(hc) / N(h) + left(h) p_{k-1}(c | h'),  p_0 = 1/V
        a = N − D(N),  left(h) = 1 − Σ_c a(hc) / N(h)

    where h is the k − 1 characters before c, h' is h without its first character, and V the size of the vocabulary. For
    the longest sequences N counts occurrences; for shorter ones, the number of different characters before them. The
    discounts D(1), D(2) and D(3 and more) of each length follow from how many sequences were counted once, twice, … If
    h was never seen, p_k is p_{k-1}.

    The counts are a trie. A node of depth k is a sequence of k characters that was seen; its children are the sequences
    with one more character, sorted by it. Nodes of the same depth are numbered in the order of their parents.

    Attributes:
        vocab_size: V.
        chars: for each depth from 1 the last character of each node, ids `(nodes,)`; at depth 1 that is every
            character.
        counts: for each depth from 1 N of each node, int64 `(nodes,)`.
        discounts: for each depth from 1 D(0) … D(3), float32 `(order, 4)`.
        starts: for each depth from 0 where the children of each node begin, `(nodes + 1,)`.
        left: for each depth from 0 what each node as a context leaves to shorter contexts, float32 `(nodes,)`.
    """

    def __init__(
        self,
        chars: Sequence[Ids],
        counts: Sequence[Ids],
        discounts: NDArray[np.float32],
        children: Sequence[Ids],
        left: Sequence[NDArray[np.float32]],
    ) -> None:
        """Takes the parts of a trie: the attributes, with the number of children of each node for `starts`."""
        self.vocab_size = len(chars[0])
        self.chars, self.counts, self.discounts, self.left = list(chars), list(counts), discounts, list(left)
        self.starts = [np.concatenate([[0], np.cumsum(each)]) for each in children]
        # The key of each node, parent · V + last character, which is ascending.
        self._keys: list[Ids] = [
            np.repeat(np.arange(len(number)), number) * self.vocab_size + last
            for number, last in zip(children, chars, strict=True)
        ]
        # For each depth the a of each node, as a share of that of all its siblings.
        self._shares: list[NDArray[np.float32]] = []
        for number, starts, each, discount in zip(children, self.starts, counts, discounts, strict=True):
            a = (each - discount[np.minimum(each, 3)]).astype(np.float32)
            total = np.diff(np.concatenate([[0.0], np.cumsum(a, dtype=np.float64)])[starts])
            self._shares.append(a / np.repeat(np.maximum(total, 1e-9), number).astype(np.float32))

    @property
    def order(self) -> int:
        """The length of the longest sequences."""
        return len(self.chars)

    @classmethod
    def of(cls, ids: Ids, vocab_size: int, order: int) -> NGram:
        """Counts the sequences of a text.

        Args:
            ids: the text `(n,)`.
            vocab_size: V.
            order: the length of the longest sequences.
        """
        ids = ids.astype(np.int64)
        keys: list[Ids] = [np.arange(vocab_size)]
        counts: list[Ids] = [np.bincount(ids, minlength=vocab_size)]
        without_first: list[Ids] = [np.zeros(vocab_size, np.int64)]  # the node of each sequence without its first one
        nodes = ids  # the node of the sequence that begins at each position
        for length in range(1, order):
            pairs = nodes[: max(len(ids) - length, 0)] * vocab_size + ids[length:]
            known, count = np.unique(pairs, return_counts=True)
            shorter = without_first[-1][known // vocab_size] * vocab_size + known % vocab_size
            without_first.append(known % vocab_size if length == 1 else find(keys[-1], shorter))
            keys.append(known)
            counts.append(count)
            nodes = find(known, pairs)
        for depth in range(order - 1):
            counts[depth] = np.bincount(without_first[depth + 1], minlength=len(counts[depth]))
        discounts = np.stack([_discounts(each) for each in counts])
        sizes = [1, *(len(each) for each in counts)]
        children = [np.bincount(key // vocab_size, minlength=size) for key, size in zip(keys, sizes, strict=False)]
        left: list[NDArray[np.float32]] = []
        for key, each, discount, size in zip(keys, counts, discounts, sizes, strict=False):
            kept = np.bincount(key // vocab_size, each - discount[np.minimum(each, 3)], minlength=size)
            total = np.bincount(key // vocab_size, each, minlength=size)
            left.append((1 - kept / np.maximum(total, 1)).astype(np.float32))
        return cls([key % vocab_size for key in keys], counts, discounts, children, left)

    def pruned(self, least: Sequence[int]) -> NGram:
        """The trie without rare sequences; what they had is left to shorter contexts.

        Args:
            least: for each depth from 1 the N from which on a node is kept, if its parent is; the first is 0.
        """
        chars, counts, children, left = [self.chars[0]], [self.counts[0]], [np.array([self.vocab_size])], [self.left[0]]
        kept = np.ones(self.vocab_size, bool)  # of the parents
        for depth in range(1, self.order):
            parents = self._keys[depth] // self.vocab_size
            keep = kept[parents] & (self.counts[depth] >= least[depth])
            chars.append(self.chars[depth][keep])
            counts.append(self.counts[depth][keep])
            children.append(np.bincount(parents[keep], minlength=len(kept))[kept])
            share = np.bincount(parents[keep], self._shares[depth][keep], minlength=len(kept))
            left.append((1 - (1 - self.left[depth]) * share).astype(np.float32)[kept])
            kept = keep
        return NGram(chars, counts, self.discounts, children, left)

    def widened(self, vocab_size: int) -> NGram:
        """The same counts for a vocabulary that has more characters at its end."""
        more = np.zeros(vocab_size - self.vocab_size, np.int64)
        children = [np.diff(starts) for starts in self.starts]
        left, counts = list(self.left), [np.concatenate([self.counts[0], more]), *self.counts[1:]]
        children[0] = np.array([vocab_size])
        if self.order > 1:
            children[1] = np.concatenate([children[1], more])
            left[1] = np.concatenate([left[1], np.ones(len(more), np.float32)])
        return NGram([np.arange(vocab_size), *self.chars[1:]], counts, self.discounts, children, left)

    def contexts(self, recent: Ids) -> list[Ids]:
        """The nodes of the contexts before some characters.

        Args:
            recent: the characters before each, the last one last, `(B, order − 1)`; −1 where there is none.

        Returns:
            For each length of a context from 0 its node, `(B,)`; −1 where nothing was seen after it.
        """
        found: list[Ids] = [np.zeros(len(recent), np.int64)]
        for length in range(1, self.order):
            node = recent[:, -length]
            for depth in range(1, length):
                char = recent[:, depth - length]
                key = np.where((node < 0) | (char < 0), -1, node * self.vocab_size + char)
                node = find(self._keys[depth], key)
            number = np.where(node < 0, 0, self.starts[length][node + 1] - self.starts[length][node])
            found.append(np.where(number > 0, node, -1))
        return found

    def _weights(self, contexts: Sequence[Ids]) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
        """The weight of each length of a context in the probability, and that of p_0; float32 `(B,)`."""
        rest = np.ones(len(contexts[0]), np.float32)
        weights: list[NDArray[np.float32]] = []
        for nodes, lefts in zip(reversed(contexts), reversed(self.left), strict=True):
            left = np.where(nodes < 0, np.float32(1), lefts[nodes] if len(lefts) else np.float32(1))
            weights.append(rest * (1 - left))
            rest = rest * left
        return weights[::-1], rest

    def probabilities(self, ids: Ids) -> NDArray[np.float64]:
        """The probability of each character of a text, given those before it: ids `(n,)` → `(n,)`."""
        ids = ids.astype(np.int64)
        contexts = self.contexts(self.windows(ids))
        weights, rest = self._weights(contexts)
        p = rest / np.float64(self.vocab_size)
        for depth, (nodes, weight) in enumerate(zip(contexts, weights, strict=True)):
            place = find(self._keys[depth], np.where(nodes < 0, -1, nodes * self.vocab_size + ids))
            if len(self._shares[depth]):
                p += weight * np.where(place < 0, 0, self._shares[depth][place])
        return p

    def windows(self, ids: Ids) -> Ids:
        """The characters before each character of a text, `(n,)` → `(n, order − 1)`, as `contexts` takes them."""
        padded = np.concatenate([np.full(self.order - 1, -1), ids])
        return np.lib.stride_tricks.sliding_window_view(padded, self.order)[:, :-1]

    def add_to(self, p: NDArray[np.float32], contexts: Sequence[Ids], scale: NDArray[np.float32]) -> None:
        """Adds the probabilities of all characters to a matrix, in place: p_bc ← p_bc + s_b · p(c | h_b).

        Args:
            p: `(B, V)`, contiguous.
            contexts: what `contexts` returned.
            scale: s `(B,)`.
        """
        weights, rest = self._weights(contexts)
        p += (scale * weights[0])[:, None] * self._shares[0]
        p += (scale * rest / np.float32(self.vocab_size))[:, None]
        flat = p.reshape(-1)
        for depth in range(1, self.order):
            rows = np.flatnonzero(contexts[depth] >= 0)
            nodes, starts = contexts[depth][rows], self.starts[depth]
            first, number = starts[nodes], starts[nodes + 1] - starts[nodes]
            ends = number.cumsum()
            # The children of all rows, one row after another.
            child = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + number, number)
            place = np.repeat(rows * p.shape[1], number) + self.chars[depth][child]
            flat[place] += np.repeat((scale * weights[depth])[rows], number) * self._shares[depth][child]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The trie in few bytes, by the names of the parts. What is left has 8 bits, and so have all counts but the
        first, of which larger ones become 255.
        """
        small = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        arrays: dict[str, NDArray[Any]] = {"discounts": self.discounts, "left.0": self.left[0]}
        arrays["counts.1"] = self.counts[0].astype(np.uint32)
        for depth in range(1, self.order):
            arrays[f"chars.{depth + 1}"] = self.chars[depth].astype(small)
            arrays[f"counts.{depth + 1}"] = np.minimum(self.counts[depth], _MOST_COUNT).astype(np.uint8)
            arrays[f"children.{depth}"] = np.diff(self.starts[depth]).astype(small)
            arrays[f"left.{depth}"] = np.rint(self.left[depth] * 255).astype(np.uint8)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> NGram:
        """Reads what `to_arrays` returned.

        Raises:
            ValueError, KeyError: the parts do not fit together.
        """
        order = len(arrays["discounts"])
        counts = [arrays[f"counts.{k}"].astype(np.int64) for k in range(1, order + 1)]
        chars = [np.arange(len(counts[0])), *(arrays[f"chars.{k}"].astype(np.int64) for k in range(2, order + 1))]
        children = [np.array([len(counts[0])]), *(arrays[f"children.{k}"].astype(np.int64) for k in range(1, order))]
        left: list[NDArray[np.float32]] = [arrays["left.0"]]
        left += [arrays[f"left.{k}"].astype(np.float32) / np.float32(255) for k in range(1, order)]
        if len(arrays) != 4 * order - 1 or not len(counts[0]) or arrays["discounts"].shape != (order, 4):
            raise ValueError("other arrays than those of an n-gram")
        for depth in range(order):
            parents = len(counts[depth - 1]) if depth else 1
            sound = len(children[depth]) == len(left[depth]) == parents and children[depth].sum() == len(chars[depth])
            sound = sound and len(counts[depth]) == len(chars[depth]) and (chars[depth] < len(counts[0])).all()
            if not sound:
                raise ValueError(f"the sequences of {depth + 1} characters do not fit the shorter ones")
        ngram = cls(chars, counts, arrays["discounts"], children, left)
        if any((np.diff(keys) <= 0).any() for keys in ngram._keys):
            raise ValueError("the sequences are not sorted")
        return ngram


def _discounts(counts: Ids) -> NDArray[np.float32]:
    """D(0) … D(3), by how many sequences were counted once, twice, three and four times (Chen & Goodman 1999).

    D(k) = k − (k + 1) Y n_{k+1} / n_k,  Y = n_1 / (n_1 + 2 n_2)
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] + n[2] else 0.5
    found = [k - (k + 1) * y * n[k + 1] / n[k] if n[k] and n[k + 1] else y for k in (1, 2, 3)]
    # A text that repeats itself has few sequences that come once, and the formula gives too little or too much.
    return np.array([0.0, *(min(max(d, 0.1), k - 0.05) for k, d in enumerate(found, 1))], np.float32)


def find(known: Ids, keys: Ids) -> Ids:
    """The index of each key in a sorted array; −1 if it is not in it."""
    if not len(known):
        return np.full(len(keys), -1)
    order = np.argsort(keys)  # sorted keys are found several times as fast, because memory is read in order
    place = np.empty(len(keys), np.int64)
    place[order] = np.searchsorted(known, keys[order])
    place = np.minimum(place, len(known) - 1)
    return np.where(known[place] == keys, place, -1)
