"""How much memory a run needs, and how much is free.

`trainer` checks it before a run begins, so that a run that is too large ends with an error message, and not with a
kill by the system in the middle. `job` turns allocations that fail later into errors of the same kind.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from zuoci.errors import Message, SettingsError
from zuoci.training.distributed import Ranks

if TYPE_CHECKING:
    from collections.abc import Generator

    from zuoci.model.config import ModelConfig
    from zuoci.training.recipe import TrainConfig

_GATES = {"rnn": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
_OF_TORCH = 3 * 2**26  # bytes that torch and its libraries allocate in the first steps
_CGROUPS = Path("/sys/fs/cgroup")
_TOO_LITTLE = "; lower hidden_size, num_layers, embedding_size, batch_size or seq_len"


def parameter_count(model: ModelConfig, vocab_size: int) -> int:
    """The number of weights of a model, from its settings and the size of its vocabulary."""
    H, E, V, G = model.hidden_size, model.embedding_size, vocab_size, _GATES[model.cell]
    layers = G * H * ((E or V) + H + 2) + (model.num_layers - 1) * G * H * (2 * H + 2)
    return V * E + layers + (E * H if model.tie_embedding else H * V) + V


def needed_bytes(model: ModelConfig, config: TrainConfig, vocab_size: int) -> int:
    """An estimate of the peak memory of a run, which it reaches while it saves a checkpoint.

    The estimate counts the float32 weights, their gradients, the two moments of AdamW, the last good state, the best
    weights, a checkpoint and its bytes, and the activations that the layers keep for the backward pass.

    Args:
        model: the settings of the model.
        config: the settings of the run, with `precision` and `threads` as they are on this machine.
        vocab_size: the number of different characters.
    """
    H, V, G, L = model.hidden_size, vocab_size, _GATES[model.cell], model.num_layers
    number = 2 if config.precision == "bfloat16" else 4  # bytes
    moments = 8 if config.optimizer == "adamw" else 0
    state = 4 + moments
    best = 4 if config.keep == "best" else 0
    # The state of the run, the gradients and those of each thread; the good state and the state that is being saved;
    # these two and the best weights as bytes, which safetensors copies once more.
    per_weight = state + 4 + number * (config.threads + 1) + (2 * state + best) * 3
    characters = config.batch_size * config.seq_len
    kept = (G + 2) * H + (4 * H if model.dropout else 0)  # per layer and character
    layers = characters * number * (L * kept + (G + 4) * H + model.embedding_size)
    if config.path == "torch":
        layers += characters * number * (L * (2 * G + 4) * H + (0 if model.embedding_size else V))
    return parameter_count(model, vocab_size) * per_weight + layers + characters * (2 * number * V + 32) + _OF_TORCH


def available_bytes(device: torch.device) -> int | None:
    """The free memory of a device in bytes; None if it is unknown."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    known = [value for value in (_free(), _left_in_cgroup()) if value is not None]
    return min(known, default=None)


def check_memory(
    model: ModelConfig, config: TrainConfig, vocab_size: int, device: torch.device, ranks: Ranks | None = None
) -> None:
    """Checks that a run fits into memory.

    The first process of each machine checks for all that are on it, since they share its memory. Each GPU has one
    process, which checks for itself.

    Args:
        model, config, vocab_size: as in `needed_bytes`.
        device: where this process computes.
        ranks: the processes of the run; default: this one alone.

    Raises:
        SettingsError: the run needs more memory than is free.
    """
    ranks = ranks or Ranks()
    most = {name: -(-getattr(config, name) // ranks.size) for name in ("batch_size", "threads")}  # of one process
    needed = needed_bytes(model, config.model_copy(update=most), vocab_size)
    if device.type == "cpu" and ranks.local_rank == 0:
        needed *= ranks.local_size
    available = available_bytes(device)
    if available is not None and needed > available:
        sizes = {
            "hidden_size": model.hidden_size,
            "num_layers": model.num_layers,
            "embedding_size": model.embedding_size,
            "batch_size": config.batch_size,
            "seq_len": config.seq_len,
        }
        shown = ", ".join(f"{name} {value:,}" for name, value in sizes.items())
        told = (
            "training would need about {needed} of memory, and {free} are free: {shown}, {characters:,} different "
            "characters{advice}"
        )
        sizes = {"needed": _gib(needed), "free": _gib(available), "shown": shown, "characters": vocab_size}
        raise SettingsError(Message("no_memory", told, **sizes, advice=_TOO_LITTLE))


@contextmanager
def typed_memory_errors() -> Generator[None]:
    """Within the block, a tensor or a thread that cannot be allocated raises a `SettingsError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # on the CPU, torch raises a RuntimeError
        words = str(error)
        if "can't start new thread" in words:
            raise SettingsError("the system gives no more threads; lower threads") from error
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in words:
            raise SettingsError(f"there is not enough memory{_TOO_LITTLE}") from error
        raise


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"


def _free() -> int | None:
    """The bytes that the system can provide without swapping; None if they are unknown."""
    try:
        if sys.platform == "win32":
            return _free_on_windows()
        meminfo = Path("/proc/meminfo")
        if meminfo.exists():
            line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable:"))
            return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # macOS: all memory
    except (OSError, ValueError, StopIteration, AttributeError):
        return None


def _free_on_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "c", "d", "e", "f", "g")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    known = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # pyright: ignore
    return int(status.free) if known else None


def _left_in_cgroup() -> int | None:
    """The bytes that the control group of this process (a container, a service) has left; None if it has no limit.

    Reads the files of cgroups version 2 or 1.
    """
    left: list[int] = []
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        for folder in _own_cgroups():
            try:
                most = int((folder / limit).read_text())
                statistics = dict(
                    line.split() for line in (folder / limit).with_name("memory.stat").read_text().splitlines()
                )
                left.append(most - int((folder / used).read_text()) + int(statistics.get(cache, 0)))
            except (OSError, ValueError):  # no limit: "max"
                continue
    return min(left, default=None)


def _own_cgroups() -> list[Path]:
    """The folders of the control groups that this process is in."""
    folders = [_CGROUPS]
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                own = _CGROUPS / line.removeprefix("0::/")
                folders += [
                    folder for folder in (own, *own.parents) if folder != _CGROUPS and _CGROUPS in folder.parents
                ]
    except OSError:
        pass
    return folders
