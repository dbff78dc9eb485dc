"""The lesson "循环神经网络" (recurrent neural networks) of Dive into Deep Learning, from scratch.

A character-level language model reads lyrics one character at a time and learns which character comes next.
This file reads from top to bottom: the lyrics, one-hot vectors, the recurrent network, prediction, gradient
clipping, two ways of sampling minibatches, training; and last two other cells, the GRU and the LSTM, that can
take the network's place.

Everything is written out: no `nn.RNN`, no `nn.Embedding`, no optimizer. That is slow, and it is the reference
against which zuoci's engine is tested. The names are the lesson's own; V is the vocabulary size, H the number
of hidden units:

    X (batch, V)    one-hot inputs of one time step        H (batch, H)    the hidden state
    W_xh (V, H)     weights from x to h                    b_h (H,)        a bias, and so on
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import nn

from zuoci.errors import CorpusError
from zuoci.text.corpus import load_lyrics, read_as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike

    from torch import Tensor

    State: TypeAlias = tuple[Tensor, ...]
    Cell: TypeAlias = Callable[[Sequence[Tensor], State, Sequence[Tensor]], tuple[list[Tensor], State]]

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
num_hiddens = 256


def _on(wanted: torch.device | str | None) -> torch.device | str:
    """The device that a caller names, by default the one above, so that everything is on the same."""
    return device if wanted is None else wanted


# The lyrics ------------------------------------------------------------------------------------------------


def load_data_jay_lyrics(
    path: str | PathLike[str] | None = None, encoding: str = ""
) -> tuple[list[int], dict[str, int], list[str], int]:
    """Loads the first 10,000 characters of some lyrics as indices.

    Newlines and carriage returns become spaces. The vocabulary is sorted, so it is the same on every run.

    Args:
        path: the course's own `jaychou_lyrics.txt.zip`, any zip with one text in it, or a text file; by
            default the lyrics that come with zuoci.
        encoding: of that file, as Python names it; "": found out.

    Returns:
        `(corpus_indices, char_to_idx, idx_to_char, vocab_size)`.

    Raises:
        CorpusError: the file cannot be read.
    """
    corpus_chars = load_lyrics("zh").text if path is None else read_as_it_is(path, encoding)
    corpus_chars = corpus_chars.replace("\n", " ").replace("\r", " ")[:10_000]
    idx_to_char = sorted(set(corpus_chars))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    corpus_indices = [char_to_idx[char] for char in corpus_chars]
    return corpus_indices, char_to_idx, idx_to_char, len(idx_to_char)


# One-hot vectors -------------------------------------------------------------------------------------------


def one_hot(x: Tensor, n_class: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Indices `(n,)` → one-hot rows `(n, n_class)`: a one in the column of the index, zeros elsewhere."""
    result = torch.zeros(len(x), n_class, dtype=dtype, device=x.device)
    return result.scatter_(1, x.long().view(-1, 1), 1)


def to_onehot(X: Tensor, n_class: int) -> list[Tensor]:
    """A minibatch of indices `(batch, steps)` → a list of `steps` matrices `(batch, n_class)`."""
    return [one_hot(X[:, step], n_class) for step in range(X.shape[1])]


# The recurrent network -------------------------------------------------------------------------------------


def _normal(shape: tuple[int, ...], device: torch.device | str | None, generator: torch.Generator | None) -> Tensor:
    """Weights from the normal distribution with mean 0 and standard deviation 0.01."""
    return nn.Parameter((torch.randn(shape, generator=generator) * 0.01).to(_on(device)))


def _zeros(size: int, device: torch.device | str | None) -> Tensor:
    return nn.Parameter(torch.zeros(size, device=_on(device)))


def _vocab_size(vocab_size: int | None) -> int:
    return load_data_jay_lyrics()[3] if vocab_size is None else vocab_size


