"""The baseline that a model has to beat: an n-gram, which only counts characters.

A run scores it on the held-out text beside the trained model; `zuoci score` compares with it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zuoci.errors import CorpusError
from zuoci.model.ngram import NGram
from zuoci.training.evaluation import Score

if TYPE_CHECKING:
    from torch import Tensor

ORDER = 5  # length of the longest n-grams


def score_by_counting(training: Tensor, vocab_size: int, ids: Tensor, *, of: str = "the text") -> Score:
    """Scores every character of a text after the first by the counts of another one.

    Args:
        training: the text that is counted, int64 `(n,)`.
        vocab_size: the number of different characters.
        ids: the text that is scored, int64 `(m,)`.
        of: the name of the scored text in the protocol.

    Raises:
        CorpusError: the scored text has fewer than 2 characters.
    """
    if len(ids) < 2:
        raise CorpusError(f"{of} is too short to be scored: {len(ids)} characters, 2 are needed")
    return score_by_ngram(NGram.of(training.numpy(), vocab_size, ORDER), ids, of=of)


def score_by_ngram(ngram: NGram, ids: Tensor, *, of: str) -> Score:
    """Scores every character of a text after the first by an n-gram: `(m,)`, m ≥ 2; `of` names the text."""
    nll = float(-np.log(ngram.probabilities(ids.numpy())[1:]).mean())
    return Score(nll=nll, characters=len(ids) - 1, protocol=f"{of}, Kneser–Ney {ngram.order}-gram")
