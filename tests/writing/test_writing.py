from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci import WriteConfig, Writer, lesson
from zuoci.model.stepper import Stepper
from zuoci.writing.sampling import at_temperature, draw, greedy


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


def draws(logits: list[float], temperature: float, count: int) -> np.ndarray[Any, Any]:
    uniform = np.random.default_rng(0).random(count)
    rows = np.tile(np.array(logits, np.float32), (count, 1))
    return draw(at_temperature(rows, np.full(count, temperature)), uniform)


def test_draws_follow_the_softmax_of_logits_over_temperature() -> None:
    logits = [0.0, 1.0, 2.0, -1.0]
    for temperature in (0.5, 1.0, 2.0):
        expected = torch.softmax(torch.tensor(logits) / temperature, dim=0).numpy() * 4000
        counts = np.bincount(draws(logits, temperature, 4000), minlength=4)
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert chi_square < 16.27  # p = 0.001 with 3 degrees of freedom


def test_what_is_impossible_is_never_drawn() -> None:
    assert set(draws([-math.inf, 0.0, -math.inf], 1.0, 200)) == {1}
    last = draw(np.array([[0.0, 0.0, -math.inf]], np.float32), np.array([1.0 - 2**-53]))
    assert last[0] == 1


def test_a_low_temperature_is_greedy() -> None:
    logits = [1.0, 3.0, 2.0]
    assert set(draws(logits, 0.01, 100)) == set(greedy(np.array([logits], np.float32))) == {1}


@pytest.mark.parametrize("embedding_size", [0, 4])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
def test_the_stepper_is_the_model_character_by_character(cell: str, num_layers: int, embedding_size: int) -> None:
    config = {"cell": cell, "hidden_size": 5, "num_layers": num_layers, "embedding_size": embedding_size}
    model = zuoci.CharLM(zuoci.ModelConfig.model_validate(config), zuoci.Vocabulary("abcdefg")).double()
    model.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for param in model.parameters():
            param.add_(torch.randn(param.shape, generator=torch.Generator().manual_seed(param.numel())))
    ids = torch.randint(7, (12, 3), generator=torch.Generator().manual_seed(1))
    expected, _ = model(ids, model.initial_state(3))
    stepper = Stepper(model)
    state = stepper.start(3)
    for now, logits in zip(ids, expected, strict=True):
        before = [part.copy() for part in state]
        got, after = stepper.step(now.numpy(), state)
        np.testing.assert_allclose(got, logits.detach().numpy(), rtol=1e-10, atol=1e-12)
        assert all(np.array_equal(one, other) for one, other in zip(before, state, strict=True))
        state = after


def test_many_texts_at_once_are_those_that_are_written_alone(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    openings = ["山", "山前一路", "", "路上", "人"]
    configs = [WriteConfig(length=3 + 9 * k, seed=k, temperature=0.5 + k, greedy=k == 3) for k in range(5)]
    together = writer.write_many(openings, configs)
    alone = [writer.write(opening, config) for opening, config in zip(openings, configs, strict=True)]
    assert [lyrics.text for lyrics in together] == [lyrics.text for lyrics in alone]
    assert [lyrics.nll for lyrics in together] == pytest.approx([lyrics.nll for lyrics in alone], rel=1e-5)
    assert writer.write_many([], []) == []


def test_a_longer_text_begins_like_a_shorter_one(model: zuoci.CharLM) -> None:
    short, long = (Writer(model).write("山", WriteConfig(length=n, seed=7)).text for n in (20, 600))
    assert long.startswith(short)


@pytest.mark.parametrize("word", ["", " ", "山\n前"])
def test_a_word_that_must_appear_is_one(word: str) -> None:
    with pytest.raises(ValueError, match="a word that must appear has characters"):
        WriteConfig(word=(word,))


def test_the_lowest_temperature_is_greedy_too(model: zuoci.CharLM) -> None:
    coldest = Writer(model).write("山", WriteConfig(length=20, temperature=5e-324, max_repeats=0)).text
    assert coldest == Writer(model).write("山", WriteConfig(length=20, temperature=1e-3, max_repeats=0)).text
