"""The gradient of a minibatch, computed on all cores.

torch shares each operation among its threads, and they wait for each other after every one, spinning. An
operation of a recurrent step is short, so that on a machine where something else runs as well, most of the time
goes into waiting. Here a minibatch is cut into as many parts as there are threads, each thread takes one part
from beginning to end, and they wait for each other once a minibatch: as fast on an idle machine, and not much
slower than its share on a busy one (figures in benchmarks/README.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import torch

from zuoci.model.fused import output_loss
from zuoci.model.language_model import CharLM, State
from zuoci.model.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from zuoci.text.batches import Batch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads that each run torch on one core."""

    def __init__(self, count: int) -> None:
        """Makes `count` threads, to be used in a `with`."""
        self.count = count

    def __enter__(self) -> Workers:
        """Starts the threads. Until they end, the thread that started them runs torch on one core as well.

        Else torch's own threads would spin after its operations, on the cores where the workers are to run.
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
    """Computes gradients of a model's mean negative log-likelihood.

    Each worker has a replica of the model in the precision of the computation. In float32 replicas share the
    model's own memory; in bfloat16 they share one rounded copy, made anew for each minibatch.
    """

    def __init__(self, model: CharLM, workers: Workers, dtype: torch.dtype, seed: int) -> None:
        """Makes the replicas.

        Args:
            model: whose `grad`s are to be set.
            workers: one part of a minibatch for each.
            dtype: float32, or bfloat16.
            seed: of the dropout masks.
        """
        self.model = model
        self.workers = workers
        self.params = [param for param in model.parameters() if param.requires_grad]
        self.replicas = [self._replica(dtype) for _ in range(workers.count)]
        self.generators = [torch.Generator(model.device).manual_seed(seed + k) for k in range(workers.count)]
        first = list(self.replicas[0].parameters())
        for replica in self.replicas if dtype == model.output.weight.dtype else self.replicas[1:]:
            shared = model.parameters() if dtype == model.output.weight.dtype else first
            for own, param in zip(replica.parameters(), shared, strict=True):
                own.data = param.data
        pairs = zip(first, model.parameters(), strict=True)
        self._rounded = [(copy.data, param) for copy, param in pairs if copy.dtype != param.dtype]

    def _replica(self, dtype: torch.dtype) -> CharLM:
        replica = CharLM(self.model.config, self.model.vocabulary).to(self.model.device, dtype).train()
        replica.path = self.model.path
        for own, param in zip(replica.parameters(), self.model.parameters(), strict=True):
            own.requires_grad_(param.requires_grad)
        return replica

    def initial_state(self, batch_size: int) -> State:
        """The state before the first character."""
        return self.replicas[0].initial_state(batch_size)

    def state_dict(self) -> dict[str, Tensor]:
        """The states of the dropout generators, by the number of the worker."""
        return {str(k): generator.get_state() for k, generator in enumerate(self.generators)}

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restores the states of the dropout generators."""
        for k, generator in enumerate(self.generators):
            generator.set_state(state_dict[str(k)])

    def reader(self) -> CharLM:
        """A model with the current weights in the precision of the computation, to evaluate."""
        self._round()
        return self.replicas[0]

    def _round(self) -> None:
        if self._rounded:
            copies, params = zip(*self._rounded, strict=True)
            torch._foreach_copy_(copies, params)  # pyright: ignore

    def compute(self, batch: Batch, state: State) -> tuple[float, State]:
        """Sets the gradients of the model for a minibatch.

        Returns:
            The minibatch's mean negative log-likelihood, and the state after it, cut off from the graph.
        """
        self._round()
        parts = min(self.workers.count, batch.inputs.shape[1])
        numel = batch.targets.numel()

        def gradient(part: int) -> tuple[Tensor, State, tuple[Tensor, ...]]:
            replica = self.replicas[part]

            def own(whole: Tensor) -> Tensor:
                return whole.tensor_split(parts, dim=1)[part].to(replica.device)

            state_before = tuple(own(value) for value in state)
            hidden, after = replica.hidden(own(batch.inputs), state_before, self.generators[part])
            output = replica.output
            loss = output_loss(hidden.flatten(0, 1), output.weight, output.bias, own(batch.targets).flatten()) / numel
            grads = torch.autograd.grad(loss, [param for param in replica.parameters() if param.requires_grad])
            return loss.detach(), tuple(value.detach() for value in after), grads

        losses, states, gradients = zip(*self.workers.map(gradient, range(parts)), strict=True)
        for param, *shares in zip(self.params, *gradients, strict=True):
            total = shares[0].to(param.dtype)
            for share in shares[1:]:
                total += share
            param.grad = total
        return float(sum(losses)), tuple(torch.cat(values, dim=1) for values in zip(*states, strict=True))
