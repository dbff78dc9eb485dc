"""`zuoci lesson --explain`: the lesson step by step, each with the shapes and figures that its functions give.

Nothing here is written down beforehand: every figure is computed on the text at hand with the functions of
`zuoci.lesson`.
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from zuoci import lesson
from zuoci.text.corpus import Corpus, Song
from zuoci.writing.originality import CorpusIndex, originality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

# The names of a cell's parameters, in the order in which the lesson's functions keep them.
_GATES = {"rnn": "h", "gru": "zrh", "lstm": "ifoc"}


class Cell(NamedTuple):
    """The three functions of a recurrent cell, and its name."""

    name: str
    forward: lesson.Cell
    get_params: Callable[..., list[Tensor]]
    init_state: Callable[..., lesson.State]


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn", lesson.rnn, lesson.get_params, lesson.init_rnn_state),
        Cell("gru", lesson.gru, lesson.get_gru_params, lesson.init_gru_state),
        Cell("lstm", lesson.lstm, lesson.get_lstm_params, lesson.init_lstm_state),
    )
}


class Lyrics(NamedTuple):
    """What `load_data_jay_lyrics` returns."""

    corpus_indices: list[int]
    char_to_idx: dict[str, int]
    idx_to_char: list[str]
    vocab_size: int


def explain(
    lyrics: Lyrics, cell: Cell, prefix: str, *, batch_size: int, num_steps: int, theta: float, lr: float
) -> Iterator[str]:
    """The steps before training, as paragraphs.

    Args:
        lyrics: the text.
        cell: the recurrent cell.
        prefix: an opening for the untrained model.
        batch_size: examples of a minibatch.
        num_steps: characters of an example.
        theta: θ of `grad_clipping`.
        lr: the learning rate.
    """
    generator = torch.Generator().manual_seed(0)
    params = cell.get_params(lyrics.vocab_size, lesson.num_hiddens, lesson.device, generator)
    yield _data(lyrics)
    yield _one_hot(lyrics)
    yield _parameters(cell, params)
    yield _recurrence(lyrics, cell, params)
    yield _step(
        "5. Prediction: predict_rnn(prefix, 10, …)",
        "Reads the opening to warm the state, then appends the most probable character, 10 times. The untrained "
        f"network writes: {_write(lyrics, cell, params, prefix, 10)}",
    )
    X, Y = next(lesson.data_iter_random(lyrics.corpus_indices, batch_size, num_steps, lesson.device, generator))
    loss = _loss(lyrics, cell, params, X, Y)
    yield _perplexity(lyrics, loss.item())
    yield _clipping(params, loss, theta, lr)
    yield _sampling(lyrics)
    yield _step(
        "9. Training: train_and_predict_rnn(…)",
        f"Again and again: a minibatch of {batch_size} × {num_steps} characters, its loss, the gradients, clipping, a "
        "step. Now and then the perplexity of an epoch is printed, and a text for each opening:",
    )


def explain_copying(lyrics: Lyrics, cell: Cell, params: Sequence[Tensor], prefixes: Sequence[str]) -> str:
    """The step after training: how much of what the network writes is copied word for word.

    Args:
        lyrics: the text that it was trained on.
        cell: the recurrent cell.
        params: its trained parameters.
        prefixes: openings of the texts.
    """
    index = CorpusIndex(Corpus((Song("lesson", _text_of(lyrics, lyrics.corpus_indices)),)))
    found: list[str] = []
    for prefix in prefixes:
        written = _write(lyrics, cell, params, prefix, 50)[len(prefix) :]
        longest = max(originality(written, index, least=1).spans, key=lambda span: span.length)
        found.append(f"   Of 50 characters after {prefix}, {longest.length} in a row are in the text: {longest.text!r}")
    title = "10. What the lesson leaves unsaid: is it written, or remembered?"
    advice = (
        "Every perplexity above is that of the text that was trained on. `zuoci train` holds songs out, and says what "
        "the model makes of them."
    )
    return "\n".join([title, *found, _step("", advice)[1:]])  # the texts are not wrapped: blanks count


def _step(title: str, *paragraphs: str) -> str:
    lines = [textwrap.fill(text, 98, initial_indent="   ", subsequent_indent="   ") for text in paragraphs]
    return "\n".join([title, *lines])


def _text_of(lyrics: Lyrics, indices: Sequence[int]) -> str:
    return "".join(lyrics.idx_to_char[i] for i in indices)


def _shape(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"


def _write(lyrics: Lyrics, cell: Cell, params: Sequence[Tensor], prefix: str, count: int) -> str:
    return lesson.predict_rnn(
        prefix, count, cell.forward, params, cell.init_state, lesson.num_hiddens, lyrics.vocab_size, lesson.device,
        lyrics.idx_to_char, lyrics.char_to_idx,
    )  # fmt: skip


def _data(lyrics: Lyrics) -> str:
    first, V = lyrics.corpus_indices[:8], lyrics.vocab_size
    return _step(
        "1. Characters become numbers: load_data_jay_lyrics(path)",
        f"{len(lyrics.corpus_indices):,} characters, {V:,} different ones: V = {V:,}. The vocabulary is sorted, so "
        "that a character has the same number on every run.",
        f"{_text_of(lyrics, first)!r} → {first}",
    )


def _one_hot(lyrics: Lyrics) -> str:
    X = torch.tensor(lyrics.corpus_indices[:10]).view(2, 5)
    inputs = lesson.to_onehot(X, lyrics.vocab_size)
    sums = sorted({int(total) for matrix in inputs for total in matrix.sum(dim=1)})
    return _step(
        "2. Numbers become vectors: to_onehot(X, V)",
        f"X {_shape(X)}, 2 texts of 5 characters → {len(inputs)} matrices {_shape(inputs[0])}, one for each time step. "
        f"Each row sums to {', '.join(map(str, sums))}: a one in the column of the character, zeros elsewhere.",
    )


def _parameters(cell: Cell, params: Sequence[Tensor]) -> str:
    names = [name for gate in _GATES[cell.name] for name in (f"W_x{gate}", f"W_h{gate}", f"b_{gate}")]
    listed = (f"{name} {_shape(param)}" for name, param in zip([*names, "W_hq", "b_q"], params, strict=True))
    return _step(
        f"3. Parameters: {cell.get_params.__name__}(…)",
        ", ".join(listed),
        f"{sum(param.numel() for param in params):,} numbers; weights from N(0, 0.01), biases zero.",
    )


_EQUATIONS = {
    "rnn": "H_t = tanh(X_t W_xh + H_(t-1) W_hh + b_h)",
    "gru": "H_t = Z ⊙ H_(t-1) + (1 - Z) ⊙ H̃; Z, R and H̃ come from X_t and H_(t-1)",
    "lstm": "C_t = F ⊙ C_(t-1) + I ⊙ C̃,  H_t = O ⊙ tanh(C_t); I, F, O and C̃ come from X_t and H_(t-1)",
}


def _recurrence(lyrics: Lyrics, cell: Cell, params: Sequence[Tensor]) -> str:
    X = torch.tensor(lyrics.corpus_indices[:10], device=lesson.device).view(2, 5)
    state = cell.init_state(2, lesson.num_hiddens, lesson.device)
    outputs, new = cell.forward(lesson.to_onehot(X, lyrics.vocab_size), state, params)
    return _step(
        f"4. The recurrence: {cell.name}(inputs, state, params)",
        _EQUATIONS[cell.name],
        "O_t = H_t W_hq + b_q, the logits of the next character",
        f"From 5 inputs and a state of {len(state)} × {_shape(state[0])}, all zero at first, come {len(outputs)} "
        f"outputs {_shape(outputs[0])} and the new state, {len(new)} × {_shape(new[0])}: what was read so far.",
    )


def _loss(lyrics: Lyrics, cell: Cell, params: Sequence[Tensor], X: Tensor, Y: Tensor) -> Tensor:
    state = cell.init_state(len(X), lesson.num_hiddens, lesson.device)
    outputs, _ = cell.forward(lesson.to_onehot(X, lyrics.vocab_size), state, params)
    return nn.functional.cross_entropy(torch.cat(outputs), Y.t().reshape(-1))


def _perplexity(lyrics: Lyrics, loss: float) -> str:
    return _step(
        "6. Perplexity: exp of the mean cross-entropy",
        f"The untrained network has {loss:.3f} nats a character, a perplexity of {math.exp(loss):,.1f}: it guesses "
        f"among {lyrics.vocab_size:,} characters. A perfect model has 1; one that gives the truth no chance, infinity.",
    )


def _clipping(params: Sequence[Tensor], loss: Tensor, theta: float, lr: float) -> str:
    loss.backward()
    before = _norm(params)
    lesson.grad_clipping(params, theta, lesson.device)
    after = _norm(params)
    return _step(
        "7. Clipping: grad_clipping(params, θ, device)",
        f"All gradients, taken as one vector, have the norm {before:.4f}; clipped to θ = {theta:g}, {after:.4f}. A "
        f"step with the learning rate {lr:g} moves the parameters by {lr * after:.3g}, never by more than "
        f"{lr * theta:g}.",
    )


def _norm(params: Sequence[Tensor]) -> float:
    return math.sqrt(sum((param.grad**2).sum().item() for param in params if param.grad is not None))


def _sampling(lyrics: Lyrics) -> str:
    indices = lyrics.corpus_indices[:60]
    generator = torch.Generator().manual_seed(0)
    shown: list[str] = []
    for name, batches in (
        ("random", lesson.data_iter_random(indices, 2, 6, "cpu", generator)),
        ("consecutive", lesson.data_iter_consecutive(indices, 2, 6, "cpu")),
    ):
        first, second, *_ = ([_text_of(lyrics, row) for row in X.tolist()] for X, _ in batches)
        shown.append(f"{name}: first minibatch {first}, second {second}")
    return _step(
        f"8. Two ways to sample, here 2 examples of 6 characters from the first {len(indices)}",
        *shown,
        "Random: neighbouring minibatches have nothing to do with each other, so the state starts at zero in each.",
        "Consecutive: each row goes on where it ended, so the state is carried on. It is detached, so that gradients "
        "do not reach back to the beginning of the text (truncated backpropagation through time).",
    )
