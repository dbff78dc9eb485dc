"""A server under load: streams side by side against the library's own batch, waiting times, memory.

python benchmarks/serving.py [MODEL]

The clients are a process of their own on the same machine: they and the server share its cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zuoci
from common import publish

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAMS, LENGTH, ROUNDS = 64, 500, 3
REQUESTS, AT_ONCE = 10_000, 16


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else trained()
    writer = zuoci.Writer.load(folder)
    configs = [zuoci.WriteConfig(length=LENGTH, seed=seed) for seed in range(STREAMS)]
    library: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        writer.write_many(["分开"] * STREAMS, configs)
        library.append(STREAMS * LENGTH / (time.perf_counter() - start))
    server = subprocess.Popen(
        [sys.executable, "-m", "zuoci", "serve", folder, "--port", "0", "--rows", str(STREAMS)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr
        found = re.search(r":(\d+)/v1", server.stderr.readline())
        assert found
        rows = asyncio.run(measure(int(found[1]), Path(folder).resolve().name, server.pid, statistics.median(library)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    columns = dict.fromkeys(column for row in rows for column in row)
    publish("serving", [{column: row.get(column, "") for column in columns} for row in rows], length=LENGTH)


def trained() -> str:
    *_, end = zuoci.train(zuoci.load_lyrics("zh"), zuoci.resolve("lyrics", {"epochs": 2}), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return str(zuoci.save_trained(end, Path(tempfile.mkdtemp()) / "lyrics-model"))


async def measure(port: int, model: str, server: int, library: float) -> list[dict[str, Any]]:
    ask = {"model": model, "prompt": "分开", "stream": True}
    await stream(port, {**ask, "max_tokens": 50})  # the model is loaded now
    rows: list[dict[str, Any]] = [{"what": f"Writer.write_many, {STREAMS} wide", "characters/s": library}]
    for count in (1, STREAMS):
        speeds: list[float] = []
        firsts: list[float] = []
        health: list[float] = []
        for turn in range(ROUNDS):
            asked = asyncio.create_task(watch_health(port, health))
            start = time.perf_counter()
            bodies = [{**ask, "max_tokens": LENGTH, "seed": turn * count + k} for k in range(count)]
            found = await asyncio.gather(*(stream(port, body) for body in bodies))
            speeds.append(sum(len(text) for text, _ in found) / (time.perf_counter() - start))
            firsts += [first for _, first in found]
            asked.cancel()
        rows.append(
            {
                "what": f"{count} streams",
                "characters/s": statistics.median(speeds),
                "of the library's": statistics.median(speeds) / library,
                **quantiles("first character, ms", firsts),
                **quantiles("/health, ms", health),
            }
        )
    rows.append({"what": "a client goes away", **quantiles("its place is free, ms", await freed(port, ask))})
    before = 0.0
    done = 0
    for goal in (REQUESTS // 10, REQUESTS):
        start, begun = time.perf_counter(), done
        while done < goal:
            bodies = [{**ask, "stream": k % 2 == 0, "max_tokens": 20} for k in range(AT_ONCE)]
            await asyncio.gather(*(stream(port, body) for body in bodies))
            done += AT_ONCE
        memory = resident(server)
        rate = (done - begun) / (time.perf_counter() - start)
        more = {"more than before, MB": memory - before} if before else {}
        rows.append({"what": f"after {done:,} requests", "requests/s": rate, "memory, MB": memory, **more})
        before = memory
    return rows


async def freed(port: int, ask: dict[str, Any]) -> list[float]:
    """The seconds from a client's going away to the next one's being let in, where all places are taken."""
    long = {**ask, "max_tokens": 10_000, "max_repeats": 0}
    others = [asyncio.create_task(request(port, long, "/v1/completions")) for _ in range(STREAMS - 1)]
    taken: list[float] = []
    for _ in range(20):
        _, writer = await send(port, long, "/v1/completions")
        await asyncio.sleep(0.3)
        start = time.perf_counter()
        writer.close()
        while True:
            reader, writer = await send(port, {**ask, "max_tokens": 1}, "/v1/completions")
            answer = await reader.read()
            if answer.startswith(b"HTTP/1.1 200"):
                break
            assert answer.startswith(b"HTTP/1.1 429"), answer[:300]
        taken.append(time.perf_counter() - start)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(1.0)
    return taken


async def send(port: int, body: dict[str, Any] | None, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    data = json.dumps(body).encode() if body else b""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    return reader, writer


async def request(port: int, body: dict[str, Any] | None, path: str) -> tuple[bytes, float]:
    """A whole answer, and the seconds to its first piece of text, or to its end."""
    start = time.perf_counter()
    reader, writer = await send(port, body, path)
    answer, first = b"", 0.0
    try:
        while piece := await reader.read(2**16):
            answer += piece
            if not first and b'"text"' in answer:
                first = time.perf_counter() - start
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    return answer, first or time.perf_counter() - start


async def stream(port: int, body: dict[str, Any]) -> tuple[str, float]:
    answer, first = await request(port, body, "/v1/completions")
    return "".join(
        json.loads(f'"{text}"') for text in re.findall(r'"text":"((?:[^"\\]|\\.)*)"', answer.decode())
    ), first


async def watch_health(port: int, taken: list[float]) -> None:
    while True:
        taken.append((await request(port, None, "/health"))[1])
        await asyncio.sleep(0.01)


def quantiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{name}, p{p}": 1000 * ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 99)}


def resident(pid: int) -> float:
    """The memory of a process, in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
