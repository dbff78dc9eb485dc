from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci import WriteConfig, Writer, lesson
from zuoci.writing.sampling import draw, greedy


def test_the_same_seed_writes_the_same_text(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    first, again, other = (writer.write("山", WriteConfig(length=60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.text != other.text
    assert first.text.startswith("山")
    assert len(first.text) == 61


def test_unknown_characters_of_the_opening_are_said_and_left_out(model: zuoci.CharLM) -> None:
    lyrics = Writer(model).write("山€前Q", WriteConfig(length=3))
    assert lyrics.text.startswith("山前")
    assert lyrics.unknown == "€Q"
    assert len(lyrics.text) == 5


@given(st.text(max_size=8))
def test_any_opening_is_written_on(opening: str) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=3), zuoci.Vocabulary("ab")).initialise(torch.Generator())
    assert len(Writer(model).write(opening, WriteConfig(length=4)).text) >= 4


def test_greedy_is_the_lessons_prediction() -> None:
    """The lesson's own `predict_rnn` writes what the model with its weights writes."""
    chars = sorted(set("分开不我 "))
    char_to_idx = {char: i for i, char in enumerate(chars)}
    params = lesson.get_params(len(chars), 9, "cpu", torch.Generator().manual_seed(3))
    params = [(param.detach() * 100).requires_grad_() for param in params]
    expected = lesson.predict_rnn(
        "不分开", 40, lesson.rnn, params, lesson.init_rnn_state, 9, len(chars), "cpu", chars, char_to_idx
    )
    model = zuoci.CharLM(zuoci.ModelConfig(cell="rnn", hidden_size=9), zuoci.Vocabulary(chars))
    W_xh, W_hh, b_h, W_hq, b_q = (param.detach() for param in params)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    weights = {f"layers.0.{name}": value for name, value in zip(names, [W_xh.t(), W_hh.t(), b_h], strict=True)}
    model.load_state_dict(
        {**weights, "layers.0.bias_hh_l0": b_h * 0, "output.weight": W_hq.t(), "output.bias": b_q}, strict=True
    )
    assert Writer(model).write("不分开", WriteConfig(length=40, greedy=True)).text == expected


def test_the_nll_is_that_of_what_was_written(model: zuoci.CharLM) -> None:
    lyrics = Writer(model).write("山前", WriteConfig(length=20, seed=5))
    ids = model.vocabulary.encode(lyrics.text)
    logits, _ = model(ids[:-1].unsqueeze(1), model.initial_state(1))
    nll = torch.nn.functional.cross_entropy(logits[1:, 0], ids[2:])
    assert lyrics.nll == pytest.approx(nll.item(), rel=1e-4)


def test_draws_follow_the_softmax_of_logits_over_temperature() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    generator = torch.Generator().manual_seed(0)
    for temperature in (0.5, 1.0, 2.0):
        expected = torch.softmax(logits / temperature, dim=0) * 4000
        counts = torch.bincount(torch.tensor([draw(logits, temperature, generator) for _ in range(4000)]), minlength=4)
        chi_square = ((counts - expected) ** 2 / expected).sum().item()
        assert chi_square < 16.27  # p = 0.001 with 3 degrees of freedom


def test_what_is_impossible_is_never_drawn() -> None:
    logits = torch.tensor([-math.inf, 0.0, -math.inf])
    generator = torch.Generator().manual_seed(0)
    assert {draw(logits, 1.0, generator) for _ in range(200)} == {1}


def test_a_low_temperature_is_greedy() -> None:
    logits = torch.tensor([1.0, 3.0, 2.0])
    generator = torch.Generator().manual_seed(0)
    assert {draw(logits, 0.01, generator) for _ in range(100)} == {greedy(logits)} == {1}
