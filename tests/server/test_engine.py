"""The thread that writes for everybody: what ends one text, or the server, ends nothing else."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from tests.coroutines import run_apart

import zuoci
from zuoci import WriteConfig, Writer
from zuoci.errors import WritingError
from zuoci.server import engine as module
from zuoci.server.engine import End, Engine, Piece, Texts
from zuoci.server.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run(work: Callable[[Engine], Awaitable[None]], rows: int = 10) -> None:
    async def main() -> None:
        engine = Engine(rows)
        engine.start()
        try:
            await work(engine)
            assert engine.rows_taken == 0
        finally:
            await asyncio.to_thread(engine.stop)

    run_apart(main())


async def text_of(texts: Texts) -> str:
    return "".join(event.text for _, event in await texts.all_events() if isinstance(event, Piece))


def test_pieces_are_the_text_however_they_are_fetched(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    config = WriteConfig(length=300, seed=3)

    async def work(engine: Engine) -> None:
        streamed = ""
        async for events in engine.open(writer, ["山"], [config]):
            streamed += "".join(event.text for _, event in events if isinstance(event, Piece))
        whole = await text_of(engine.open(writer, ["山"], [config], top_logprobs=2))
        assert streamed == whole == writer.write("山", config).text

    run(work)


def test_models_side_by_side_do_not_disturb_each_other(
    model: zuoci.CharLM, make_model: Callable[..., zuoci.CharLM]
) -> None:
    writers = [Writer(model), Writer(make_model(cell="lstm", num_layers=2))]
    config = WriteConfig(length=80, seed=1)

    async def work(engine: Engine) -> None:
        texts = [engine.open(writer, ["山"], [config]) for writer in writers]
        assert [await text_of(one) for one in texts] == [writer.write("山", config).text for writer in writers]

    run(work)


def test_an_error_of_one_text_is_its_own(model: zuoci.CharLM) -> None:
    writer = Writer(model)

    async def work(engine: Engine) -> None:
        good = engine.open(writer, ["山"], [WriteConfig(length=40)])
        bad = engine.open(writer, [""], [WriteConfig(acrostic="€", particles=4)])
        with pytest.raises(zuoci.SettingsError, match="never seen"):
            await bad.wait_for_first()
        assert await text_of(good) == writer.write("山", WriteConfig(length=40)).text

    run(work)


def test_an_error_of_the_batch_ends_its_texts_and_not_the_thread(
    model: zuoci.CharLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(model)
    config = WriteConfig(length=40)

    async def work(engine: Engine) -> None:
        with monkeypatch.context() as patch:

            def fail(*_: Any, **__: Any) -> None:
                raise MemoryError

            patch.setattr(writer.model.stepper, "step", fail)
            events = await engine.open(writer, ["山", "人"], [config, config]).all_events()
            assert [type(event) for _, event in events if not isinstance(event, Piece)] == [MemoryError, MemoryError]
        assert await text_of(engine.open(writer, ["山"], [config])) == writer.write("山", config).text

    run(work)


def test_a_text_without_an_end_is_given_up(model: zuoci.CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_STEPS", 3)

    async def work(engine: Engine) -> None:
        [*_, (_, last)] = await engine.open(Writer(model), ["山"], [WriteConfig(length=60)]).all_events()
        assert "no end was found in 3 steps" in str(last)

    run(work)


def test_a_text_that_takes_too_long_is_given_up(model: zuoci.CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """What brings forth nothing, not what is long."""
    seconds = itertools.count()
    monkeypatch.setattr(module, "monotonic", lambda: next(seconds))
    writer = Writer(model)

    async def work(engine: Engine) -> None:
        stuck = engine.open(writer, ["山"], [WriteConfig(word=("山" * 50,) * 4, particles=4)])
        [*_, (_, last)] = await stuck.all_events()
        assert isinstance(last, WritingError)
        assert "more than 60 s" in str(last)
        long = WriteConfig(length=300, max_repeats=0)
        assert await text_of(engine.open(writer, ["山"], [long])) == writer.write("山", long).text

    run(work)


def test_there_is_room_for_so_many_and_closing_makes_room(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    long = WriteConfig(length=1_000_000, max_repeats=0)

    async def work(engine: Engine) -> None:
        texts = engine.open(writer, ["山"] * 6, [long] * 6)
        with pytest.raises(ApiError, match="6 texts are being written, of 10 at most") as busy:
            engine.open(writer, ["山"] * 5, [long] * 5)
        assert busy.value.status == 429
        with pytest.raises(ApiError, match=r"one request may write 10 texts side by side .*got 11") as never:
            engine.open(writer, ["山"] * 11, [long] * 11)
        assert never.value.status == 400
        texts.close()
        texts.close()
        assert await text_of(engine.open(writer, ["山"] * 10, [WriteConfig(length=1)] * 10))

    run(work)


def test_the_end_of_the_server_breaks_texts_off(model: zuoci.CharLM) -> None:
    writer = Writer(model)

    async def work(engine: Engine) -> None:
        texts = engine.open(writer, ["山"], [WriteConfig(length=1_000_000, max_repeats=0)])
        await texts.wait_for_first()
        engine.drain()
        events = await texts.all_events()
        assert events[-1] == (0, End(None))
        with pytest.raises(ApiError, match="shutting down"):
            engine.open(writer, ["山"], [WriteConfig()])

    run(work)


def test_whoever_stops_waiting_stops_at_any_moment(model: zuoci.CharLM) -> None:
    """A cancellation that comes together with an event is not lost."""
    writer = Writer(model)

    async def fetch(texts: Texts) -> None:
        async for _ in texts:
            pass

    async def work(engine: Engine) -> None:
        for _ in range(30):
            texts = engine.open(writer, ["山"], [WriteConfig(length=1_000_000, max_repeats=0)])
            task = asyncio.create_task(fetch(texts))
            await asyncio.sleep(0)
            texts.put(0, Piece("x"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 120)
            texts.close()

    run(work)
