"""Several processes that train one model together, on one machine or on several, as `torchrun` starts them.

All of them run the loop in `trainer`, each on its share of the sequences of every minibatch. What they compute is
summed over all, so that after every step all have the same weights, figures and state. The first process leads: it
alone reads the corpus, measures the time, decides when to stop, saves and prints (`job`).

PyTorch's DistributedDataParallel sums a gradient piece by piece while `backward` computes it. Here nothing calls
`backward`: each thread of a process computes the gradient of its sequences (`gradients`). So the sum is one explicit
`all_reduce` for each step, which carries the loss and the recurrent state as well.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from zuoci.errors import SettingsError, ZuociError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

Item = TypeVar("Item")


class LostProcessError(ZuociError):
    """Another process of the run has ended, or cannot be reached."""


class Dismissed(Exception):  # noqa: N818 (no error, as StopIteration is none)
    """The first process has ended the run before its last step."""


@dataclass(frozen=True)
class Ranks:
    """The processes that train together; by default this one alone, and then every method returns at once.

    All processes have to call `sum` and `send` in the same order.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
        local_rank: the number of this process on its machine, from 0.
        local_size: the number of processes on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process leads."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The part of some items that falls to this process. The parts of all processes, in order, are the whole."""
        start, end = (len(items) * rank // self.size for rank in (self.rank, self.rank + 1))
        return items[start:end]

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Adds up tensors over all processes, in place. They travel in one message.

        Args:
            tensors: of the same shapes in all processes, and on one device. They are added in the type of the first.

        Raises:
            LostProcessError: another process has ended.
        """
        if self.size == 1:
            return
        import torch

        flat = torch.cat([tensor.detach().flatten().to(tensors[0].dtype) for tensor in tensors])
        with _losses_named(self):
            torch.distributed.all_reduce(flat)
        with torch.no_grad():
            for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(total.view_as(tensor))

    def send(self, value: Any = None) -> Any:
        """What the first process passes, pickled and read again in the others.

        Raises:
            Dismissed: the first process has called `dismiss` instead.
            LostProcessError: another process has ended.
        """
        if self.size == 1:
            return value
        import torch

        box = [value]
        with _losses_named(self):
            torch.distributed.broadcast_object_list(box, 0, device=torch.device("cpu"))
        if box[0] is None and not self.first:
            raise Dismissed
        return box[0]

    def dismiss(self) -> None:
        """Ends the run in the other processes, which wait in `send`. The first process calls this."""
        self.send(None)


def is_follower() -> bool:
    """Whether `torchrun` started this process, and not as the first one."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ["RANK"] != "0"


@contextmanager
def joined() -> Generator[Ranks]:
    """Connects the processes that `torchrun` started, for the block. Without `torchrun` this one is alone.

    Each process takes a GPU of its own if there are any; then nccl carries what is on them, and gloo the rest.

    Raises:
        LostProcessError: another process has ended.
        SettingsError: this machine has GPUs, but fewer than processes.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Ranks()
        return
    ranks = Ranks(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < ranks.local_size:
        raise SettingsError(
            f"{ranks.local_size} processes were started on a machine with {gpus} GPUs; start one for each GPU "
            f"(--nproc-per-node {gpus}), or set CUDA_VISIBLE_DEVICES to nothing, to train on the CPUs"
        )
    if gpus:
        torch.cuda.set_device(ranks.local_rank)
    with _losses_named(ranks):
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
    try:
        yield ranks
    finally:
        torch.distributed.destroy_process_group()


@contextmanager
def _losses_named(ranks: Ranks) -> Generator[None]:
    """Within the block, an error of the connection becomes a `LostProcessError`."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            f"another of the {ranks.size} processes of this run has ended, or cannot be reached"
        ) from error
