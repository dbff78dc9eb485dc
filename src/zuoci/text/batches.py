"""Ids → minibatches, in the two ways of the lesson.

Both are iterables of `Batch`; one pass is one epoch. Dimensions: T = seq_len, B = batch_size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch

from zuoci.errors import CorpusError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Batch(NamedTuple):
    """One minibatch of ids.

    Attributes:
        inputs: int64 `(T, B)`.
        targets: int64 `(T, B)`, each one character after its input.
    """

    inputs: Tensor
    targets: Tensor


def _check(ids: Tensor, batch_size: int, seq_len: int, least: int) -> None:
    for name, value in (("batch_size", batch_size), ("seq_len", seq_len)):
        if value < 1:
            raise SettingsError(f"{name} must be at least 1: got {value}")
    if len(ids) < least:
        raise CorpusError(
            f"the text is shorter than one minibatch: it has {len(ids)} characters, and batch_size {batch_size} "
            f"with seq_len {seq_len} needs {least}; add text, or lower batch_size or seq_len"
        )


class RandomBatches:
    """Random sampling: windows of `seq_len` characters in a new random order each epoch.

    ⌊(n − 1)/T⌋ windows that do not overlap; only whole minibatches; the rest is left for another epoch's
    order. Neighbouring minibatches are unrelated, so the state starts at zero in each.
    """

    carries_state: ClassVar[bool] = False

    def __init__(self, ids: Tensor, batch_size: int, seq_len: int, generator: torch.Generator) -> None:
        """Cuts the text into windows.

        Args:
            ids: int32 or int64 `(n,)`, in memory or memory-mapped.
            batch_size: windows in a minibatch.
            seq_len: characters in a window.
            generator: draws one permutation of the windows each epoch.

        Raises:
            CorpusError: there are fewer than `batch_size` windows.
            SettingsError: a size is less than 1.
        """
        _check(ids, batch_size, seq_len, batch_size * seq_len + 1)
        self.ids = ids
        self.batch_size = batch_size
        self.seq_len = seq_len
        self.generator = generator

    @property
    def window_count(self) -> int:
        """How many windows the text holds."""
        return (len(self.ids) - 1) // self.seq_len

    def __len__(self) -> int:
        """Minibatches in an epoch."""
        return self.window_count // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        offsets = torch.arange(self.seq_len + 1).unsqueeze(1)
        order = torch.randperm(self.window_count, generator=self.generator)
        for chosen in order[: len(self) * self.batch_size].view(len(self), self.batch_size):
            window = self.ids[chosen * self.seq_len + offsets].long()  # (T + 1, B)
            yield Batch(window[:-1], window[1:])


class ConsecutiveBatches:
    """Consecutive sampling: the text as `batch_size` equal lanes, read side by side.

    Each minibatch continues where the one before ended, so the state is carried on, cut off from the
    graph; it starts at zero each epoch.
    """

    carries_state: ClassVar[bool] = True

    def __init__(self, ids: Tensor, batch_size: int, seq_len: int) -> None:
        """Cuts the text into lanes.

        Args:
            ids: int32 or int64 `(n,)`, in memory or memory-mapped.
            batch_size: lanes.
            seq_len: characters of a lane in one minibatch.

        Raises:
            CorpusError: the lanes are shorter than `seq_len` + 1.
            SettingsError: a size is less than 1.
        """
        _check(ids, batch_size, seq_len, batch_size * (seq_len + 1))
        lane_length = len(ids) // batch_size
        self.lanes = ids[: batch_size * lane_length].view(batch_size, lane_length)
        self.seq_len = seq_len

    @property
    def batch_size(self) -> int:
        """The number of lanes."""
        return len(self.lanes)

    def __len__(self) -> int:
        """Minibatches in an epoch."""
        return (self.lanes.shape[1] - 1) // self.seq_len

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self) * self.seq_len, self.seq_len):
            window = self.lanes[:, start : start + self.seq_len + 1].t().long()  # (T + 1, B)
            yield Batch(window[:-1], window[1:])
