"""Ids of a text → minibatches, by the two sampling methods of the lesson. The training loop iterates over them.

Both classes are iterables of `Batch`, and one pass over them is one epoch. Dimensions: T = seq_len, B = batch_size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch

from zuoci.errors import CorpusError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


_ALL = slice(None)


class Batch(NamedTuple):
    """One minibatch of ids.

    Attributes:
        inputs: int64 `(T, B)`.
        targets: int64 `(T, B)`; each target is the character after its input.
    """

    inputs: Tensor
    targets: Tensor


def _check(ids: Tensor, batch_size: int, seq_len: int, least: int) -> None:
    """Checks the sizes, and that a text of at least `least` characters is there."""
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

    A text of n characters holds ⌊(n − 1)/T⌋ windows that do not overlap. Only whole minibatches are used, so the last
    windows of an epoch's order may be left out of it. Successive minibatches are unrelated, and the state starts at
    zero in each.
    """

    carries_state: ClassVar[bool] = False

    def __init__(
        self, ids: Tensor, batch_size: int, seq_len: int, generator: torch.Generator, columns: slice = _ALL
    ) -> None:
        """Cuts a text into windows.

        Args:
            ids: int32 or int64 `(n,)`, in memory or memory-mapped.
            batch_size: the number of windows in a minibatch.
            seq_len: the number of characters in a window.
            generator: draws a permutation of the windows for each epoch.
            columns: which windows of each minibatch to read; default: all.

        Raises:
            CorpusError: there are fewer than `batch_size` windows.
            SettingsError: a size is less than 1.
        """
        _check(ids, batch_size, seq_len, batch_size * seq_len + 1)
        self.ids = ids
        self.batch_size = batch_size
        self.seq_len = seq_len
        self.generator = generator
        self.columns = columns

    @property
    def window_count(self) -> int:
        """The number of windows in the text."""
        return (len(self.ids) - 1) // self.seq_len

    def __len__(self) -> int:
        """The number of minibatches in an epoch."""
        return self.window_count // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        offsets = torch.arange(self.seq_len + 1).unsqueeze(1)
        order = torch.randperm(self.window_count, generator=self.generator)
        for chosen in order[: len(self) * self.batch_size].view(len(self), self.batch_size):
            window = self.ids[chosen[self.columns] * self.seq_len + offsets].long()  # (T + 1, B)
            yield Batch(window[:-1], window[1:])


class ConsecutiveBatches:
    """Consecutive sampling: the text is cut into `batch_size` lanes of equal length, which are read side by side.

    Each minibatch continues where the one before ended. So the state is carried from one to the next, detached from
    the graph, and starts at zero in each epoch.
    """

    carries_state: ClassVar[bool] = True

    def __init__(self, ids: Tensor, batch_size: int, seq_len: int, columns: slice = _ALL) -> None:
        """Cuts a text into lanes.

        Args:
            ids: int32 or int64 `(n,)`, in memory or memory-mapped.
            batch_size: the number of lanes.
            seq_len: the number of characters of a lane in one minibatch.
            columns: which lanes to read; default: all.

        Raises:
            CorpusError: the lanes would be shorter than `seq_len` + 1.
            SettingsError: a size is less than 1.
        """
        _check(ids, batch_size, seq_len, batch_size * (seq_len + 1))
        lane_length = len(ids) // batch_size
        self.lanes = ids[: batch_size * lane_length].view(batch_size, lane_length)
        self.seq_len = seq_len
        self.columns = columns

    @property
    def batch_size(self) -> int:
        """The number of lanes."""
        return len(self.lanes)

    def __len__(self) -> int:
        """The number of minibatches in an epoch."""
        return (self.lanes.shape[1] - 1) // self.seq_len

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self) * self.seq_len, self.seq_len):
            window = self.lanes[self.columns, start : start + self.seq_len + 1].t().long()  # (T + 1, B)
            yield Batch(window[:-1], window[1:])
