"""Connections: requests that never arrive whole, and clients that have said all they have to say."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from zuoci.server import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from tests.conftest import Served

    from zuoci.server.engine import Engine

LONG = {"model": "tiny", "prompt": "山", "max_tokens": 10_000, "max_repeats": 0, "n": 32}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request must arrive within half a second."""
    monkeypatch.setattr(connection, "_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connection, "_REST_SECONDS", 0.5)


def connect(served: Served) -> socket.socket:
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def request(served: Served, method: str, path: str, body: Any = None, *more: str) -> bytes:
    """The bytes of a request."""
    data = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "host: localhost", f"authorization: Bearer {served.token}", *more]
    head += [] if body is None else ["content-type: application/json", f"content-length: {len(data)}"]
    return "\r\n".join([*head, "", ""]).encode() + data


def rest(one: socket.socket) -> bytes:
    """All that comes until the server closes, which is a reset if something was sent to it after that."""
    data = b""
    with suppress(ConnectionError):
        while piece := one.recv(65536):
            data += piece
    return data


def answer_in_time(served: Served, *parts: bytes) -> bytes:
    """The beginning of the answer to a request that begins in time: sent again where this machine was too busy."""
    for _ in range(20):
        with connect(served) as one, suppress(ConnectionError):
            for part in parts:
                one.sendall(part)
                time.sleep(0.4 if len(parts) > 1 else 0)
            answer = one.recv(65536)
            if not answer.startswith(b"HTTP/1.1 408 "):
                return answer
    raise AssertionError("no request arrived in time")


@contextmanager
def held(engine: Engine) -> Generator[Callable[[], None]]:
    """Stops the thread that writes between two of its steps; yields what lets it go on sooner than the end."""
    may_go_on, stopped = threading.Event(), threading.Event()

    def hold() -> None:
        stopped.set()
        may_go_on.wait()

    engine._commands.put(hold)  # pyright: ignore[reportPrivateUsage]
    stopped.wait()
    try:
        yield may_go_on.set
    finally:
        may_go_on.set()


WHOLE = {"prompt": "山", "model": "tiny", "max_tokens": 3}


PARTS: dict[str, Callable[[Served], bytes]] = {
    "nothing": lambda _: b"",
    "line": lambda _: b"GET /v1/mod",
    "head": lambda served: request(served, "GET", "/v1/models")[:-2],
    "body": lambda served: request(served, "POST", "/v1/completions", WHOLE)[:-1],
    "chunk": lambda served: request(served, "POST", "/v1/completions", None, "transfer-encoding: chunked") + b"5\r\nla",
    "file": lambda served: request(served, "POST", "/api/corpora/1/files", None, "content-length: 1000") + b"la",
    "second": lambda served: request(served, "GET", "/health") + b"GET /health HT",
    "answered": lambda served: request(served, "GET", "/health", None, "content-length: 10"),
}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("part", PARTS)
def test_a_request_that_does_not_arrive_whole_is_not_waited_for(served: Served, part: str) -> None:
    with connect(served) as one:
        one.sendall(PARTS[part](served))
        found = rest(one)  # the server closes
    if part in ("nothing", "line", "head", "body", "chunk"):
        assert found.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "timeout"' in found


def _trickle(one: socket.socket) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        one.sendall(b"a")
        time.sleep(0.05)


@pytest.mark.usefixtures("soon")
def test_a_trickle_does_not_keep_a_connection(served: Served) -> None:
    with connect(served) as one:
        one.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ")
        with pytest.raises(ConnectionError):
            _trickle(one)


@pytest.mark.usefixtures("soon")
def test_who_sends_fast_enough_may_take_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_MIN_BYTES_PER_SECOND", 1.0)  # a byte buys a second
    data = request(served, "POST", "/v1/completions", WHOLE)
    parts = [data[:20], data[20:40], data[40:]]
    assert answer_in_time(served, *parts).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("soon")
def test_work_on_a_whole_request_may_take_longer_than_its_arrival(served: Served) -> None:
    data = request(served, "POST", "/v1/completions", WHOLE)
    with held(served.engine) as release:
        timer = threading.Timer(1.0, release)
        timer.start()
        assert answer_in_time(served, data).startswith(b"HTTP/1.1 200 ")
        timer.join()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("length", [3, 600])
