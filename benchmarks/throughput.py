"""Characters a second in training, against torch.nn's own modules doing the same step; and the share of the peak.

    python benchmarks/throughput.py

A step is the loss of a minibatch and the gradients of all weights. Both sides run on all cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import zuoci
from common import median_seconds, publish
from zuoci.model.products import has_onednn, product
from zuoci.training.gradients import Gradients, Workers
from zuoci.training.pace import Shape, measure

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
SHAPES = [("rnn", 32, 35, 256, 1027), ("gru", 64, 32, 512, 65), ("lstm", 64, 32, 512, 65)]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
MODULES = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def main() -> None:
    peaks = {dtype: peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    rows: list[dict[str, object]] = []
    for cell, B, T, H, V in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            threads = torch.get_num_threads()
            with Workers(threads) as workers:
                ours = zuoci_step(cell, B, T, H, V, dtype, workers)
                theirs = torch_step(cell, B, T, H, V, dtype)

                def on_all_cores(step: Callable[[], object] = theirs, threads: int = threads) -> None:
                    torch.set_num_threads(threads)
                    step()
                    torch.set_num_threads(1)

                seconds, usual = median_seconds([ours, on_all_cores], ROUNDS)
            # Three products (forward, two backward) of the recurrent and of the output weights; 2 operations each.
            operations = 6 * B * T * (GATES[cell] * H * H + H * V)
            rows.append(
                {
                    "cell": cell,
                    "B": B,
                    "T": T,
                    "H": H,
                    "V": V,
                    "precision": str(dtype).removeprefix("torch."),
                    "torch.nn, characters/s": B * T / usual,
                    "zuoci, characters/s": B * T / seconds,
                    "ratio": usual / seconds,
                    "share of the peak": operations / seconds / peaks[dtype],
                }
            )
    publish("throughput", rows, peak_gflops={str(dtype): value / 1e9 for dtype, value in peaks.items()})


def peak(dtype: torch.dtype) -> float:
    """Operations a second of a large matrix product, by the faster of torch's libraries."""
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    ours = [lambda: product(a, b, "onednn")] * has_onednn()
    seconds = min(median_seconds([lambda: a @ b, *ours], ROUNDS))
    return 2 * 2048**3 / seconds


def zuoci_step(cell: str, B: int, T: int, H: int, V: int, dtype: torch.dtype, workers: Workers) -> Callable[[], object]:
    generator = torch.Generator().manual_seed(0)
    config = zuoci.ModelConfig.model_validate({"cell": cell, "hidden_size": H})
    model = zuoci.CharLM(config, zuoci.Vocabulary(chr(0x4E00 + i) for i in range(V))).initialise(generator)
    precision = str(dtype).removeprefix("torch.")
    model.products = measure(Shape(config, V, B, T), precision, threads=workers.count).way.products  # as a run does
    gradients = Gradients(model, workers, dtype, seed=0)
    ids = torch.randint(V, (T + 1, B), generator=generator)
    batch, state = zuoci.Batch(ids[:-1], ids[1:]), gradients.initial_state(B)
    return lambda: gradients.compute(batch, state)


def torch_step(cell: str, B: int, T: int, H: int, V: int, dtype: torch.dtype) -> Callable[[], object]:
    layer, output = MODULES[cell](V, H), nn.Linear(H, V)
    params = [*layer.parameters(), *output.parameters()]
    ids = torch.randint(V, (T + 1, B))

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            hidden, _ = layer(one_hot(ids[:-1], V).float())
            logits = output(hidden)
        torch.autograd.grad(cross_entropy(logits.flatten(0, 1).float(), ids[1:].flatten()), params)

    return step


if __name__ == "__main__":
    main()
