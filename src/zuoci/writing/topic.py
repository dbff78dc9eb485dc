"""What a text is about: words → how close each character is to them.

Characters that stand in like places get like vectors when a model learns them, and so do things that are named
together: the neighbours of 雨 are 雪 霜 风 雾 泪. With e_c the output weights of character c, less the mean over all
characters and the part along the two directions in which they differ most, which tell frequent characters from rare
ones (all but the top: Mu and Viswanath 2018),

    affinity(c) = max over the words w of cos(e_c, Σ of e over the characters of w), or 0 below 0.15

`zuoci.writing.particles` adds 3 · 2⁻ᵏ affinity to the logits, where k is the number of close characters (affinity over
0.3) among the last 16, so that the topic comes up and does not fill the text.
`zuoci.writing.line_score` prefers lines with close characters. No word is forced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper
    from zuoci.text.vocabulary import Vocabulary

_BIAS = 3.0  # nats
_LEAST, _CLOSE = 0.15, 0.3  # affinities
_COMMON = 2  # directions
_LOOKED_BACK = 16  # characters


class Topic:
    """What a text is about.

    Attributes:
        affinities: how close each character is, from 0 to 1; characters with 0 are left out.
    """

    def __init__(self, stepper: Stepper, vocabulary: Vocabulary, words: Sequence[str]) -> None:
        """Finds the characters that are close to some words; characters that the model does not know are ignored."""
        output: NDArray[np.float32] = stepper.output.weight
        vectors = output - output.mean(0)
        _, axes = np.linalg.eigh(vectors.T @ vectors)
        common = axes[:, -_COMMON:]
        vectors -= vectors @ common @ common.T
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        closest = np.zeros(len(vectors), np.float32)
        for word in words:
            known, _ = vocabulary.adapt(word)
            if known:
                together = vectors[vocabulary.look_up(known)].sum(0)
                closest = np.maximum(closest, vectors @ (together / max(float(np.linalg.norm(together)), 1e-12)))
        closest *= [char.isalpha() for char in vocabulary.characters] & (closest > _LEAST)
        self.affinities = {char: float(a) for char, a in zip(vocabulary.characters, closest, strict=True) if a > 0}
        self._bias: NDArray[np.float32] = (_BIAS * closest).astype(np.float32)

    def bias(self, text: str) -> NDArray[np.float32]:
        """What to add to the logits after a text, in nats, `(V,)`."""
        close = sum(self.affinities.get(char, 0.0) > _CLOSE for char in text[-_LOOKED_BACK:])
        return self._bias * np.float32(0.5**close)

    def closeness(self, line: str) -> float:
        """How close a line is: the affinities of its two closest characters, added."""
        return sum(sorted((self.affinities.get(char, 0.0) for char in {*line}), reverse=True)[:2])