def test_who_has_said_all_is_answered(served: Served, stream: bool, length: int) -> None:
    """As `nc -N` does: the client's side of the connection ends with the request."""
    body = {**LONG, "n": 1, "max_tokens": length, "seed": 1, "stream": stream}
    with connect(served) as one:
        one.sendall(request(served, "POST", "/v1/completions", body))
        one.shutdown(socket.SHUT_WR)
        found = rest(one)
    while found.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
        found = found.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200 ")
    _, _, answer = found.partition(b"\r\n\r\n")
    if stream:
        assert b"data: [DONE]" in answer
    else:
        text = served.client.post("/v1/completions", json=body).json()["choices"][0]["text"]
        assert json.loads(answer)["choices"][0]["text"] == text


def test_interim_answers_do_not_harm_an_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PROBE_DELAYS", (0.0, 0.0, 0.001))
    test_who_has_said_all_is_answered(served, stream=False, length=600)
    test_who_has_said_all_is_answered(served, stream=True, length=600)


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_away_is_noticed_though_he_has_only_ended_his_side(served: Served, stream: bool) -> None:
    """A form comes in one piece: without interim answers, nothing would be written for long."""
    body = {"opening": "山", "lines": 200, "line_length": "40"} if stream else {**LONG, "n": 32}
    path = "/api/models/tiny/write" if stream else "/v1/completions"
    with connect(served) as one:
        one.sendall(request(served, "POST", path, body))
        while not served.engine.rows_taken:
            time.sleep(0.01)
        one.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        assert served.engine.rows_taken
    end = time.monotonic() + 120
    while served.engine.rows_taken:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_requests_at_once_are_answered_before_the_end(served: Served) -> None:
    with connect(served) as one:
        one.sendall(request(served, "GET", "/health") + request(served, "GET", "/v1/models"))
        one.shutdown(socket.SHUT_WR)
        found = rest(one)
    assert found.count(b"HTTP/1.1 200 ") == 2


def closed(one: socket.socket) -> bool:
    try:
        return one.recv(65536) == b""
    except ConnectionError:
        return True


def test_one_connection_too_many_ends_the_one_that_waited_longest(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "max_connections", lambda: 5)
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(served)) for _ in range(30)]
        idle[-1].sendall(request(served, "GET", "/health"))
        assert idle[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
        assert all(closed(one) for one in idle[:25])


def test_where_all_connections_are_at_work_another_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "max_connections", lambda: 3)
    with ExitStack() as stack:
        for _ in range(3):
            one = stack.enter_context(connect(served))
            one.sendall(request(served, "POST", "/v1/completions", {**LONG, "n": 1, "stream": True}))
            assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        stack.enter_context(held(served.engine))  # none of the three comes to its end
        head, _, body = rest(stack.enter_context(connect(served))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body)["error"]["code"] == "busy"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a limit of POSIX")
def test_more_connections_than_files_do_not_keep_others_from_being_answered(tiny: Path) -> None:
    limited = f"ulimit -n 256; exec {shlex.quote(sys.executable)} -m zuoci serve {shlex.quote(str(tiny))} --port 0"
    with subprocess.Popen(["sh", "-c", limited], stderr=subprocess.PIPE, text=True) as process, ExitStack() as stack:
        assert process.stderr
        found = re.search(r":(\d+)/", process.stderr.readline())
        try:
            assert found
            address = ("127.0.0.1", int(found[1]))
            for _ in range(300):
                stack.enter_context(socket.create_connection(address, timeout=30))
            one = stack.enter_context(socket.create_connection(address, timeout=30))
            one.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        finally:
            process.terminate()
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\nhost\r\n\r\n"]
)
def test_what_is_no_http_is_told_in_json(served: Served, data: bytes) -> None:
    with connect(served) as one:
        one.sendall(data)
        head, _, body = rest(one).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code", "params"}


def test_a_body_that_breaks_off_an_answer_is_no_failure(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with connect(served) as one:  # it is answered before its body has come, and then told nothing more
        one.sendall(request(served, "GET", "/health", None, "transfer-encoding: chunked") + b"no chunk\r\n")
        assert rest(one).startswith(b"HTTP/1.1 ")
    assert not [record for record in caplog.records if record.exc_info]


def test_another_protocol_is_not_spoken_and_not_talked_about(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    more = ("connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: AAAA")
    with connect(served) as one:
        one.sendall(request(served, "GET", "/health", None, *more))
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert not caplog.records
