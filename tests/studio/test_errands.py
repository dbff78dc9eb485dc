from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from zuoci.studio.desk import Errands
from zuoci.studio.failures import ApiError

if TYPE_CHECKING:
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
    first_may_end = threading.Event()

    def work(name: str) -> str:
        if name == "first":
            first_may_end.wait(10)
        done.append(name)
        return name

    async def main() -> None:
        errands = Errands()
        clients = [Client() for _ in range(3)]
        names = ["first", "second", "third"]
        tasks: list[asyncio.Task[Any]] = []
        for client, name in zip(clients, names, strict=True):
            tasks.append(asyncio.create_task(errands.run(client.request, work, name)))
            await asyncio.sleep(0.01)
        for client in clients[:2]:
            client.gone.set()
        for task in tasks[:2]:
            with pytest.raises(ApiError):
                await task
        assert not tasks[2].done()  # the first one's thread has not ended, though nobody waits for it
        first_may_end.set()
        assert await tasks[2] == "third"
        assert done == ["first", "third"]

    run(main())


def test_too_many_are_sent_away() -> None:
    may_end = threading.Event()

    async def main() -> None:
        errands = Errands()
        tasks = [asyncio.create_task(errands.run(Client().request, may_end.wait, 10)) for _ in range(8)]
        await asyncio.sleep(0.01)
        with pytest.raises(ApiError, match="8 requests wait already") as busy:
            await errands.run(Client().request, may_end.wait, 10)
        assert busy.value.status == 429
        may_end.set()
        assert await asyncio.gather(*tasks) == [True] * 8
        assert await errands.run(Client().request, may_end.wait, 10)

    run(main())


def run(main: Any) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, main).result()
