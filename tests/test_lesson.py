"""The lesson's functions: its shapes, its definitions, its printout."""

from __future__ import annotations

import math
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zuoci import CorpusError, lesson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

CPU = torch.device("cpu")
CELLS = {
    "rnn": (lesson.rnn, lesson.get_params, lesson.init_rnn_state),
    "gru": (lesson.gru, lesson.get_gru_params, lesson.init_gru_state),
    "lstm": (lesson.lstm, lesson.get_lstm_params, lesson.init_lstm_state),
}


def test_the_bundled_lyrics_as_indices() -> None:
    indices, char_to_idx, idx_to_char, vocab_size = lesson.load_data_jay_lyrics()
    assert len(indices) == 10_000
    assert vocab_size == len(char_to_idx) == len(idx_to_char)
    assert idx_to_char == sorted(idx_to_char)
    assert all(char_to_idx[char] == i for i, char in enumerate(idx_to_char))
    text = "".join(idx_to_char[i] for i in indices)
    assert "\n" not in text
    assert "不分开" in text


def test_the_courses_own_zip_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "jaychou_lyrics.txt.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("jaychou_lyrics.txt", "甲乙\r\n丙丁\n" * 3000)
    indices, _, idx_to_char, vocab_size = lesson.load_data_jay_lyrics(path)
    assert len(indices) == 10_000
    assert vocab_size == 5
    assert "".join(idx_to_char[i] for i in indices[:7]) == "甲乙  丙丁 "  # a newline and a return are two spaces


def test_a_zip_with_two_texts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "甲")
        archive.writestr("b.txt", "乙")
    with pytest.raises(CorpusError, match="holds 2 texts: expected one"):
        lesson.load_data_jay_lyrics(path)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_one_hot(indices: list[int]) -> None:
    rows = lesson.one_hot(torch.tensor(indices), 10)
    assert rows.shape == (len(indices), 10)
    assert rows.dtype == torch.float32
    assert torch.equal(rows.sum(dim=1), torch.ones(len(indices)))
    assert rows.argmax(dim=1).tolist() == indices


@pytest.mark.parametrize("name", CELLS)
def test_the_shapes_that_the_lesson_shows(name: str) -> None:
    cell, get_params, init_state = CELLS[name]
    inputs = lesson.to_onehot(torch.arange(10).view(2, 5), 1027)
    assert [tuple(X.shape) for X in inputs] == [(2, 1027)] * 5
    params = get_params(1027, 256, CPU, torch.Generator().manual_seed(0))
    outputs, state = cell(inputs, init_state(2, 256, CPU), params)
    assert [tuple(output.shape) for output in outputs] == [(2, 1027)] * 5
    assert [tuple(H.shape) for H in state] == [(2, 256)] * (2 if name == "lstm" else 1)


def test_parameters_are_normal_and_biases_zero() -> None:
    W_xh, W_hh, b_h, W_hq, b_q = lesson.get_params(500, 200, CPU, torch.Generator().manual_seed(0))
    assert [tuple(W.shape) for W in (W_xh, W_hh, b_h, W_hq, b_q)] == [
        (500, 200),
        (200, 200),
        (200,),
        (200, 500),
        (500,),
    ]
    for W in (W_xh, W_hh, W_hq):
        assert W.requires_grad
        assert abs(W.std().item() - 0.01) < 2e-4
        assert abs(W.mean().item()) < 2e-4
    assert not b_h.any()
    assert not b_q.any()


def test_get_params_without_arguments_is_for_the_bundled_lyrics() -> None:
    vocab_size = lesson.load_data_jay_lyrics()[3]
    assert [tuple(W.shape) for W in lesson.get_params()] == [
        (vocab_size, 256), (256, 256), (256,), (256, vocab_size), (vocab_size,),
    ]  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_an_untrained_model_continues_with_arbitrary_characters(name: str) -> None:
    cell, get_params, init_state = CELLS[name]
    _, char_to_idx, idx_to_char, V = lesson.load_data_jay_lyrics()
    params = get_params(V, 8, CPU, torch.Generator().manual_seed(0))
    text = lesson.predict_rnn("分开", 10, cell, params, init_state, 8, V, CPU, idx_to_char, char_to_idx)
    assert text.startswith("分开")
    assert len(text) == 12


