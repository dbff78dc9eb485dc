"""One function, three ways to compute it: the lesson from scratch, `torch.nn`, and zuoci's model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

import zuoci
from zuoci import lesson
from zuoci.text.corpus import Song

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T, B, V, H = 7, 3, 11, 6


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def assert_same(mine: Tensor | None, other: Tensor | None) -> None:
    torch.testing.assert_close(mine, other, rtol=0.0, atol=1e-10)


def lesson_params(get_params: Callable[..., list[Tensor]] = lesson.get_params) -> list[Tensor]:
    params = get_params(V, H, "cpu", torch.Generator().manual_seed(0))
    return [(param.detach().double() * 50).requires_grad_() for param in params]


def torch_module(params: Sequence[Tensor], module: nn.RNN | nn.LSTM) -> nn.RNN | nn.LSTM:
    """`torch.nn`'s module with the lesson's weights: its gates stand on top of one another, transposed."""
    order = [0] if isinstance(module, nn.RNN) else [0, 1, 3, 2]  # the lesson's i f o c → torch.nn's i f g o
    weight_ih, weight_hh, bias = (torch.cat([params[3 * gate + i].detach().t() for gate in order]) for i in range(3))
    module.load_state_dict(
        {"weight_ih_l0": weight_ih, "weight_hh_l0": weight_hh, "bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
    )
    return module


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_the_lesson_equals_torch_nn_forward_and_in_every_gradient(name: str) -> None:
    if name == "rnn":
        params = lesson_params()
        module = torch_module(params, nn.RNN(V, H).double())
        cell, state = lesson.rnn, [torch.randn(B, H, dtype=torch.float64, requires_grad=True)]
    else:
        params = lesson_params(lesson.get_lstm_params)
        module = torch_module(params, nn.LSTM(V, H).double())
        cell, state = lesson.lstm, [torch.randn(B, H, dtype=torch.float64, requires_grad=True) for _ in "hc"]
    ids = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))
    inputs = [X.double() for X in lesson.to_onehot(ids, V)]
    weight = torch.randn(T, B, V, dtype=torch.float64)

    outputs, after = cell(inputs, tuple(state), params)
    (torch.stack(outputs) * weight).sum().backward()

    theirs = [part.detach().unsqueeze(0).requires_grad_() for part in state]
    hidden, their_after = module(torch.stack(inputs), theirs[0] if name == "rnn" else tuple(theirs))
    W_hq, b_q = (param.detach().clone().requires_grad_() for param in params[-2:])
    logits = hidden @ W_hq + b_q
    (logits * weight).sum().backward()

    assert_same(torch.stack(outputs), logits)
    their_after = their_after if isinstance(their_after, tuple) else (their_after,)
    for mine, other in zip(after, their_after, strict=True):
        assert_same(mine, other[0])
    for mine, other in zip(state, theirs, strict=True):
        assert_same(gradient(mine), gradient(other)[0])
    order = [0] if name == "rnn" else [0, 1, 3, 2]
    for i, name in enumerate(["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]):
        mine = torch.cat([gradient(params[3 * gate + i]).t() for gate in order])
        assert_same(mine, gradient(module.get_parameter(name)))
    assert_same(params[-2].grad, W_hq.grad)
    assert_same(params[-1].grad, b_q.grad)


def test_the_lessons_gru_by_its_equations() -> None:
    params = lesson_params(lesson.get_gru_params)
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    X = torch.randn(B, V, dtype=torch.float64)
    H0 = torch.randn(B, H, dtype=torch.float64)
    (output,), (H1,) = lesson.gru([X], (H0,), params)
    for b in range(B):  # one sequence at a time, as matrix · vector
        z = torch.sigmoid(W_xz.t() @ X[b] + W_hz.t() @ H0[b] + b_z)
        r = torch.sigmoid(W_xr.t() @ X[b] + W_hr.t() @ H0[b] + b_r)
        candidate = torch.tanh(W_xh.t() @ X[b] + W_hh.t() @ (r * H0[b]) + b_h)
        expected = z * H0[b] + (1 - z) * candidate
        assert_same(H1[b], expected)
        assert_same(output[b], W_hq.t() @ expected + b_q)


def char_lm(params: Sequence[Tensor], vocabulary: zuoci.Vocabulary) -> zuoci.CharLM:
    """zuoci's model with the lesson's weights."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    model = zuoci.CharLM(zuoci.ModelConfig(cell="rnn", hidden_size=len(b_h)), vocabulary).to(W_xh.dtype)
    weights = {
        "layers.0.weight_ih_l0": W_xh.detach().t(),
        "layers.0.weight_hh_l0": W_hh.detach().t(),
        "layers.0.bias_ih_l0": b_h.detach(),
        "layers.0.bias_hh_l0": torch.zeros_like(b_h),
        "output.weight": W_hq.detach().t(),
        "output.bias": b_q.detach(),
    }
    model.load_state_dict({name: value.contiguous() for name, value in weights.items()})
    return model


