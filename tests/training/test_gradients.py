"""A minibatch shared among threads has the gradient that it has in one piece."""

from __future__ import annotations

import threading

import pytest
import torch
from torch.nn.functional import cross_entropy

import zuoci
from zuoci.training.gradients import Gradients, Workers


def make(cell: str = "gru", **settings: object) -> tuple[zuoci.CharLM, zuoci.Batch]:
    config = zuoci.ModelConfig.model_validate({"cell": cell, "hidden_size": 6, "embedding_size": 4, **settings})
    generator = torch.Generator().manual_seed(0)
    model = zuoci.CharLM(config, zuoci.Vocabulary("abcdefg")).initialise(generator).double()
    ids = torch.randint(7, (6, 5), generator=generator)
    return model, zuoci.Batch(ids[:-1], ids[1:])


@pytest.mark.parametrize("path", ["fused", "torch"])
@pytest.mark.parametrize("threads", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_parts_sum_to_the_whole(cell: str, threads: int, path: zuoci.ModelConfig) -> None:
    model, batch = make(cell, num_layers=2)
    state = tuple(torch.randn_like(part) for part in model.initial_state(5))
    logits, after = model(batch.inputs, state)
    loss = cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    params = [param for param in model.parameters() if param.requires_grad]
    wanted = torch.autograd.grad(loss, params)
    model.path = path  # pyright: ignore[reportAttributeAccessIssue]
    with Workers(threads) as workers:
        nll, got = Gradients(model, workers, torch.float64, seed=0).compute(batch, state)
    assert nll == pytest.approx(loss.item(), rel=1e-12)
    for one, other in zip(got, after, strict=True):
        torch.testing.assert_close(one, other)
        assert not one.requires_grad
    for param, grad in zip(params, wanted, strict=True):
        torch.testing.assert_close(param.grad, grad)


@pytest.mark.parametrize("path", ["fused", "torch"])
def test_bfloat16_follows_the_weights_as_they_change(path: zuoci.ModelConfig) -> None:
    model, batch = make()
    model.float().path = path  # pyright: ignore[reportAttributeAccessIssue]
    with Workers(2) as workers:
        gradients = Gradients(model, workers, torch.bfloat16, seed=0)
        exact = Gradients(model, workers, torch.float32, seed=0)
        for _ in range(2):
            nll, _ = gradients.compute(batch, gradients.initial_state(5))
            rounded = [param.grad for param in gradients.params]
            wanted, _ = exact.compute(batch, exact.initial_state(5))
            assert nll == pytest.approx(wanted, rel=2e-2)
            for param, grad in zip(gradients.params, rounded, strict=True):
                assert param.grad is not None
                assert grad is not None
                assert grad.dtype == torch.float32
                assert (grad - param.grad).norm() < 0.05 * param.grad.norm() + 1e-4
            with torch.no_grad():
                for param in gradients.params:
                    param.mul_(3.0)
        reader = gradients.reader()
        torch.testing.assert_close(reader.output.weight.float(), model.output.weight, rtol=1e-2, atol=1e-3)


def test_each_part_has_dropout_of_its_own_that_the_seed_decides() -> None:
    model, batch = make(dropout=0.5)
    same = zuoci.Batch(batch.inputs[:, :1].repeat(1, 2), batch.targets[:, :1].repeat(1, 2))
    figures: list[float] = []
    for seed in (1, 1, 2):
        with Workers(2) as workers:
            gradients = Gradients(model, workers, torch.float64, seed)
            nll, state = gradients.compute(same, gradients.initial_state(2))
        assert not torch.equal(state[0][:, 0], state[0][:, 1])
        figures.append(nll)
    assert figures[0] == figures[1] != figures[2]


def test_workers_leave_torch_as_it_was_and_no_thread_behind() -> None:
    usual, threads = torch.get_num_threads(), threading.active_count()
    with Workers(3) as workers:
        assert torch.get_num_threads() == 1
        assert workers.map(lambda _: torch.get_num_threads(), range(6)) == [1] * 6
        with pytest.raises(ZeroDivisionError):
            workers.map(lambda k: 1 // k, [1, 0])
    assert (torch.get_num_threads(), threading.active_count()) == (usual, threads)