@given(scale=st.floats(1e-3, 1e3), theta=st.floats(1e-2, 1e2), seed=st.integers(0, 99))
def test_grad_clipping_is_torchs(scale: float, theta: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(3, 4), (4,), (2, 2)]
    ours, theirs = ([torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in shapes] for _ in range(2))
    for mine, other in zip(ours, theirs, strict=True):
        mine.grad = torch.randn(mine.shape, dtype=torch.float64, generator=generator) * scale
        other.grad = mine.grad.clone()
    lesson.grad_clipping(ours, theta, CPU)
    torch.nn.utils.clip_grad_norm_(theirs, theta)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=0)  # torch adds 1e-6 to the norm
    norm = math.sqrt(sum((mine.grad**2).sum().item() for mine in ours if mine.grad is not None))
    assert norm <= theta * (1 + 1e-9)


def test_sgd() -> None:
    param = torch.tensor([1.0, 2.0], requires_grad=True)
    param.grad = torch.tensor([4.0, -2.0])
    lesson.sgd([param], lr=0.5, batch_size=2)
    assert param.tolist() == [0.0, 2.5]


sizes = {"n": st.integers(0, 60), "batch_size": st.integers(1, 5), "num_steps": st.integers(1, 7)}


@given(**sizes)
def test_random_sampling_by_its_definition(n: int, batch_size: int, num_steps: int) -> None:
    corpus = list(range(100, 100 + n))
    batches = list(lesson.data_iter_random(corpus, batch_size, num_steps, CPU, torch.Generator().manual_seed(n)))
    examples = [corpus[i : i + num_steps] for i in range(0, n - num_steps, num_steps)]
    assert len(examples) == max(n - 1, 0) // num_steps
    assert len(batches) == len(examples) // batch_size
    seen = [row.tolist() for X, _ in batches for row in X]
    assert all(row in examples for row in seen)
    assert len({tuple(row) for row in seen}) == len(seen)
    for X, Y in batches:
        assert X.shape == (batch_size, num_steps)
        assert torch.equal(Y, X + 1)  # this corpus counts upwards


@given(**sizes)
def test_consecutive_sampling_by_its_definition(n: int, batch_size: int, num_steps: int) -> None:
    corpus = list(range(100, 100 + n))
    batches = list(lesson.data_iter_consecutive(corpus, batch_size, num_steps, CPU))
    length = n // batch_size
    assert len(batches) == max(length - 1, 0) // num_steps
    for i, (X, Y) in enumerate(batches):
        for lane in range(batch_size):
            start = lane * length + i * num_steps
            assert X[lane].tolist() == corpus[start : start + num_steps]
            assert Y[lane].tolist() == corpus[start + 1 : start + num_steps + 1]


def test_random_sampling_comes_in_a_new_order_each_time() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = ([X.tolist() for X, _ in lesson.data_iter_random(range(200), 2, 3, CPU, generator)] for _ in "ab")
    assert first != second


