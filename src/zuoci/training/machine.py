"""What a run takes from the machine it runs on: the device, the precision, the library for products, the threads.

`trainer` calls this once, at the beginning of a run, and keeps the result in the settings of the run, so that a
resumed run computes as the first part did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zuoci.errors import SettingsError
from zuoci.model.base import NO_BASE
from zuoci.model.products import has_onednn
from zuoci.training.auto import CHOSEN
from zuoci.training.memory import check_memory, parameter_count
from zuoci.training.pace import Pace, Shape, Way, measure, ways_of

if TYPE_CHECKING:
    from zuoci.model.config import ModelConfig
    from zuoci.training.distributed import Ranks
    from zuoci.training.recipe import Settings, TrainConfig

_LEAST_MEASURED = 1 << 16  # weights; a step of a smaller model takes a millisecond or two in any way


def default_device() -> torch.device:
    """CUDA if it is available, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def settings_for(
    model: ModelConfig, config: TrainConfig, vocab_size: int, device: torch.device, ranks: Ranks
) -> tuple[TrainConfig, Pace | None]:
    """The settings of training with `precision`, `products` and `threads` as they will be on this machine.

    What they leave open is measured, and the fastest way taken. A model with fewer than 65,536 weights computes in
    float32, by torch, on one thread.

    Args:
        model: the settings of the model.
        config: settings in which `precision` and `products` may be auto and `threads` 0.
        vocab_size: the number of different characters.
        device: where the run will compute.
        ranks: the processes that train together; `threads` counts those of all.

    Returns:
        The settings, and what was measured, in this process; None if nothing was left open.

    Raises:
        SettingsError: the run needs more memory than is free, or a library that this torch does not have, or there are
            more processes than sequences in a minibatch.
    """
    if ranks.size > config.batch_size:
        raise SettingsError(
            f"batch_size must be at least the number of processes: got {config.batch_size} for {ranks.size}; "
            "start fewer processes, or raise batch_size"
        )
    if config.products == "onednn" and (device.type != "cpu" or not has_onednn()):
        raise SettingsError("products by onednn need a CPU and a torch that has oneDNN; set products to auto")
    if parameter_count(model, vocab_size) < _LEAST_MEASURED:
        open_ways = {"precision": "float32", "products": "torch", "threads": ranks.size}
        config = config.model_copy(
            update={name: value for name, value in open_ways.items() if getattr(config, name) in ("auto", 0)}
        )
    undropped = model.model_copy(update={"dropout": 0.0})  # dropout takes as long in any way
    shape = Shape(undropped, vocab_size, -(-config.batch_size // ranks.size), config.seq_len, config.path, device)
    wanted = config.precision, config.products, -(-config.threads // ranks.size)

    def with_way(way: Way) -> TrainConfig:
        threads = (config.threads if device.type == "cpu" else 0) or way.threads * ranks.size
        threads = min(max(threads, ranks.size), config.batch_size)
        return config.model_copy(update={**way._asdict(), "threads": threads})

    ways = ways_of(shape, *wanted)
    check_memory(model, with_way(ways[0]), vocab_size, device, ranks)
    pace = measure(shape, *wanted) if len(ways) > 1 or (not config.threads and ways[0].threads > 1) else None
    return with_way(pace.way if pace else ways[0]), pace


def describe(settings: Settings, pace: Pace) -> str:
    """What was measured and chosen, as one line with the options that choose it again."""
    chosen = {**settings.model.model_dump(), **settings.training.model_dump()}
    by_auto = CHOSEN if settings.training.recipe == "auto" and settings.training.base == NO_BASE else ()
    options = [f"--{name.replace('_', '-')} {chosen[name]:g}" for name in by_auto]
    options += [f"--{name} {value}" for name, value in pace.way._asdict().items()]
    # On a busy machine fewer threads may have been faster, but not clearly.
    slower = [f"{_difference(way, pace.way)} {share:.0%}" for way, share in pace.others.items() if share <= 1.0]
    others = f" ({'; '.join(slower)} of that)" if slower else ""
    return f"measured here: {' '.join(options)}: {pace.speed:,.0f} characters/s{others}"


def _difference(way: Way, best: Way) -> str:
    """What one way has that another has not."""
    words = (way.precision, way.products, f"{way.threads} thread{'s' * (way.threads > 1)}")
    return " and ".join(word for word, value, taken in zip(words, way, best, strict=True) if value != taken)
