"""Work in threads: one piece at a time, and none for somebody who left."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from tests.coroutines import run_apart

import zuoci
from zuoci.server.errors import ApiError
from zuoci.server.job_queue import CancelToken, JobQueue
from zuoci.writing.candidates import next_lines, rank, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message


class Client:
    """Somebody who waits for an answer until he goes away."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


def test_work_is_done_one_piece_after_another_and_not_for_those_who_left() -> None:
    done: list[str] = []
    first_has_begun = threading.Event()

    def work(name: str) -> Callable[[CancelToken], str]:
        def works(token: CancelToken) -> str:
            first_has_begun.set()
            while name == "first":  # until nobody waits for it any more
                token()
            done.append(name)
            return name

        return works

    async def main() -> None:
        jobs = JobQueue()
        clients = [Client() for _ in range(3)]
        names = ["first", "second", "third"]
        tasks: list[asyncio.Task[Any]] = []
        for client, name in zip(clients, names, strict=True):
            tasks.append(asyncio.create_task(jobs.run(client.request, work(name))))
            await asyncio.sleep(0.01)
        await asyncio.to_thread(first_has_begun.wait, 120)
        clients[1].gone.set()
        with pytest.raises(ApiError):
            await tasks[1]
        assert not tasks[2].done()
        clients[0].gone.set()
        with pytest.raises(ApiError):
            await tasks[0]
        assert await asyncio.wait_for(tasks[2], 120) == "third"  # the first one's thread ended at its next step
        assert done == ["third"]

    run_apart(main())


def test_the_end_of_the_server_ends_all_work(caplog: pytest.LogCaptureFixture) -> None:
    def endless(token: CancelToken) -> None:
        while True:
            token()

    async def main() -> None:
        jobs = JobQueue()
        tasks = [asyncio.create_task(jobs.run(Client().request, endless)) for _ in range(3)]
        await asyncio.sleep(0.01)
        jobs.drain()
        ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 120)
        assert [type(error) for error in ended] == [ApiError] * 3
        with pytest.raises(ApiError, match="shutting down"):
            await jobs.run(Client().request, endless)

    run_apart(main())
    assert not caplog.records


def test_work_that_takes_too_long_is_broken_off() -> None:
    def endless(token: CancelToken) -> None:
        assert token.deadline < math.inf
        while True:
            token()
            token.deadline -= 1.0

    async def main() -> None:
        jobs = JobQueue()
        with pytest.raises(ApiError, match="more than 60 s") as much:
            await jobs.run(Client().request, endless)
        assert much.value.status == 422
        assert await jobs.run(Client().request, lambda _: 1) == 1

    run_apart(main())


TEXT = "山前一路\n路上二人\n" * 4
ASKED: dict[str, Callable[[zuoci.Writer], Any]] = {
    "candidates": lambda writer: next_lines(writer, TEXT, zuoci.WriteConfig(particles=64, rhyme="AA"), 16),
    "rewrite": lambda writer: rewrite(writer, TEXT, 2, zuoci.WriteConfig(particles=64), 16),
    "inspect": lambda writer: writer.inspect(TEXT),
    "rank": lambda writer: rank(writer, [zuoci.Lyrics(text=TEXT, nll=1.0, seed=seed) for seed in range(9)]),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_whatever_is_asked_of_a_writer_ends_at_its_next_step(
    model: zuoci.CharLM, asked: Callable[[zuoci.Writer], Any]
) -> None:
    """The work of somebody who left ends at the first step after that, however much it would have been."""
    token = CancelToken()
    steps = 0

    def watch() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            token.cancel()
        token()

    with pytest.raises(ApiError, match="the client closed the connection"):
        asked(zuoci.Writer(model).watched(watch))
    assert steps == 3


def test_too_many_are_sent_away() -> None:
    may_end = threading.Event()

    async def main() -> None:
        jobs = JobQueue()
        tasks = [asyncio.create_task(jobs.run(Client().request, lambda _: may_end.wait(120))) for _ in range(8)]
        await asyncio.sleep(0.01)
        with pytest.raises(ApiError, match="8 requests wait already") as busy:
            await jobs.run(Client().request, lambda _: may_end.wait(120))
        assert busy.value.status == 429
        may_end.set()
        assert await asyncio.gather(*tasks) == [True] * 8
        assert await jobs.run(Client().request, lambda _: may_end.wait(120))

    run_apart(main())
