"""Gradients → new weights: the optimizer of a run, and gradient clipping. `trainer` calls both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.utils import get_total_norm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from zuoci.model.language_model import CharLM
    from zuoci.training.recipe import TrainConfig

_BETAS = (0.9, 0.99)  # runs have hundreds to thousands of steps, which are too few for the usual 0.999


def make_optimizer(model: CharLM, config: TrainConfig) -> torch.optim.Optimizer:
    """Makes the optimizer. Each of its parameter groups has a `scale`, a factor on the learning rate.

    The groups are the output layer and the rest, each divided into matrices, which are decayed, and biases.

    Args:
        model: the model to train.
        config: `optimizer`, `learning_rate`, `output_rate` and `weight_decay` are used.
    """
    groups: list[dict[str, object]] = []
    for of_output in (False, True):
        for decayed in (True, False):
            params = [
                param
                for name, param in model.named_parameters()
                if param.requires_grad and name.startswith("output") == of_output and (param.dim() > 1) == decayed
            ]
            scale = config.output_rate if of_output else 1.0
            groups.append({"params": params, "scale": scale, "weight_decay": config.weight_decay * decayed})
    if config.optimizer == "sgd":
        for group in groups:
            group["weight_decay"] = 0.0
        return torch.optim.SGD(groups, config.learning_rate)
    return torch.optim.AdamW(groups, config.learning_rate, betas=_BETAS, fused=True)


class OptimizerState:
    """The tensors that an optimizer keeps for each parameter, by `INDEX.NAME`, for snapshots and run files."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        """Captures and restores the state of `optimizer`."""
        self._optimizer = optimizer

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors: of AdamW `step`, `exp_avg` and `exp_avg_sq` of each parameter, of plain SGD none."""
        state: dict[int, dict[str, Tensor | None]] = self._optimizer.state_dict()["state"]
        return {
            f"{index}.{name}": value
            for index, values in state.items()
            for name, value in values.items()
            if value is not None
        }

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restores the tensors; learning rates and other settings stay as they are."""
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in state_dict.items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value.clone()
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})


def clip_gradients(params: Sequence[Tensor], max_norm: float) -> float:
    """Clips the gradient g of all parameters in place, as one vector: g ← min(θ/‖g‖, 1) · g.

    `torch.nn.utils.clip_grad_norm_` adds 1e-6 to the norm; this function does not, as in the lesson.

    Args:
        params: the parameters; those without a gradient are skipped.
        max_norm: θ.

    Returns:
        ‖g‖ before clipping.
    """
    gradients = [param.grad for param in params if param.grad is not None]
    norm = get_total_norm(gradients).item()
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / norm)
    return norm