def test_the_model_equals_the_lesson_with_the_state_carried_on() -> None:
    params = lesson_params()
    model = char_lm(params, zuoci.Vocabulary("abcdefghijk"))
    ids = torch.randint(V, (B, 2 * T), generator=torch.Generator().manual_seed(2))
    inputs = [X.double() for X in lesson.to_onehot(ids, V)]
    outputs, (H_n,) = lesson.rnn(inputs, (torch.zeros(B, H, dtype=torch.float64),), params)
    first, state = model(ids.t()[:T], model.initial_state(B))
    second, state = model(ids.t()[T:], state)
    assert_same(torch.cat([first, second]), torch.stack(outputs))
    assert_same(state[0][0], H_n)


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_an_embedding_of_unit_vectors_is_the_one_hot_input(cell: str, num_layers: int) -> None:
    vocabulary = zuoci.Vocabulary("abcdefghijk")
    sizes = {"cell": cell, "hidden_size": H, "num_layers": num_layers}
    one_hot = zuoci.CharLM(zuoci.ModelConfig.model_validate(sizes), vocabulary).double()
    one_hot.initialise(torch.Generator().manual_seed(3))
    embedded = zuoci.CharLM(zuoci.ModelConfig.model_validate({**sizes, "embedding_size": V}), vocabulary).double()
    embedded.load_state_dict({**one_hot.state_dict(), "embedding.weight": torch.eye(V, dtype=torch.float64)})
    ids = torch.randint(V, (T, B), generator=torch.Generator().manual_seed(4))
    a, a_state = one_hot(ids, one_hot.initial_state(B))
    b, b_state = embedded(ids, embedded.initial_state(B))
    assert_same(a, b)
    for mine, other in zip(a_state, b_state, strict=True):
        assert_same(mine, other)


@pytest.mark.parametrize("sampling", ["random", "consecutive"])
def test_the_lesson_recipe_has_the_lessons_loss_curve(sampling: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = zuoci.load_lyrics("zh").text[:2500]
    corpus = zuoci.Corpus((Song("text", text),))
    overrides = {"sampling": sampling, "epochs": 6, "hidden_size": 32, "batch_size": 8, "seq_len": 10}
    settings = zuoci.resolve("lesson", overrides)
    spaced = text.replace("\n", " ")
    chars = sorted(set(spaced))
    char_to_idx = {char: i for i, char in enumerate(chars)}

    generator = torch.Generator().manual_seed(settings.training.seed)
    params = [
        param.detach().double().requires_grad_()
        for param in lesson.get_params(len(chars), 32, "cpu", torch.Generator().manual_seed(9))
    ]
    model = char_lm(params, zuoci.Vocabulary(spaced))

    def rnn(inputs: Sequence[Tensor], state: tuple[Tensor, ...], params: Sequence[Tensor]) -> Any:
        return lesson.rnn([X.double() for X in inputs], tuple(H.double() for H in state), params)

    lesson.train_and_predict_rnn(
        rnn, lambda: params, lesson.init_rnn_state, 32, len(chars), "cpu",
        [char_to_idx[char] for char in spaced], chars, char_to_idx, sampling == "random",
        6, 10, 100.0, 0.01, 8, 1, 20, [spaced[:2]], generator,
    )  # fmt: skip
    printed = [float(figure) for figure in re.findall(r"perplexity (\S+),", capsys.readouterr().out)]

    reports = zuoci.train(corpus, settings, model=model, device="cpu")
    curve = [report.train.perplexity for report in reports if isinstance(report, zuoci.EvalReport)]
    assert curve == pytest.approx(printed, abs=1e-5)
    assert curve[-1] < curve[0] / 2
    for mine, name in zip(params[:2], ["weight_ih_l0", "weight_hh_l0"], strict=True):
        torch.testing.assert_close(mine.t(), model.layers[0].get_parameter(name), rtol=0.0, atol=1e-8)
