from __future__ import annotations

import numpy as np
import pytest
import torch

import zuoci
from zuoci.model.ngram import NGram
from zuoci.training.baseline import ORDER, score_by_counting


def test_the_score_is_the_mean_over_all_characters_but_the_first() -> None:
    text = torch.randint(5, (300,), generator=torch.Generator().manual_seed(0))
    score = score_by_counting(text[:200].int(), 6, text[200:], of="it")
    expected = -np.log(NGram.of(text[:200].numpy(), 6, ORDER).probabilities(text[200:].numpy())[1:]).mean()
    assert score.nll == pytest.approx(expected)
    assert score.protocol == "it, Kneser–Ney 5-gram"
    assert score.characters == 99


def test_too_short() -> None:
    with pytest.raises(zuoci.CorpusError, match="too short to be scored"):
        score_by_counting(torch.tensor([0]), 1, torch.tensor([0]))
