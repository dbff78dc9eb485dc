"""Ids of a text → minibatches, by the two sampling methods of the lesson. The training loop iterates over them.

Both classes are iterables of `Batch`, and one pass over them is one epoch. A minibatch is B sequences of T characters;
the classes differ in where these start. Dimensions: T = seq_len, B = batch_size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import torch

from zuoci.errors import CorpusError, SettingsError
from zuoci.text.shuffle import shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


_ALL = slice(None)


class Ids(Protocol):
    """The ids of a text, in memory or on disk."""

    def __len__(self) -> int:
        """The number of characters."""
        ...

    def __getitem__(self, index: Tensor, /) -> Tensor:
        """The ids at some positions, of the shape of `index`."""
        ...


class Batch(NamedTuple):
    """One minibatch of ids.

    Attributes:
        inputs: int64 `(T, B)`.
        targets: int64 `(T, B)`; each target is the character after its input.
    """

    inputs: Tensor
    targets: Tensor


class _Batches:
    """What both methods have in common: sequences that are cut out of a text.

    Attributes:
        ids: the text.
        batch_size: B.
        seq_len: T.
        columns: which sequences of each minibatch are read.
    """

    def __init__(self, ids: Ids, batch_size: int, seq_len: int, columns: slice, least: int) -> None:
        """Checks the sizes, and that a text of at least `least` characters is there."""
        for name, value in (("batch_size", batch_size), ("seq_len", seq_len)):
            if value < 1:
                raise SettingsError(f"{name} must be at least 1: got {value}")
        if len(ids) < least:
            raise CorpusError(
                f"the text is shorter than one minibatch: it has {len(ids)} characters, and batch_size {batch_size} "
                f"with seq_len {seq_len} needs {least}; add text, or lower batch_size or seq_len"
            )
        self.ids = ids
        self.batch_size = batch_size
        self.seq_len = seq_len
        self.columns = columns

    def __len__(self) -> int:
        """The number of minibatches in an epoch."""
        raise NotImplementedError

    def starts(self) -> Callable[[int], Tensor]:
        """Draws the order of an epoch: the number of a minibatch → where its sequences start, `(B,)`."""
        raise NotImplementedError

    def epoch(self, first: int = 0) -> Iterator[Batch]:
        """The minibatches of an epoch, from number `first` on."""
        starts = self.starts()
        offsets = torch.arange(self.seq_len + 1).unsqueeze(1)
        for number in range(first, len(self)):
            window = self.ids[starts(number)[self.columns] + offsets].long()  # (T + 1, B)
            yield Batch(window[:-1], window[1:])

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch()


class RandomBatches(_Batches):
    """Random sampling: windows of `seq_len` characters in a new random order each epoch.

    A text of n characters holds ⌊(n − 1)/T⌋ windows that do not overlap. Only whole minibatches are used, so the last
    windows of an epoch's order may be left out of it. Successive minibatches are unrelated, and the state starts at
    zero in each.
    """

    carries_state: ClassVar[bool] = False

    def __init__(
        self, ids: Ids, batch_size: int, seq_len: int, generator: torch.Generator, columns: slice = _ALL
    ) -> None:
        """Cuts a text into windows.

        Args:
            ids: int32 or int64 `(n,)`, in memory or on disk.
            batch_size: the number of windows in a minibatch.
            seq_len: the number of characters in a window.
            generator: draws a permutation of the windows for each epoch.
            columns: which windows of each minibatch to read; default: all.

        Raises:
            CorpusError: there are fewer than `batch_size` windows.
            SettingsError: a size is less than 1.
        """
        super().__init__(ids, batch_size, seq_len, columns, batch_size * seq_len + 1)
        self.generator = generator

    @property
    def window_count(self) -> int:
        """The number of windows in the text."""
        return (len(self.ids) - 1) // self.seq_len

    def __len__(self) -> int:
        """The number of minibatches in an epoch."""
        return self.window_count // self.batch_size

    def starts(self) -> Callable[[int], Tensor]:
        """Draws the order of an epoch."""
        order, places = shuffled(self.window_count, self.generator), torch.arange(self.batch_size)
        return lambda number: order(places + number * self.batch_size) * self.seq_len


class ConsecutiveBatches(_Batches):
    """Consecutive sampling: the text is cut into `batch_size` lanes of equal length, which are read side by side.

    Each minibatch continues where the one before ended. So the state is carried from one to the next, detached from
    the graph, and starts at zero in each epoch.
    """

    carries_state: ClassVar[bool] = True

    def __init__(self, ids: Ids, batch_size: int, seq_len: int, columns: slice = _ALL) -> None:
        """Cuts a text into lanes.

        Args:
            ids: int32 or int64 `(n,)`, in memory or on disk.
            batch_size: the number of lanes.
            seq_len: the number of characters of a lane in one minibatch.
            columns: which lanes to read; default: all.

        Raises:
            CorpusError: the lanes would be shorter than `seq_len` + 1.
            SettingsError: a size is less than 1.
        """
        super().__init__(ids, batch_size, seq_len, columns, batch_size * (seq_len + 1))
        self._lane_length = len(ids) // batch_size

    def __len__(self) -> int:
        """The number of minibatches in an epoch."""
        return (self._lane_length - 1) // self.seq_len

    def starts(self) -> Callable[[int], Tensor]:
        """The places in the lanes."""
        lanes = torch.arange(self.batch_size) * self._lane_length
        return lambda number: lanes + number * self.seq_len
