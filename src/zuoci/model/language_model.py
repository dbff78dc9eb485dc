"""The character-level recurrent language model: ids and a state → logits and the next state.

Training computes gradients through it; writing copies its weights into a `Stepper`.

Dimensions: T time, B batch, V vocabulary, E embedding, H hidden, L layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from zuoci.model.fused import run_layer
from zuoci.model.threads import settle_libraries
from zuoci.model.weights import ModelWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from zuoci.model.config import ModelConfig
    from zuoci.model.mixture import Mixture
    from zuoci.model.products import Library
    from zuoci.text.vocabulary import Vocabulary

settle_libraries()  # MKL chooses its code now: when this is imported, no other thread computes with a model yet

State: TypeAlias = tuple[Tensor, ...]  # one tensor (L, B, H); for the LSTM a pair of them, hidden and cell

Implementation: TypeAlias = Literal["auto", "fused", "torch"]
Initialisation: TypeAlias = Literal["uniform", "orthogonal", "lesson"]


class CharLM(nn.Module):
    """Predicts the next character from all characters read so far.

        x_t = E[id_t];  h_t = cell(x_t, h_{t-1}) in each layer;  logits_t = W h_t + b

    With `embedding_size` 0 the input is one-hot, as in the lesson. A one-hot vector times a matrix is a row of the
    matrix, so layer 0 looks the row up. With `tie_embedding` the output layer shares the embedding (Press & Wolf 2017):

        logits_t = E (P h_t) + b,  with a projection P (E, H)

    Each layer is a module of `torch.nn` and keeps its parameter names
    (`layers.0.weight_ih_l0`, …), so weights trained elsewhere can be loaded with `load_state_dict`.

    The cells of `torch.nn` have two biases. In rnn and lstm only their sum matters, so `bias_hh` stays at zero and is
    not trained; otherwise the sum would learn at twice the learning rate.

    The state is passed in and returned, never stored on the module.

    Attributes:
        config: the settings.
        vocabulary: the characters by id.
        path: the implementation of the layers: `fused` (`zuoci.model.fused`), `torch` (`torch.nn`, cuDNN on a GPU), or
            `auto`, which is fused on the CPU and torch on a GPU. An lstm is always that of `torch.nn`. Not saved with
            the model.
        products: the library that computes the matrix products of the fused layers. Not saved with the model.
        mixture: the counts that the network is mixed with where it writes or is scored; None: the network alone.
            `forward` does not use it.
    """

    def __init__(self, config: ModelConfig, vocabulary: Vocabulary) -> None:
        """Makes a model with uninitialised weights: call `initialise`, or load weights.

        Args:
            config: the settings.
            vocabulary: the characters by id.
        """
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary
        self.path: Implementation = "auto"
        self.products: Library = "torch"
        self.mixture: Mixture | None = None
        V, E, H = len(vocabulary), config.embedding_size, config.hidden_size
        self.embedding = nn.Embedding.from_pretrained(torch.empty(V, E), freeze=False) if E else None
        self.layers = nn.ModuleList(
            _layer(config.cell, (E or V) if layer == 0 else H, H) for layer in range(config.num_layers)
        )
        self.projection = _Linear(H, E, bias=False) if config.tie_embedding else None
        self.output = _Linear(E if config.tie_embedding else H, V)
        if config.tie_embedding:
            self._tie()
        if config.cell != "gru":
            for name, param in self.named_parameters():
                if "bias_hh" in name:
                    param.requires_grad_(False)

    def _tie(self) -> None:
        """Makes the embedding the weights of the output layer, which a `state_dict` then holds once."""
        assert self.embedding is not None
        self.output.weight = self.embedding.weight

        def once(_: nn.Module, state_dict: dict[str, Tensor], prefix: str, __: object) -> None:
            del state_dict[prefix + "output.weight"]

        def twice(_: nn.Module, state_dict: dict[str, Tensor], prefix: str, *__: object) -> None:
            if prefix + "embedding.weight" in state_dict:
                state_dict[prefix + "output.weight"] = state_dict[prefix + "embedding.weight"]

        self.register_state_dict_post_hook(once)
        self.register_load_state_dict_pre_hook(twice)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator, how: Initialisation = "uniform") -> CharLM:
        """Draws initial weights.

        Args:
            generator: the random generator.
            how: `lesson`: weights from a normal distribution with standard deviation 0.01, biases zero. `uniform`: as
                `torch.nn` does for these cells, weights from U(−1/√H, 1/√H), but biases zero, the bias of the LSTM's
                forget gate 1 (Jozefowicz et al. 2015), and embeddings from N(0, 1). `orthogonal`: the same, but the
                recurrent matrix of each gate is orthogonal (Saxe et al. 2014), and the input weights for one-hot
                vectors are from N(0, 1), because otherwise the state hardly depends on the character that was read.
                A tied embedding is from N(0, 0.01), so that the first logits are small.

        Returns:
            The model itself.
        """
        bound = self.config.hidden_size**-0.5
        for name, param in self.named_parameters():
            if "bias" in name:
                param.zero_()
                if self.config.cell == "lstm" and "bias_ih" in name and how != "lesson":
                    param.chunk(4)[1].fill_(1.0)  # torch.nn's order of the gates is i f g o
            elif how == "lesson":
                param.normal_(0.0, 0.01, generator=generator)
            elif name.startswith("embedding") or (
                how == "orthogonal" and self.embedding is None and name == "layers.0.weight_ih_l0"
            ):
                param.normal_(0.0, 0.1 if self.config.tie_embedding else 1.0, generator=generator)
            elif how == "orthogonal" and "weight_hh" in name:
                for gate in param.split(self.config.hidden_size):
                    nn.init.orthogonal_(gate, generator=generator)
            else:
                param.uniform_(-bound, bound, generator=generator)
        return self

    @classmethod
    def of(cls, weights: ModelWeights) -> CharLM:
        """A model with copies of some weights, on the CPU and in evaluation mode."""
        model = cls(weights.config, weights.vocabulary)
        model.load_arrays(weights.arrays)
        model.mixture = weights.mixture
        return model.eval()

    def load_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Like `load_state_dict`, from numpy arrays."""
        self.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})

    def weights(self) -> ModelWeights:
        """Copies the weights from any device, in float32 or, if the model is in float64, in that."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, value in self.state_dict().items():
            dtype = torch.promote_types(value.dtype, torch.float32)
            arrays[name] = value.to("cpu", dtype, copy=True, memory_format=torch.contiguous_format).numpy()
        return ModelWeights(self.config, self.vocabulary, arrays, self.mixture)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.output.weight.device

    @property
    def parameter_count(self) -> int:
        """The number of trained weights."""
        return sum(param.numel() for param in self.parameters() if param.requires_grad)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first character: zeros `(L, B, H)`; for the lstm a pair of them."""
        zeros = self.output.weight.new_zeros(self.config.num_layers, batch_size, self.config.hidden_size)
        return (zeros, zeros.clone()) if self.config.cell == "lstm" else (zeros,)

    def forward(self, inputs: Tensor, state: State, generator: torch.Generator | None = None) -> tuple[Tensor, State]:
        """Reads T characters in each of B sequences.

        Args:
            inputs: int64 ids `(T, B)`.
            state: `initial_state(B)`, or the state that the last call returned.
            generator: draws the dropout masks; required in training mode if `dropout` is not 0.

        Returns:
            Logits `(T, B, V)` and the new state.
        """
        hidden, state = self.hidden(inputs, state, generator)
        return self.output(hidden), state

    def hidden(self, inputs: Tensor, state: State, generator: torch.Generator | None = None) -> tuple[Tensor, State]:
        """Like `forward`, but without the output layer: returns what that layer reads, and the new state.

        That is the hidden state of the last layer `(T, B, H)`; with `tie_embedding` its projection `(T, B, E)`.
        """
        x = inputs if self.embedding is None else self._drop(self.embedding(inputs), generator)
        fused = self.config.cell != "lstm" and self.path != "torch"
        fused &= self.path == "fused" or not self.output.weight.is_cuda
        after: list[State] = []
        for layer, module in enumerate(self.layers):
            before = tuple(part[layer] for part in state)
            x, new = self._fused(module, x, before) if fused else self._torch(module, x, before)
            after.append(new)
            x = self._drop(x, generator)
        if self.projection is not None:
            x = self.projection(x)
        return x, tuple(torch.stack(parts) for parts in zip(*after, strict=True))

    def _fused(self, module: nn.Module, x: Tensor, state: State) -> tuple[Tensor, State]:
        out = run_layer(self.config.cell, x, state[0], *module.parameters(), library=self.products)
        return out, (out[-1],)

    def _torch(self, module: nn.Module, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not x.is_floating_point():
            x = nn.functional.one_hot(x, len(self.vocabulary)).to(self.output.weight.dtype)
        parts = tuple(part.unsqueeze(0) for part in state)
        x, new = module(x, parts if self.config.cell == "lstm" else parts[0])
        return x, tuple(part[0] for part in (new if isinstance(new, tuple) else (new,)))

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Dropout in training mode: each value is zeroed with probability p, and the others divided by 1 − p."""
        rate = self.config.dropout
        if not self.training or rate == 0.0:
            return x
        assert generator is not None, "dropout in training needs a generator"
        # One 64-bit random word decides for four values: three times as fast as drawing four numbers.
        threshold = round(rate * 2**16)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        bits = words.random_(-(2**63), None, generator=generator).view(torch.int16)[: x.numel()].view(x.shape)
        return x * (bits >= threshold - 2**15).to(x.dtype).mul_(2**16 / (2**16 - threshold))


class _Undrawn:
    """A module whose weights are not drawn from torch's global generator when it is made."""

    def reset_parameters(self) -> None:
        """Leaves the weights as they are: `CharLM.initialise` draws them."""


class _Linear(_Undrawn, nn.Linear): ...


class _RNN(_Undrawn, nn.RNN): ...


class _GRU(_Undrawn, nn.GRU): ...


class _LSTM(_Undrawn, nn.LSTM): ...


def _layer(cell: str, input_size: int, hidden_size: int) -> nn.Module:
    if cell == "gru":
        return _GRU(input_size, hidden_size)
    if cell == "lstm":
        return _LSTM(input_size, hidden_size)
    return _RNN(input_size, hidden_size, nonlinearity="relu" if cell == "rnn_relu" else "tanh")
