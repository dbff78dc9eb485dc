"""Connections: requests that never arrive whole, and clients that have said all they have to say."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from zuoci.studio import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.studio.conftest import Served

LONG = {"model": "tiny", "prompt": "山", "max_tokens": 10_000, "max_repeats": 0, "n": 32}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request must arrive within half a second."""
    monkeypatch.setattr(connection, "_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connection, "_LAST_SECONDS", 0.5)


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
    """All that comes until the server closes."""
    data = b""
    while piece := one.recv(65536):
        data += piece
    return data


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
    monkeypatch.setattr(connection, "_LEAST_RATE", 1.0)  # a byte buys a second
    data = request(served, "POST", "/v1/completions", WHOLE)
    with connect(served) as one:
        for k in range(0, len(data), 16):
            one.sendall(data[k : k + 16])
            time.sleep(0.1)
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("soon")
def test_work_on_a_whole_request_may_take_longer_than_its_arrival(served: Served) -> None:
    body = {**LONG, "n": 1, "max_tokens": 3000, "seed": 1}
    with connect(served) as one:
        one.sendall(request(served, "POST", "/v1/completions", body))
        begun = time.monotonic()
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() > begun


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("length", [3, 1500])
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
    monkeypatch.setattr(connection, "_PROBES", (0.0, 0.0, 0.001))
    test_who_has_said_all_is_answered(served, stream=False, length=1500)
    test_who_has_said_all_is_answered(served, stream=True, length=1500)


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_away_is_noticed_though_he_has_only_ended_his_side(served: Served, stream: bool) -> None:
    """A form comes in one piece: without interim answers, nothing would be written for long."""
    body = {"opening": "山", "lines": 200, "line_length": "40"} if stream else {**LONG, "n": 32}
    path = "/api/models/tiny/write" if stream else "/v1/completions"
    with connect(served) as one:
        one.sendall(request(served, "POST", path, body))
        while not served.engine.taken:
            time.sleep(0.01)
        one.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        assert served.engine.taken
    end = time.monotonic() + 30
    while served.engine.taken:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_requests_at_once_are_answered_before_the_end(served: Served) -> None:
    with connect(served) as one:
        one.sendall(request(served, "GET", "/health") + request(served, "GET", "/v1/models"))
        one.shutdown(socket.SHUT_WR)
        found = rest(one)
    assert found.count(b"HTTP/1.1 200 ") == 2
