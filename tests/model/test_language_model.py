from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from zuoci import CharLM, ModelConfig, Vocabulary
from zuoci.model.weights import shapes_of

VOCABULARY = Vocabulary("abcdefgh")


def make(seed: int = 0, **settings: object) -> CharLM:
    config = ModelConfig.model_validate({"hidden_size": 6, **settings})
    return CharLM(config, VOCABULARY).initialise(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
@pytest.mark.parametrize("embedding_size", [0, 4])
def test_shapes(cell: str, embedding_size: int) -> None:
    model = make(cell=cell, embedding_size=embedding_size, num_layers=3)
    logits, state = model(torch.zeros(5, 2, dtype=torch.int64), model.initial_state(2))
    assert logits.shape == (5, 2, 8)
    assert [tuple(part.shape) for part in state] == [(3, 2, 6)] * (2 if cell == "lstm" else 1)


@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 4}, {"embedding_size": 4, "tie_embedding": True}])
@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
def test_weights_go_to_arrays_and_back(cell: str, embedding: dict[str, Any]) -> None:
    model = make(cell=cell, num_layers=2, **embedding)
    weights = model.weights()
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert list(shapes_of(model.config, 8).items()) == list(shapes.items())
    assert {name: array.shape for name, array in weights.arrays.items()} == shapes
    with torch.no_grad():
        model.output.bias.add_(1.0)  # which the arrays do not share
    again = CharLM.of(weights)
    assert not again.training
    for name, value in make(cell=cell, num_layers=2, **embedding).state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_weights_in_bfloat16_are_copied_in_float32() -> None:
    model = make().to(torch.bfloat16)
    arrays = model.weights().arrays
    assert {array.dtype.name for array in arrays.values()} == {"float32"}
    assert torch.equal(torch.from_numpy(arrays["output.weight"]), model.output.weight.float())


def test_the_state_is_passed_in_and_returned_never_kept() -> None:
    model = make(cell="lstm", num_layers=2)
    ids = torch.arange(8).view(8, 1)
    whole, _ = model(ids, model.initial_state(1))
    state = model.initial_state(1)
    pieces: list[torch.Tensor] = []
    for step in ids:
        logits, state = model(step.unsqueeze(0), state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces), whole)
    again, _ = model(ids, model.initial_state(1))
    assert torch.equal(again, whole)


def test_the_same_generator_gives_the_same_weights_and_torchs_global_one_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    first, second, other = make(1), make(1), make(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert not torch.equal(first.output.weight, other.output.weight)


def test_lesson_weights_are_the_lessons_distribution() -> None:
    config = ModelConfig(cell="rnn", hidden_size=300)
    model = CharLM(config, VOCABULARY).initialise(torch.Generator().manual_seed(0), "lesson")
    for name, param in model.named_parameters():
        if "bias" in name:
            assert not param.any()
        else:
            assert abs(param.std().item() - 0.01) < 1e-3


def test_the_lstms_forget_gate_starts_open() -> None:
    bias = dict(make(cell="lstm").named_parameters())["layers.0.bias_ih_l0"]
    assert bias.chunk(4)[1].tolist() == [1.0] * 6
    assert bias.sum() == 6


@pytest.mark.parametrize(("cell", "trained"), [("rnn", False), ("lstm", False), ("gru", True)])
def test_a_bias_that_stands_twice_in_a_sum_is_trained_once(cell: str, trained: bool) -> None:
    params = dict(make(cell=cell).named_parameters())
    assert params["layers.0.bias_ih_l0"].requires_grad
    assert params["layers.0.bias_hh_l0"].requires_grad is trained


def test_dropout_is_drawn_from_the_generator_and_only_in_training() -> None:
    model = make(dropout=0.5, embedding_size=4)
    ids = torch.arange(8).view(4, 2)

    def run(seed: int) -> torch.Tensor:
        return model(ids, model.initial_state(2), torch.Generator().manual_seed(seed))[0]

    model.train()
    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    model.eval()
    assert torch.equal(run(1), run(2))


def test_dropout_keeps_the_mean() -> None:
    model = make(dropout=0.25).train()
    dropped = model._drop(torch.ones(200, 500), torch.Generator().manual_seed(0))  # pyright: ignore
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("settings", [{"hidden_size": 0}, {"cell": "cnn"}, {"dropout": 1.0}, {"size": 3}])
def test_settings_out_of_bounds(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelConfig.model_validate(settings)


class TestTiedEmbedding:
    def test_the_embedding_is_saved_once_and_loaded_into_both(self) -> None:
        model, other = make(0, embedding_size=4, tie_embedding=True), make(1, embedding_size=4, tie_embedding=True)
        weights = model.state_dict()
        assert "output.weight" not in weights
        assert weights["projection.weight"].shape == (4, 6)
        other.load_state_dict(weights)
        assert torch.equal(other.output.weight, model.output.weight)
        assert other.embedding is not None
        assert other.output.weight is other.embedding.weight

    def test_the_logits_are_products_with_the_embedding(self) -> None:
        model = make(embedding_size=4, tie_embedding=True).double()
        with torch.no_grad():
            model.output.bias.copy_(torch.arange(8.0))
        ids = torch.arange(8).view(4, 2)
        plain = make(embedding_size=4).double()
        weights = model.state_dict()
        projection = weights.pop("projection.weight")
        plain.load_state_dict({**weights, "output.weight": weights["embedding.weight"] @ projection})
        got, expected = (each(ids, each.initial_state(2))[0] for each in (model, plain))
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)

    def test_there_has_to_be_an_embedding(self) -> None:
        with pytest.raises(ValidationError, match="tie_embedding needs an embedding"):
            ModelConfig(tie_embedding=True)
