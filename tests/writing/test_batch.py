"""A text is the same, bit by bit, whatever is written beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import zuoci
from zuoci import CorpusIndex, WriteConfig, Writer
from zuoci.errors import WritingError
from zuoci.model.row_products import RowByRow
from zuoci.model.stepper import Stepper
from zuoci.writing.batch import Batch
from zuoci.writing.text import Lyrics

KINDS: list[dict[str, Any]] = [
    {"length": 30},
    {"length": 25, "greedy": True},
    {"length": 40, "temperature": 2.0, "top_k": 5, "max_copy": 3},
    {"lines": 2, "line_length": "4"},
    {"rhyme": "AA", "line_length": "3", "temperature": 0.3},
    {"rhyme": "AA", "line_length": "4", "particles": 2, "max_copy": 4, "temperature": 1.5},
    {"acrostic": "山路", "greedy": True},
    {"lines": 2, "word": ("唱",), "line_length": "5", "top_p": 0.8, "min_p": 0.0},
    {"length": 20, "stop": ("人",), "ban": "路", "temperature": 0.02},
]


def config_of(number: int) -> WriteConfig:
    return WriteConfig.model_validate({**KINDS[number % len(KINDS)], "seed": number})


@pytest.fixture(scope="module", params=["gru", "lstm"])
def writer(request: pytest.FixtureRequest) -> Writer:
    """A model with strong opinions, and songs that it must not copy."""
    song = zuoci.load_lyrics("zh").songs[0]
    corpus = zuoci.Corpus((song, zuoci.load_lyrics("zh").songs[1]))
    config = zuoci.ModelConfig(cell=request.param, hidden_size=10, embedding_size=4, num_layers=2)
    model = zuoci.CharLM(config, zuoci.Vocabulary(corpus.text + "山前有路上人在唱歌，"))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator))
    return Writer(model.eval(), CorpusIndex(corpus))


def add(batch: Batch[Lyrics], writer: Writer, opening: str, config: WriteConfig) -> int:
    return batch.add(writer.steps(opening, config), config.sampling, config.rows)


def everything(lyrics: Lyrics | Exception | None) -> tuple[Any, ...]:
    if isinstance(lyrics, WritingError):
        return (str(lyrics),)
    assert lyrics is not None
    assert not isinstance(lyrics, Exception)
    return (lyrics.text, lyrics.nll.hex(), lyrics.finish, lyrics.unknown)


def run(writer: Writer, starts: dict[int, int], threads: int) -> dict[int, tuple[Any, ...]]:
    """Texts by their number, each of which joins at a certain step."""
    batch: Batch[Lyrics] = Batch(writer.model.stepper, threads)
    numbers: dict[int, int] = {}
    found: dict[int, tuple[Any, ...]] = {}
    step = 0
    while len(found) < len(starts):
        for number, start in starts.items():
            if start == step:
                config = config_of(number)
                numbers[add(batch, writer, "山", config)] = number
        found.update({numbers[number]: everything(lyrics) for number, lyrics in batch.step()})
        step += 1
    return found


@pytest.fixture(scope="module")
def alone(writer: Writer) -> dict[int, tuple[Any, ...]]:
    """Two texts of each kind, each written alone."""
    return {number: run(writer, {number: 0}, 1)[number] for number in range(2 * len(KINDS))}


def test_a_text_is_the_same_alone_and_among_others_at_any_time(
    writer: Writer, alone: dict[int, tuple[Any, ...]]
) -> None:
    assert sum(len(one) == 4 for one in alone.values()) > len(alone) // 2
    for threads in (1, 5):
        assert run(writer, dict.fromkeys(alone, 0), threads) == alone
    assert run(writer, {number: number * 7 % 31 for number in alone}, 3) == alone


@pytest.mark.slow
def test_a_text_is_the_same_among_256_others(writer: Writer, alone: dict[int, tuple[Any, ...]]) -> None:
    for threads in (1, 2):
        among = run(writer, {number: number * 13 % 101 for number in range(len(KINDS) + 256)}, threads)
        assert {number: among[number] for number in alone} == alone


def test_streamed_it_is_the_same(writer: Writer) -> None:
    for number in range(len(KINDS)):
        config = config_of(number)
        try:
            text = writer.write("山", config).text
        except WritingError:
            with pytest.raises(WritingError):
                list(writer.stream("山", config))
            continue
        assert "".join(writer.stream("山", config)) == text
        assert writer.write_many(["", "山"], [WriteConfig(), config])[1].text == text


def test_who_leaves_is_not_missed(writer: Writer) -> None:
    batch: Batch[Lyrics] = Batch(writer.model.stepper, 2)
    stays, leaves = (add(batch, writer, "山", config_of(k)) for k in (0, 5))
    never = add(batch, writer, "山", config_of(1))
    batch.remove(never)
    found: dict[int, Any] = {}
    for step in range(200):
        if step == 5:
            batch.remove(leaves)
            batch.remove(leaves)
        found.update(batch.step())
    assert len(batch) == 0
    assert list(found) == [stays]
    assert everything(found[stays]) == run(writer, {0: 0}, 1)[0]


def test_the_error_of_one_text_is_not_that_of_the_others(writer: Writer) -> None:
    batch: Batch[Lyrics] = Batch(writer.model.stepper)
    wrong = WriteConfig(acrostic="囧")
    numbers = [add(batch, writer, "山", config) for config in (wrong, config_of(0))]
    found: dict[int, Any] = {}
    while len(batch):
        found.update(batch.step())
    assert isinstance(found[numbers[0]], zuoci.SettingsError)
    assert everything(found[numbers[1]]) == run(writer, {0: 0}, 1)[0]
    with pytest.raises(zuoci.SettingsError):
        writer.write_many(["", ""], [WriteConfig(), wrong])


def test_a_share_that_rounds_to_nothing_is_no_dead_end(writer: Writer) -> None:
    """Beside a text that weighs its draws, at a temperature at which all but one character round to nothing."""
    calm = WriteConfig(length=20, temperature=1e-300, ban="山路上人，")
    weighing = WriteConfig(rhyme="AA", line_length="4", temperature=1e-300)
    alone = writer.write("山", calm)
    for threads in (1, 4):
        batch: Batch[Lyrics] = Batch(writer.model.stepper, threads)
        number = add(batch, writer, "山", calm)
        for seed in range(4):
            config = weighing.model_copy(update={"seed": seed})
            add(batch, writer, "", config)
        found: dict[int, Any] = {}
        while len(batch):
            found.update(batch.step())
        assert found[number] == alone
        assert not any(isinstance(result, Exception) for result in found.values())


@pytest.mark.parametrize("kernel", ["small products", "groups of 8", "single rows"])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 5), (12, 36), (64, 192), (100, 1765), (256, 768)])
def test_the_product_of_a_row_does_not_depend_on_the_others(
    inputs: int, outputs: int, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = {"small products": 0, "groups of 8": 1, "single rows": 2}[kernel]
    steady = RowByRow._is_steady  # pyright: ignore[reportPrivateUsage]
    checks: list[bool] = []

    def is_steady(matrix: RowByRow) -> bool:
        checks.append(steady(matrix) and len(checks) >= failing)
        return checks[-1]

    monkeypatch.setattr(RowByRow, "_is_steady", is_steady)
    monkeypatch.setattr("zuoci.model.row_products._IN_CACHE", 0)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((outputs, inputs)).astype(np.float32)
    matrix = RowByRow(weight)
    assert len(checks) > failing or not any(checks)
    x = rng.standard_normal((300, inputs)).astype(np.float32)
    whole = matrix.times(x)
    np.testing.assert_allclose(whole, x @ weight.T, rtol=1e-3, atol=1e-3)
    for size in (1, 2, 7, 61, 256):
        assert np.array_equal(np.concatenate([matrix.times(x[a : a + size]) for a in range(0, 300, size)]), whole)
    strided = np.stack([x, -x], 1)[:, 0]  # as the LSTM's hidden units lie
    assert np.array_equal(matrix.times(strided), whole)


@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 4}, {"embedding_size": 4, "tie_embedding": True}])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
def test_the_stepper_is_the_model_character_by_character(cell: str, num_layers: int, embedding: dict[str, Any]) -> None:
    config = {"cell": cell, "hidden_size": 5, "num_layers": num_layers, **embedding}
    model = zuoci.CharLM(zuoci.ModelConfig.model_validate(config), zuoci.Vocabulary("abcdefg")).double()
    model.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for param in model.parameters():
            param.add_(torch.randn(param.shape, generator=torch.Generator().manual_seed(param.numel())))
    ids = torch.randint(7, (12, 3), generator=torch.Generator().manual_seed(1))
    expected, _ = model(ids, model.initial_state(3))
    stepper = Stepper(model)
    state = stepper.start(3)
    for now, logits in zip(ids, expected, strict=True):
        before = [part.copy() for part in state]
        got, after = stepper.step(now.numpy(), state)
        np.testing.assert_allclose(got, logits.detach().numpy(), rtol=1e-10, atol=1e-12)
        assert all(np.array_equal(one, other) for one, other in zip(before, state, strict=True))
        state = after


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_a_text_is_the_same_where_there_is_room_for_few_rows(
    writer: Writer, alone: dict[int, tuple[Any, ...]], rows: int
) -> None:
    batch: Batch[Lyrics] = Batch(writer.model.stepper, 2, rows)
    numbers = {add(batch, writer, "山", config_of(k)): k for k in alone}
    found: dict[int, Any] = {}
    while len(batch):
        found.update({numbers[number]: everything(lyrics) for number, lyrics in batch.step()})
    assert found == alone


def rows_read(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each step from now on."""
    read: list[int] = []
    step = writer.model.stepper.step

    def counting(ids: Any, state: Any, **how: Any) -> Any:
        read.append(len(ids))
        return step(ids, state, **how)

    monkeypatch.setattr(writer.model.stepper, "step", counting)
    return read


