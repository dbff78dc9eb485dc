"""What a run takes from the machine it runs on: the device, the number of threads, the precision.

`trainer` calls this once, at the beginning of a run, and keeps the result in the settings of the run, so that a
resumed run computes as the first part did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zuoci.errors import SettingsError
from zuoci.model.threads import core_count

if TYPE_CHECKING:
    from zuoci.training.recipe import TrainConfig


def default_device() -> torch.device:
    """CUDA if it is available, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def settings_for(config: TrainConfig, device: torch.device, processes: int = 1) -> TrainConfig:
    """The settings with `threads` and `precision` as they will be on this machine.

    Args:
        config: settings in which `threads` may be 0 and `precision` auto.
        device: where the run will compute.
        processes: the number of processes that train together; `threads` counts those of all.

    Raises:
        SettingsError: there are more processes than sequences in a minibatch.
    """
    if processes > config.batch_size:
        raise SettingsError(
            f"batch_size must be at least the number of processes: got {config.batch_size} for {processes}; "
            "start fewer processes, or raise batch_size"
        )
    threads = config.threads or core_count() * processes
    threads = processes if device.type != "cpu" else min(max(threads, processes), config.batch_size)
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if _has_bfloat16(device) else "float32"
    return config.model_copy(update={"threads": threads, "precision": precision})


def _has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bfloat16 matrices."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supports = (getattr(torch.cpu, name, bool) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(support() for support in supports)