def get_params(
    vocab_size: int | None = None,
    num_hiddens: int = num_hiddens,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Initial parameters: W_xh `(V, H)`, W_hh `(H, H)`, b_h `(H,)`, W_hq `(H, V)`, b_q `(V,)`.

    Weights are drawn from N(0, 0.01), biases are zero.

    Args:
        vocab_size: V; by default that of the lyrics that come with zuoci.
        num_hiddens: H.
        device: by default CUDA where there is one, else the CPU.
        generator: draws the weights; by default torch's own.
    """
    V = _vocab_size(vocab_size)
    W_xh = _normal((V, num_hiddens), device, generator)
    W_hh = _normal((num_hiddens, num_hiddens), device, generator)
    b_h = _zeros(num_hiddens, device)
    W_hq = _normal((num_hiddens, V), device, generator)
    b_q = _zeros(V, device)
    return [W_xh, W_hh, b_h, W_hq, b_q]


def init_rnn_state(batch_size: int, num_hiddens: int, device: torch.device | str | None) -> State:
    """The state before the first character: zeros `(batch, H)`, in a tuple, so that cells with two states fit."""
    return (torch.zeros(batch_size, num_hiddens, device=_on(device)),)


def rnn(inputs: Sequence[Tensor], state: State, params: Sequence[Tensor]) -> tuple[list[Tensor], State]:
    """The recurrent network, time step by time step.

    H_t = tanh(X_t W_xh + H_{t-1} W_hh + b_h),  O_t = H_t W_hq + b_q

    Args:
        inputs: one `(batch, V)` for each time step.
        state: `(H,)`.
        params: what `get_params` returns.

    Returns:
        One output `(batch, V)` for each time step, the logits of the next character; and the new state.
    """
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs: list[Tensor] = []
    for X in inputs:
        H = torch.tanh(X @ W_xh + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return outputs, (H,)


# Prediction ------------------------------------------------------------------------------------------------


@torch.no_grad()
def predict_rnn(
    prefix: str,
    num_chars: int,
    rnn: Cell,
    params: Sequence[Tensor],
    init_rnn_state: Callable[..., State],
    num_hiddens: int,
    vocab_size: int,
    device: torch.device | str,
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
) -> str:
    """Continues `prefix` by `num_chars` characters, each time the most probable one.

    The prefix is read first, character by character; then each output is the next input.
    """
    state = init_rnn_state(1, num_hiddens, device)
    output = [char_to_idx[prefix[0]]]
    for t in range(num_chars + len(prefix) - 1):
        X = to_onehot(torch.tensor([[output[-1]]], device=device), vocab_size)
        Y, state = rnn(X, state, params)
        if t < len(prefix) - 1:
            output.append(char_to_idx[prefix[t + 1]])
        else:
            output.append(int(Y[0].argmax(dim=1).item()))
    return "".join(idx_to_char[i] for i in output)


# Gradient clipping -----------------------------------------------------------------------------------------


@torch.no_grad()
def grad_clipping(params: Sequence[Tensor], theta: float, device: torch.device | str) -> None:
    """Scales all gradients, taken as one vector g, to a norm of at most θ: g ← min(θ/‖g‖, 1) · g."""
    squares = torch.zeros(1, dtype=_grad(params[0]).dtype, device=device)
    for param in params:
        squares += (_grad(param) ** 2).sum()
    norm = squares.sqrt().item()
    if norm > theta:
        for param in params:
            _grad(param).mul_(theta / norm)


def _grad(param: Tensor) -> Tensor:
    assert param.grad is not None, "call backward() first"
    return param.grad


@torch.no_grad()
def sgd(params: Sequence[Tensor], lr: float, batch_size: int) -> None:
    """Stochastic gradient descent: p ← p − lr · ∇p / batch_size."""
    for param in params:
        param.sub_(lr * _grad(param) / batch_size)


# Two ways of sampling minibatches --------------------------------------------------------------------------


def data_iter_random(
    corpus_indices: Sequence[int],
    batch_size: int,
    num_steps: int,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random sampling: each example is a random stretch of the corpus.

    There are ⌊(n − 1)/steps⌋ examples that do not overlap, in a new order on each call; whole minibatches
    only. Neighbouring minibatches are unrelated, so the state has to start at zero in each.

    Yields:
        X and Y, each `(batch, steps)`; Y is one character later.
    """
    indices = torch.as_tensor(corpus_indices, device=_on(device))
    num_examples = max(len(indices) - 1, 0) // num_steps  # the last input needs a target, hence the − 1
    order = torch.randperm(num_examples, generator=generator).tolist()
    for first in range(0, num_examples // batch_size * batch_size, batch_size):
        starts = [example * num_steps for example in order[first : first + batch_size]]
        X = torch.stack([indices[i : i + num_steps] for i in starts])
        Y = torch.stack([indices[i + 1 : i + num_steps + 1] for i in starts])
        yield X, Y


def data_iter_consecutive(
    corpus_indices: Sequence[int],
    batch_size: int,
    num_steps: int,
    device: torch.device | str | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Consecutive sampling: the corpus as `batch_size` equal lanes, read side by side.

    Each minibatch continues where the one before ended, so the state can be carried on.

    Yields:
        X and Y, each `(batch, steps)`; Y is one character later.
    """
    indices = torch.as_tensor(corpus_indices, device=_on(device))
    batch_len = len(indices) // batch_size
    lanes = indices[: batch_size * batch_len].view(batch_size, batch_len)
    for i in range(0, (batch_len - 1) // num_steps * num_steps, num_steps):
        yield lanes[:, i : i + num_steps], lanes[:, i + 1 : i + num_steps + 1]


# Training --------------------------------------------------------------------------------------------------


def train_and_predict_rnn(
    rnn: Cell,
    get_params: Callable[[], list[Tensor]],
    init_rnn_state: Callable[..., State],
    num_hiddens: int,
    vocab_size: int,
    device: torch.device | str,
    corpus_indices: Sequence[int],
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
    is_random_iter: bool,
    num_epochs: int,
    num_steps: int,
    lr: float,
    clipping_theta: float,
    batch_size: int,
    pred_period: int,
    pred_len: int,
    prefixes: Sequence[str],
    generator: torch.Generator | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> None:
    """Trains a network, and every `pred_period` epochs prints its perplexity and what it writes.

    Perplexity is exp of the mean cross-entropy over the epoch's characters: 1 for a perfect model, the
    vocabulary size for a uniform guess.

    Args:
        rnn, get_params, init_rnn_state: the cell; `gru` and `lstm` below go in the same places.
        num_hiddens, vocab_size, device: H, V, and where to compute.
        corpus_indices, idx_to_char, char_to_idx: what `load_data_jay_lyrics` returns.
        is_random_iter: random sampling if true, else consecutive.
        num_epochs: passes through the corpus.
        num_steps: characters of an example.
        lr: the learning rate.
        clipping_theta: θ of `grad_clipping`.
        batch_size: examples of a minibatch.
        pred_period: epochs between two reports.
        pred_len: characters to write after each prefix.
        prefixes: openings to continue.
        generator: shuffles the examples; by default torch's own.
        on_epoch: is called after each epoch with its number and perplexity, before anything is printed.

    Raises:
        CorpusError: the text is too short for one minibatch.
    """
    params = get_params()
    loss = nn.CrossEntropyLoss()
    state: State = ()
    for epoch in range(num_epochs):
        start = time.perf_counter()
        l_sum, n = 0.0, 0
        if is_random_iter:
            data_iter = data_iter_random(corpus_indices, batch_size, num_steps, device, generator)
        else:
            data_iter = data_iter_consecutive(corpus_indices, batch_size, num_steps, device)
            state = init_rnn_state(batch_size, num_hiddens, device)
        for X, Y in data_iter:
            if is_random_iter:  # this minibatch has nothing to do with the last one
                state = init_rnn_state(batch_size, num_hiddens, device)
            else:  # carry the state on, but let gradients end here, or they would reach back to the start
                state = tuple(s.detach() for s in state)
            outputs, state = rnn(to_onehot(X, vocab_size), state, params)
            y = Y.t().reshape(-1)  # in the order of the outputs: (steps * batch,)
            l = loss(torch.cat(outputs), y)  # the mean, so that sgd() need not divide  # noqa: E741
            for param in params:
                param.grad = None
            l.backward()
            grad_clipping(params, clipping_theta, device)
            sgd(params, lr, 1)
            l_sum += l.item() * len(y)
            n += len(y)
        if not n:
            raise CorpusError(
                f"no minibatch fits: the text has {len(corpus_indices)} characters, batch_size is {batch_size} and "
                f"num_steps {num_steps}; lower one of them, or add text"
            )
        perplexity = math.exp(min(l_sum / n, 700.0))  # e^700 is nearly the largest float
        if on_epoch:
            on_epoch(epoch + 1, perplexity)
        if (epoch + 1) % pred_period == 0:
            print(f"epoch {epoch + 1}, perplexity {perplexity:f}, time {time.perf_counter() - start:.2f} sec")
            for prefix in prefixes:
                text = predict_rnn(
                    prefix, pred_len, rnn, params, init_rnn_state,
                    num_hiddens, vocab_size, device, idx_to_char, char_to_idx,
                )  # fmt: skip
                print(" -", text, flush=True)


# Two other cells -------------------------------------------------------------------------------------------


def get_gru_params(
    vocab_size: int | None = None,
    num_hiddens: int = num_hiddens,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Initial parameters of `gru`: for the update gate z, the reset gate r and the candidate h each
    W_x `(V, H)`, W_h `(H, H)` and b `(H,)`, then W_hq and b_q. Arguments as for `get_params`."""
    return _gated_params(3, _vocab_size(vocab_size), num_hiddens, device, generator)


def _gated_params(
    gates: int, V: int, H: int, device: torch.device | str | None, generator: torch.Generator | None
) -> list[Tensor]:
    params: list[Tensor] = []
    for _ in range(gates):
        params += [_normal((V, H), device, generator), _normal((H, H), device, generator), _zeros(H, device)]
    return [*params, _normal((H, V), device, generator), _zeros(V, device)]


init_gru_state = init_rnn_state


def gru(inputs: Sequence[Tensor], state: State, params: Sequence[Tensor]) -> tuple[list[Tensor], State]:
    """The gated recurrent unit, in place of `rnn`.

    Z = σ(X W_xz + H W_hz + b_z),  R = σ(X W_xr + H W_hr + b_r),
    H̃ = tanh(X W_xh + (R ⊙ H) W_hh + b_h),  H ← Z ⊙ H + (1 − Z) ⊙ H̃

    (`nn.GRU` resets after the product instead, R ⊙ (H W_hh + b), which is another function.)
    """
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs: list[Tensor] = []
    for X in inputs:
        Z = torch.sigmoid(X @ W_xz + H @ W_hz + b_z)
        R = torch.sigmoid(X @ W_xr + H @ W_hr + b_r)
        H_tilde = torch.tanh(X @ W_xh + (R * H) @ W_hh + b_h)
        H = Z * H + (1 - Z) * H_tilde
        outputs.append(H @ W_hq + b_q)
    return outputs, (H,)


def get_lstm_params(
    vocab_size: int | None = None,
    num_hiddens: int = num_hiddens,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Initial parameters of `lstm`: for the input gate i, the forget gate f, the output gate o and the
    candidate c each W_x `(V, H)`, W_h `(H, H)` and b `(H,)`, then W_hq and b_q. Arguments as for `get_params`."""
    return _gated_params(4, _vocab_size(vocab_size), num_hiddens, device, generator)


def init_lstm_state(batch_size: int, num_hiddens: int, device: torch.device | str | None) -> State:
    """The LSTM's state is a pair: the hidden state H and the memory C, both zeros `(batch, H)`."""
    return init_rnn_state(batch_size, num_hiddens, device) + init_rnn_state(batch_size, num_hiddens, device)


def lstm(inputs: Sequence[Tensor], state: State, params: Sequence[Tensor]) -> tuple[list[Tensor], State]:
    """The long short-term memory, in place of `rnn`.

    I = σ(X W_xi + H W_hi + b_i),  F = σ(X W_xf + H W_hf + b_f),  O = σ(X W_xo + H W_ho + b_o),
    C̃ = tanh(X W_xc + H W_hc + b_c),  C ← F ⊙ C + I ⊙ C̃,  H ← O ⊙ tanh(C)
    """
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs: list[Tensor] = []
    for X in inputs:
        I = torch.sigmoid(X @ W_xi + H @ W_hi + b_i)  # noqa: E741
        F = torch.sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = torch.sigmoid(X @ W_xo + H @ W_ho + b_o)  # noqa: E741
        C_tilde = torch.tanh(X @ W_xc + H @ W_hc + b_c)
        C = F * C + I * C_tilde
        H = O * torch.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return outputs, (H, C)
