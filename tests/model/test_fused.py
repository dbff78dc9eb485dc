"""The fused layers against torch.nn: the same numbers, and the same gradients of everything."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import zuoci
from zuoci.model.fused import output_loss, run_layer

CELLS = ["rnn", "rnn_relu", "gru"]


def make(cell: str, **settings: object) -> zuoci.CharLM:
    config = zuoci.ModelConfig.model_validate({"cell": cell, "hidden_size": 6, **settings})
    model = zuoci.CharLM(config, zuoci.Vocabulary("abcdefghij")).double()
    model.initialise(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "bias" in name:
                param.normal_(generator=torch.Generator().manual_seed(len(name)))
    return model


def everything(model: zuoci.CharLM, path: zuoci.ModelConfig | str, ids: Tensor) -> list[Tensor]:
    """Logits, last state, and the gradients of weights and initial state, of two calls with the state carried on."""
    model.path = path  # pyright: ignore[reportAttributeAccessIssue]
    shape = (model.config.num_layers, ids.shape[1], model.config.hidden_size)
    generator = torch.Generator().manual_seed(2)
    start = tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for _ in model.initial_state(ids.shape[1])
    )
    first, state = model(ids[:4], start)
    second, state = model(ids[4:], state)
    outputs = [first, second, *state]
    total = torch.stack(
        [(out * torch.randn(out.shape, generator=generator, dtype=torch.float64)).sum() for out in outputs]
    ).sum()
    params = [param for param in model.parameters() if param.requires_grad]
    return [*outputs, *torch.autograd.grad(total, [*params, *start])]


@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 5}, {"embedding_size": 5, "tie_embedding": True}])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_fused_equals_torch_in_float64(cell: str, num_layers: int, embedding: dict[str, Any]) -> None:
    model = make(cell, num_layers=num_layers, **embedding)
    for seed, shape in enumerate([(9, 3), (5, 1), (6, 2)]):  # more ids than characters, and fewer
        ids = torch.randint(10, shape, generator=torch.Generator().manual_seed(seed))
        fused, usual = (everything(model, path, ids) for path in ("fused", "torch"))
        for one, other in zip(fused, usual, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 4e-2)])
@pytest.mark.parametrize("cell", CELLS)
def test_lower_precision_is_within_rounding(cell: str, dtype: torch.dtype, tolerance: float) -> None:
    model = make(cell)
    ids = torch.randint(10, (12, 4), generator=torch.Generator().manual_seed(0))
    exact = everything(model, "fused", ids)
    x, weights = one_hot(ids, 10), [param.detach().to(dtype).requires_grad_() for param in model.layers[0].parameters()]
    h0 = model.initial_state(4)[0][0].to(dtype)
    out, looked_up = run_layer(cell, x.to(dtype), h0, *weights), run_layer(cell, ids, h0, *weights)
    torch.testing.assert_close(out.float(), looked_up.float(), rtol=tolerance, atol=tolerance)
    model.path = "torch"
    reference, _ = model.hidden(ids, model.initial_state(4))
    assert ((out.double() - reference).norm() / reference.norm()).item() < tolerance
    grads = torch.autograd.grad(out.float().square().sum(), weights[:3])
    wanted = torch.autograd.grad(reference.square().sum(), list(model.layers[0].parameters())[:3])
    for grad, want in zip(grads, wanted, strict=True):
        assert ((grad.double() - want).norm() / want.norm()).item() < tolerance
    assert len(exact) > 3


@pytest.mark.parametrize("rows", [1, 20, 50])
def test_output_loss_is_softmax_cross_entropy(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuoci.model.fused._CACHED", 200)  # several pieces
    generator = torch.Generator().manual_seed(0)
    output = nn.Linear(6, 10).double()
    hidden = torch.randn(rows, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(10, (rows,), generator=generator)
    leaves = [hidden, output.weight, output.bias]
    fused = output_loss(hidden, output.weight, output.bias, targets) / rows
    usual = cross_entropy(output(hidden), targets)
    torch.testing.assert_close(fused, usual)
    for one, other in zip(torch.autograd.grad(fused, leaves), torch.autograd.grad(usual, leaves), strict=True):
        torch.testing.assert_close(one, other)
