"""Logits → the id of the next character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def greedy(logits: Tensor) -> int:
    """The most probable id; of several, the first.

    Args:
        logits: `(V,)`.
    """
    return int(logits.argmax().item())


def draw(logits: Tensor, temperature: float, generator: torch.Generator) -> int:
    """Draws an id with probability softmax(logits / temperature), from one uniform number.

    Args:
        logits: `(V,)`.
        temperature: above 0.
        generator: on the CPU.
    """
    # In float64 on the CPU, so that devices and precisions agree wherever their logits do.
    bounds = torch.softmax(logits.double().cpu() / temperature, dim=-1).cumsum(dim=-1)
    uniform = torch.rand((), dtype=torch.float64, generator=generator) * bounds[-1]
    return min(int(torch.searchsorted(bounds, uniform, right=True).item()), len(logits) - 1)