@pytest.mark.parametrize("is_random_iter", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_training_prints_in_the_lessons_format_and_learns(
    name: str, is_random_iter: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    cell, get_params, init_state = CELLS[name]
    text = "分开不分开 " * 60
    chars = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(chars)}
    generator = torch.Generator().manual_seed(0)
    lesson.train_and_predict_rnn(
        cell, lambda: get_params(len(chars), 16, CPU, generator), init_state, 16, len(chars), CPU,
        [char_to_idx[char] for char in text], chars, char_to_idx,
        is_random_iter, 30, 6, 100.0, 0.01, 4, 15, 6, ["分开", "不分开"], generator,
    )  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    perplexities: list[float] = []
    for i, line in enumerate(lines):
        if i % 3 == 0:
            match = re.fullmatch(r"epoch (\d+), perplexity (\d+\.\d{6}), time \d+\.\d\d sec", line)
            assert match
            assert int(match[1]) == 15 * (i // 3 + 1)
            perplexities.append(float(match[2]))
        else:
            assert re.fullmatch(" - (分开|不分开).{6}", line)
    assert perplexities[1] < perplexities[0] < len(chars) + 0.5


def small_run(text: str, *, is_random_iter: bool = True, on_epoch: Any = None) -> None:
    """Three epochs on a text, with 8 hidden units."""
    chars = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(chars)}
    generator = torch.Generator().manual_seed(0)
    lesson.train_and_predict_rnn(
        lesson.rnn, lambda: lesson.get_params(len(chars), 8, CPU, generator), lesson.init_rnn_state, 8, len(chars), CPU,
        [char_to_idx[char] for char in text], chars, char_to_idx,
        is_random_iter, 3, 6, 100.0, 0.01, 4, 2, 4, ["分开"], generator, on_epoch,
    )  # fmt: skip


def test_each_epoch_is_told_before_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, float, str]] = []

    def note(epoch: int, perplexity: float) -> None:
        seen.append((epoch, perplexity, capsys.readouterr().out))

    small_run("分开不分开 " * 10, on_epoch=note)
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3]
    assert [bool(printed) for _, _, printed in seen] == [False, False, True]
    assert f"perplexity {seen[1][1]:f}, " in seen[2][2]


@pytest.mark.parametrize("is_random_iter", [True, False])
def test_a_text_too_short_for_one_minibatch_is_said(is_random_iter: bool) -> None:
    with pytest.raises(CorpusError, match=r"18 characters, batch_size is 4 and num_steps 6; lower one of them"):
        small_run("分开不分开 " * 3, is_random_iter=is_random_iter)


def test_without_a_named_device_everything_is_on_the_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with a GPU: indices, parameters and states that mix devices cannot be multiplied."""
    meta = torch.device("meta")
    monkeypatch.setattr(lesson, "device", meta)
    corpus = list(range(40))
    tensors = [next(lesson.data_iter_random(corpus, 2, 3))[0], next(lesson.data_iter_consecutive(corpus, 2, 3))[0]]
    tensors += [*lesson.get_params(40, 4), *lesson.init_lstm_state(2, 4, None)]
    assert {tensor.device for tensor in tensors} == {meta}
    (output, *_), _ = lesson.rnn(lesson.to_onehot(tensors[0], 40), lesson.init_rnn_state(2, 4, None), tensors[2:7])
    assert output.device == meta
    assert next(lesson.data_iter_random(corpus, 2, 3, "cpu"))[0].device == CPU


def test_an_unknown_prefix_is_a_key_error() -> None:
    """As in the course; the command line names the character instead."""
    chars = ["开", "分"]
    with pytest.raises(KeyError, match="不"):
        lesson.predict_rnn(
            "不分开", 3, lesson.rnn, lesson.get_params(2, 4), lesson.init_rnn_state, 4, 2, CPU, chars,
            {"开": 0, "分": 1},
        )  # fmt: skip


def test_a_loss_that_overflows_is_printed_as_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    """exp of a loss above 709 is more than a float holds."""

    def far_off(inputs: Sequence[Tensor], state: lesson.State, params: Sequence[Tensor]) -> tuple[list[Tensor], Any]:
        outputs, state = lesson.rnn(inputs, state, params)
        return [output * 0 + torch.arange(output.shape[1]) * 1e6 for output in outputs], state

    told: list[float] = []
    chars = ["分", "开"]
    lesson.train_and_predict_rnn(
        far_off, lambda: lesson.get_params(2, 4, CPU), lesson.init_rnn_state, 4, 2, CPU, [0] * 20, chars,
        {"分": 0, "开": 1}, True, 1, 3, 1.0, 0.01, 2, 1, 1, ["分"], on_epoch=lambda _, value: told.append(value),
    )  # fmt: skip
    assert capsys.readouterr().out.startswith("epoch 1, perplexity 1014232054735004")
    assert told == [math.exp(700)]
