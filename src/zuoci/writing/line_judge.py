"""Tells lines by people from lines by a base model: text → log odds.

What a small recurrent model writes is likely character by character, and yet often no line: characters that fit only
their neighbours are strung together. A second network that reads the whole line sees that. With the base model's
probability p of a line and the classifier's log odds s that a person wrote it, people's lines have the probability

    p(line) exp(s(line)) / Z

as far as the classifier is right (noise-contrastive estimation: Gutmann and Hyvärinen 2010; as a residual energy-based
model of text: Deng et al. 2020). `zuoci.writing.particles` multiplies the weights of finished lines by exp(s).

The classifier reads the line before and the line itself. With characters as vectors x (E), ends of lines included:

    h = relu(C_1 x),  h ← h + relu(C_2 h),  h ← h + relu(C_3 h),  s = w · [mean h, max h] + b

where the convolutions C_1, C_2, C_3 have a width of 3 and are dilated by 1, 2 and 4, and mean and maximum are over the
line and its end. tools/make_line_judge.py trained it on lines of the bundled songs and of modern Chinese prose and
verse, each beside a line that the base model wrote in its place.

Dimensions: N lines, T characters, E embedding, H channels.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load as load_arrays

from zuoci.model.base import bundled_folder
from zuoci.model.quantisation import decode
from zuoci.text.folder import VOCABULARY
from zuoci.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

LINE_JUDGE = "line-judge.safetensors"
DILATIONS = (1, 2, 4)
LONGEST_BEFORE = 14  # characters; a longer line before is not read, because none was in training


class LineJudge:
    """A classifier of lines."""

    def __init__(self, characters: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes its parts.

        Args:
            characters: the characters by id.
            weights: `embedding` `(V, E)`; `convolutions.k` `(3·E or 3·H, H)` and `biases.k` `(H,)` for k from 0;
                `output` `(2·H,)` and `output_bias` `(1,)`.
        """
        self._ids = {char: number for number, char in enumerate(characters)}
        embedding = weights["embedding"]
        self._embedding = np.concatenate([embedding, np.zeros_like(embedding[:1])])  # the last for unknown characters
        self._weights = weights

    def log_odds(self, before: str, lines: Sequence[str]) -> NDArray[np.float64]:
        """The log odds that a person wrote each line after a text, of which the last line is read, `(N,)`."""
        if not lines:
            return np.empty(0)
        last = before.rstrip("\n").rpartition("\n")[2]
        start = self._read(f"\n{last if len(last) <= LONGEST_BEFORE else ''}\n")
        rows = [[*start, *self._read(line + "\n")] for line in lines]
        lengths = np.array([len(row) for row in rows])
        ids = np.full((len(rows), lengths.max()), len(self._ids))
        for ids_row, row in zip(ids, rows, strict=True):
            ids_row[: len(row)] = row
        inside = (np.arange(ids.shape[1]) < lengths[:, None])[:, :, None]
        h: NDArray[Any] = self._embedding[ids]
        for layer, dilation in enumerate(DILATIONS):
            new = np.maximum(self._convolve(h, layer, dilation), 0.0) * inside
            h = h + new if layer else new
        of_line = inside & (np.arange(ids.shape[1]) >= len(start))[None, :, None]
        mean = (h * of_line).sum(1) / of_line.sum(1)
        both = np.concatenate([mean, np.where(of_line, h, 0.0).max(1)], 1)
        return (both @ self._weights["output"] + self._weights["output_bias"]).astype(np.float64)

    def weights_for(self, characters: str) -> dict[str, NDArray[np.float32]]:
        """The weights, with the embedding of the characters of a vocabulary in its order; 0 for unknown ones."""
        return {**self._weights, "embedding": self._embedding[self._read(characters)]}

    def _read(self, text: str) -> list[int]:
        return [self._ids.get(char, len(self._ids)) for char in text]

    def _convolve(self, h: NDArray[Any], layer: int, dilation: int) -> NDArray[Any]:
        """A convolution of width 3 over time, `(N, T, …)` → `(N, T, H)`; outside of the text is 0."""
        T = h.shape[1]
        padded = np.pad(h, ((0, 0), (dilation, dilation), (0, 0)))
        windows = np.concatenate([padded[:, k * dilation : k * dilation + T] for k in range(3)], 2)
        return windows @ self._weights[f"convolutions.{layer}"] + self._weights[f"biases.{layer}"]

    @classmethod
    @cache
    def of_base(cls, name: str) -> LineJudge | None:
        """The classifier that comes with a base model; None if there is none."""
        path = bundled_folder(name) / LINE_JUDGE
        if not path.is_file():
            return None
        weights = decode(load_arrays(path.read_bytes()))
        vocabulary = Vocabulary.from_json((bundled_folder(name) / VOCABULARY).read_text("utf-8"))
        return cls(vocabulary.characters, weights)
