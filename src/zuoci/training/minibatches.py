"""The minibatches of a run, and the recurrent state between them. Both can be captured and restored.

`trainer` asks for the rest of an epoch, from any minibatch on. `lesson` (the command) uses `make_batches` only.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from zuoci.text.batches import ConsecutiveBatches, RandomBatches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import Tensor

    from zuoci.model.language_model import State
    from zuoci.text.batches import Batch
    from zuoci.training.recipe import TrainConfig


def make_batches(
    ids: Tensor, config: TrainConfig, generator: torch.Generator, columns: slice = slice(None)
) -> RandomBatches | ConsecutiveBatches:
    """The minibatches of one epoch.

    Args:
        ids: the training text, int32 or int64 `(n,)`.
        config: `sampling`, `batch_size` and `seq_len` are used.
        generator: draws the order for random sampling.
        columns: which sequences of each minibatch to read; default: all.

    Raises:
        CorpusError: the text is shorter than one minibatch.
    """
    if config.sampling == "random":
        return RandomBatches(ids, config.batch_size, config.seq_len, generator, columns)
    return ConsecutiveBatches(ids, config.batch_size, config.seq_len, columns)


class Minibatches:
    """The minibatches of all epochs. An epoch can be entered anywhere, since its order is drawn again when it is.

    Attributes:
        carries_state: each minibatch continues the text of the one before.
    """

    def __init__(
        self, ids: Tensor, config: TrainConfig, generator: torch.Generator, columns: slice = slice(None)
    ) -> None:
        """Cuts a text into minibatches; the arguments and errors are those of `make_batches`."""
        self._batches = make_batches(ids, config, generator, columns)
        self._generator = generator
        self._epoch_start = generator.get_state()
        self.carries_state = self._batches.carries_state

    def __len__(self) -> int:
        """Minibatches in an epoch."""
        return len(self._batches)

    def begin_epoch(self) -> None:
        """Begins an epoch: its order is drawn from the generator as it is now."""
        self._epoch_start = self._generator.get_state()

    def rest_of_epoch(self, done: int) -> Iterator[Batch]:
        """The minibatches of the current epoch after the first `done`."""
        self._generator.set_state(self._epoch_start)
        return islice(self._batches, done, None)

    def state_dict(self) -> dict[str, Tensor]:
        """The state of the generator at the beginning of the epoch."""
        return {"epoch_start": self._epoch_start}

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restores the order of the current epoch."""
        self._epoch_start = state_dict["epoch_start"].clone()


class CarriedState:
    """The recurrent state with which the next minibatch begins.

    Attributes:
        value: the state; zeros at the beginning of an epoch, and always where minibatches are unrelated.
    """

    def __init__(self, zeros: State, *, carries: bool) -> None:
        """Begins with zeros.

        Args:
            zeros: the state before the first character.
            carries: whether a minibatch continues the text of the one before.
        """
        self.value = self._zeros = zeros
        self._carries = carries

    def update(self, state: State) -> None:
        """Carries the state after a minibatch to the next one, if that continues its text."""
        if self._carries:
            self.value = state

    def reset(self) -> None:
        """Goes back to zeros."""
        self.value = self._zeros

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors of the state, by their position in the tuple."""
        return {str(k): part for k, part in enumerate(self.value)}

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restores the state."""
        # Copied, because tensors read from a file are not aligned as torch aligns its own.
        device = self._zeros[0].device
        self.value = tuple(state_dict[str(k)].to(device, copy=True) for k in range(len(self._zeros)))