def test_a_step_reads_so_many_rows_though_every_text_asks_for_more(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines with more particles than a step may have rows, in many texts at the same time."""
    config = WriteConfig(line_length="4", rhyme="AA", particles=32, max_copy=0, temperature=3.0)
    read = rows_read(writer, monkeypatch)
    batch: Batch[Lyrics] = Batch(writer.model.stepper, 1, 16)
    for _ in range(4):
        add(batch, writer, "", config)
    ended: list[Any] = []
    while len(batch):
        ended += batch.step()
    assert [type(lyrics) for _, lyrics in ended] == [Lyrics] * 4
    assert 16 < max(read) <= 32  # of one text, alone


def test_however_many_texts_there_are_few_are_written_at_a_time(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of a text, and what a step computes, is bounded by the rows of a batch."""
    config = WriteConfig(rhyme="AA", line_length="2", particles=8, max_copy=0)
    begun, most_begun = 0, 0
    read = rows_read(writer, monkeypatch)

    def counted(seed: int) -> Any:
        nonlocal begun
        begun += 1
        try:
            return (yield from writer.steps("", config.model_copy(update={"seed": seed})))
        finally:
            begun -= 1

    batch: Batch[Lyrics] = Batch(writer.model.stepper, 1, 24)
    for seed in range(60):
        batch.add(counted(seed), config.sampling, config.rows)
    ended = 0
    while len(batch):
        ended += len(batch.step())
        most_begun = max(most_begun, begun)
    assert ended == 60
    assert most_begun <= 24 // 8
    assert 8 < max(read) <= 64  # a line that fails is tried alone with as many as 64


def test_the_text_that_breaks_a_step_ends_alone(writer: Writer) -> None:
    """A value that no check has seen ends the text that has it; those beside it are what they are alone."""
    good = {number: run(writer, {number: 0}, 1)[number] for number in range(len(KINDS))}
    for threads in (1, 3):
        batch: Batch[Lyrics] = Batch(writer.model.stepper, threads)
        broken = WriteConfig(length=30).model_copy(update={"top_k": "all"})
        bad = add(batch, writer, "山", broken)
        numbers = {add(batch, writer, "山", config_of(k)): k for k in range(len(KINDS))}
        found = dict(batch.step())
        assert isinstance(found.pop(bad), TypeError)
        while len(batch):
            found.update(batch.step())
        assert {numbers[number]: everything(one) for number, one in found.items()} == good
