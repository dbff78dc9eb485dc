from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci import WriteConfig, Writer, lesson


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
