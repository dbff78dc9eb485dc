"""A minibatch and a model → the gradient, computed on all cores.

torch shares each operation among its threads, which wait for each other after every operation, spinning. The
operations of a recurrent step are short, so on a machine where other programs run, most of the time goes into waiting.
Here a minibatch is divided into as many parts as there are threads. Each thread computes one part from beginning to
end, and the threads wait for each other once per minibatch. That is as fast on an idle machine, and keeps nearly its
share of a busy one (measurements in benchmarks/README.md). Where several processes train together (`distributed`), the
threads of all of them share the minibatch, and the result is the same as if they were threads of one process.

`trainer` calls `Gradients.compute` for each step; `evaluation` shares lanes of a text among `Workers`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import torch

from zuoci.model.fused import output_loss
from zuoci.model.language_model import CharLM, State
from zuoci.model.random import key_of
from zuoci.model.threads import one_thread
from zuoci.training.distributed import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from zuoci.text.batches import Batch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A pool of threads, each of which runs torch on one core. Used as a context manager.

    Attributes:
        total: the number of threads of all processes.
        numbers: the numbers of those of this process among them.
        ranks: the processes.
    """

    def __init__(self, total: int, ranks: Ranks | None = None) -> None:
        """Describes a pool; entering the `with` block starts its threads.

        Args:
            total: the number of threads of all processes.
            ranks: the processes, at most as many; default: this one alone.
        """
        self.total, self.ranks = total, ranks or Ranks()
        self.numbers = self.ranks.share(range(total))

    @property
    def count(self) -> int:
        """The number of threads in this process."""
        return len(self.numbers)

    def columns(self, batch_size: int) -> slice:
        """The sequences of a minibatch that the threads of this process compute."""
        parts = torch.arange(batch_size).tensor_split(min(self.total, batch_size))
        own = torch.cat(list(self.ranks.share(parts)))
        return slice(int(own[0]), int(own[-1]) + 1)

    def __enter__(self) -> Workers:
        """Starts the threads. Within the block, the calling thread runs torch on one core as well.

        Otherwise torch's own threads would spin after its operations, on the cores that the workers need.
        """
        self._stack = ExitStack()
        self._stack.enter_context(one_thread())
        self._pool = ThreadPoolExecutor(self.count, "zuoci", torch.set_num_threads, (1,))
        self._stack.callback(self._pool.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the threads."""
        self._stack.close()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """function(item) for each item, in the order of the items."""
        return list(self._pool.map(function, items))


class Gradients:
    """Computes the gradient of the mean negative log-likelihood of minibatches.

    Each worker has a replica of the model in the precision of the computation. In float32 the replicas share the
    memory of the model; in bfloat16 they share one rounded copy, which is updated for each minibatch.
    """

    def __init__(self, model: CharLM, workers: Workers, dtype: torch.dtype, seed: int) -> None:
        """Makes the replicas.

        Args:
            model: the model; `compute` sets the `grad` of its parameters.
            workers: the threads that share a minibatch.
            dtype: the precision of the computation: float32 or bfloat16, or that of the model.
            seed: seed of the run; the stream of dropout masks of each worker, also of those of other processes, is
                derived from it.
        """
        self.model = model
        self.workers = workers
        self.params = [param for param in model.parameters() if param.requires_grad]
        self.replicas = [self._replica(dtype) for _ in range(workers.count)]
        seeds = [key_of(seed, "dropout", k) for k in range(workers.total)]
        self.generators = [torch.Generator(model.device).manual_seed(each) for each in seeds]
        first = list(self.replicas[0].parameters())
        for replica in self.replicas if dtype == model.output.weight.dtype else self.replicas[1:]:
            shared = model.parameters() if dtype == model.output.weight.dtype else first
            for own, param in zip(replica.parameters(), shared, strict=True):
                own.data = param.data
        pairs = zip(first, model.parameters(), strict=True)
        self._rounded = [(copy.data, param) for copy, param in pairs if copy.dtype != param.dtype]

    def _replica(self, dtype: torch.dtype) -> CharLM:
        replica = CharLM(self.model.config, self.model.vocabulary).to(self.model.device, dtype).train()
        replica.path, replica.products = self.model.path, self.model.products
        for own, param in zip(replica.parameters(), self.model.parameters(), strict=True):
            own.requires_grad_(param.requires_grad)
        return replica

    def initial_state(self, batch_size: int) -> State:
        """The state before the first character: zeros, in the precision of the computation."""
        return self.replicas[0].initial_state(batch_size)

    def state_dict(self) -> dict[str, Tensor]:
        """The states of the dropout generators, by the number of the worker."""
        return {str(k): generator.get_state() for k, generator in enumerate(self.generators)}

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restores the states of the dropout generators."""
        for k, generator in enumerate(self.generators):
            generator.set_state(state_dict[str(k)])

    def reader(self) -> CharLM:
        """The model in the precision of the computation, with the current weights, for evaluation."""
        self._round()
        return self.replicas[0]

    def _round(self) -> None:
        """Updates the rounded copy of the weights, if the precision differs from that of the model."""
        if self._rounded:
            copies, params = zip(*self._rounded, strict=True)
            torch._foreach_copy_(copies, params)  # pyright: ignore

    def compute(self, batch: Batch, state: State) -> tuple[float, State]:
        """Sets the `grad` of all parameters to the gradient of a minibatch. Dimensions: T time, B batch.

        Args:
            batch: ids, `(T, b)`: the sequences that fall to this process (`Workers.columns`), by default all B.
            state: the state of all B sequences before the minibatch.

        Returns:
            The mean negative log-likelihood of the minibatch in nats per character, and the state of all sequences
            after it, detached.
        """
        self._round()
        batch_size = state[0].shape[1]
        columns = self.workers.columns(batch_size)
        parts = min(self.workers.count, batch.inputs.shape[1])
        numel = len(batch.targets) * batch_size

        def gradient(part: int) -> tuple[Tensor, State, tuple[Tensor, ...]]:
            replica = self.replicas[part]
            generator = self.generators[self.workers.numbers[part]]

            def own(whole: Tensor) -> Tensor:
                return whole.tensor_split(parts, dim=1)[part].to(replica.device)

            state_before = tuple(own(value[:, columns]) for value in state)
            hidden, after = replica.hidden(own(batch.inputs), state_before, generator)
            output, targets = replica.output, own(batch.targets).flatten()
            loss = (
                output_loss(hidden.flatten(0, 1), output.weight, output.bias, targets, library=replica.products) / numel
            )
            grads = torch.autograd.grad(loss, [param for param in replica.parameters() if param.requires_grad])
            return loss.detach(), tuple(value.detach() for value in after), grads

        losses: tuple[Tensor, ...]
        losses, states, gradients = zip(*self.workers.map(gradient, range(parts)), strict=True)
        for param, *shares in zip(self.params, *gradients, strict=True):
            total = shares[0].to(param.dtype)
            for share in shares[1:]:
                total += share
            param.grad = total
        after = tuple(torch.cat(values, dim=1) for values in zip(*states, strict=True))
        nll = sum(losses[1:], losses[0])
        if self.workers.ranks.size > 1:
            return self._over_all_processes(nll, after, state)
        return float(nll), after

    def _over_all_processes(self, nll: Tensor, after: State, before: State) -> tuple[float, State]:
        """Adds up the gradients and losses of all processes, and puts the states of their sequences together."""
        ranks, own = self.workers.ranks, self.workers.numbers
        columns = self.workers.columns(before[0].shape[1])
        whole = tuple(torch.zeros_like(value) for value in before)
        for value, part in zip(whole, after, strict=True):
            value[:, columns] = part
        ranks.sum([*(param.grad for param in self.params if param.grad is not None), nll, *whole])
        if self.model.config.dropout:  # the first process saves the streams of all
            streams = [generator.get_state() for generator in self.generators]
            for number, stream in enumerate(streams):
                if number not in own:
                    stream.zero_()
            ranks.sum(streams)
            for generator, stream in zip(self.generators, streams, strict=True):
                generator.set_state(stream)
        return float(nll), whole
