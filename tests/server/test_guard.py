"""Who may ask: what a stranger's page could make a browser send is refused."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.coroutines import run_apart

import zuoci
from zuoci.server.app import ServerSettings
from zuoci.server.guard import CONTENT_SECURITY_POLICY, Guard, is_loopback
from zuoci.studio.app import Studio, StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Served

PATHS = ["/", "/health", "/v1/models", "/api/session", "/api/models", "/openapi.json"]


@pytest.fixture
def stranger(served: Served) -> Iterator[httpx2.Client]:
    """Somebody without a token."""
    with httpx2.Client(base_url=served.url, trust_env=False) as client:
        yield client


@pytest.fixture
def owner(served: Served) -> Iterator[httpx2.Client]:
    """Somebody with the token, whose browser a page may still misuse."""
    headers = {"authorization": f"Bearer {served.token}"}
    with httpx2.Client(base_url=served.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:80", "", "10.0.0.1", "[::2]"]
)
def test_a_host_by_another_name_is_refused(stranger: httpx2.Client, path: str, host: str) -> None:
    answer = stranger.get(path, headers={"host": host})
    assert answer.status_code in (400, 403)
    assert "token" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:8000"])
def test_this_machine_by_any_of_its_names_is_not(stranger: httpx2.Client, host: str) -> None:
    assert stranger.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://127.0.0.1:1", "file://", "http://localhost"])
def test_a_foreign_origin_is_refused(owner: httpx2.Client, origin: str) -> None:
    for path in PATHS:
        assert owner.get(path, headers={"origin": origin}).status_code == 403
    body = {"model": "tiny", "prompt": "山", "max_tokens": 1}
    assert owner.post("/v1/completions", json=body, headers={"origin": origin}).status_code == 403


def test_its_own_origin_is_not(served: Served, owner: httpx2.Client) -> None:
    assert owner.get("/api/models", headers={"origin": served.url}).status_code == 200


def test_what_a_browser_says_comes_from_another_site_is_refused(owner: httpx2.Client) -> None:
    for site in ("cross-site", "same-site"):
        assert owner.get("/v1/models", headers={"sec-fetch-site": site}).status_code == 403
        assert owner.get("/api/session", headers={"sec-fetch-site": site}).status_code == 403


ROUTES = [
    (method.upper(), re.sub(r"{\w+}", "1", path))
    for path, methods in Studio(StudioSettings([], home=Path("nowhere"))).asgi.openapi()["paths"].items()
    for method in methods
    if path != "/health"
]


@pytest.mark.parametrize("token", [None, "", "x" * 32, "é"])
@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/openapi.json"), ("PUT", "/api/nothing")])
def test_whatever_is_asked_of_the_studio_needs_the_token(
    stranger: httpx2.Client, method: str, path: str, token: str | None
) -> None:
    """Reads as well: lyrics are private, and other users of this machine reach 127.0.0.1, too."""
    headers = {} if token is None else {"authorization": f"Bearer {token}".strip().encode("latin-1")}
    answer = stranger.request(method, path, headers=headers)  # pyright: ignore[reportArgumentType]
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert "open the whole address that zuoci studio printed" in answer.json()["error"]["message"]


def test_a_token_is_long_and_new_at_each_launch() -> None:
    settings = StudioSettings([], home=Path("nowhere"))
    first, second = (settings.access().key for _ in range(2))
    assert len(first) >= 32
    assert first != second
    assert StudioSettings([], home=Path("nowhere"), key="mine").access().key == "mine"
    assert ServerSettings([]).access().key == ""  # zuoci serve on 127.0.0.1


def test_every_answer_has_the_headers_of_safety(stranger: httpx2.Client) -> None:
    for path in [*PATHS, "/nothing"]:
        headers = stranger.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
    assert (
        stranger.get("/", headers={"host": "evil.test"}).headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    )


def test_nothing_is_sent_elsewhere_by_a_page_of_documents(stranger: httpx2.Client) -> None:
    """FastAPI's own pages of documents load scripts from a network."""
    assert stranger.get("/docs").status_code == stranger.get("/redoc").status_code == 404


def test_a_key_is_asked_for(tiny: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    with serve(StudioSettings([tiny], home=tmp_path, key="open sesame")) as one:
        with httpx2.Client(base_url=one.url, trust_env=False) as stranger:
            for path in ("/v1/models", "/api/session", "/openapi.json"):
                for headers in ({}, {"authorization": "Bearer sesame"}, {"authorization": "Basic open sesame"}):
                    answer = stranger.get(path, headers=headers)
                    assert answer.status_code == 401
                    assert answer.json()["error"]["code"] == "invalid_api_key"
            assert stranger.get("/health").status_code == 200
        assert one.client.get("/v1/models").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_others_are_let_in_with_a_key_only(host: str) -> None:
    with pytest.raises(zuoci.SettingsError, match="can be reached by others: give a key"):
        ServerSettings([], host=host).access()
    assert ServerSettings([], host=host, key="k").access().key == "k"


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "8.8.8.8", "local")] == [False] * 4


@pytest.mark.parametrize("key", ["密码", "café", "a b", "~"])
def test_a_key_in_any_script_lets_its_owner_in(tiny: Path, serve: Callable[..., Any], key: str) -> None:
    with serve(ServerSettings([tiny], key=key)) as one, httpx2.Client(base_url=one.url, trust_env=False) as client:
        for sent, status in ((key.encode(), 200), (b"Bearer", 401), (b"\xff", 401), (key.encode() + b"x", 401)):
            headers: Any = {b"authorization": b"Bearer " + sent}
            assert client.get("/v1/models", headers=headers).status_code == status


@pytest.mark.parametrize("key", [" ", " k", "k\t", "a\nb", "a\0b", "a\x7fb", "a\x85b", "\udcff", "\u3000"])
def test_a_key_that_cannot_be_sent_is_refused_at_once(key: str) -> None:
    with pytest.raises(zuoci.SettingsError, match="choose another one"):
        ServerSettings([], key=key).access()


def test_who_is_cut_off_by_the_end_of_the_server_is_told_in_json() -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        scope = {"type": "http", "path": "/v1/models", "method": "GET", "headers": [(b"host", b"localhost")]}
        guard = Guard(hang, ServerSettings([]).access())
        task = asyncio.ensure_future(guard(scope, hang, send))  # pyright: ignore[reportArgumentType]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_apart(main())
    start, body = sent
    assert start["status"] == 503
    assert json.loads(body["body"])["error"]["code"] == "ending"
