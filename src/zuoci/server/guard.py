"""Who may ask, and how much: the checks before any request is read.

A page of a stranger can make a browser send requests to this machine, and by a name of its own that resolves to
127.0.0.1 (DNS rebinding) even read the answers. So the host must be one that the server goes by, and a foreign origin
is refused. Other users of this machine reach 127.0.0.1 as well: the studio has a token, which every request for its
data carries, and which only those know who can read what it printed.
"""

from __future__ import annotations

import asyncio
import hmac
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from zuoci.errors import SettingsError
from zuoci.server.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
BODY_BYTES = 256 * 1024
_AT_ONCE = 1000  # requests, in which texts have a narrower limit of their own

_NO_KEY = (
    "the token is missing or of another launch: open the whole address that zuoci studio printed, or send "
    "Authorization: Bearer KEY with the token of that address or the key of the server"
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
    "'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: names that the server goes by, without ports; "*": any, which only a key makes safe.
        key: that every request for data must have: the studio's token, or the key that its owner chose; "": none.
        largest: the bytes that a request to some path may have, where it is not `BODY_BYTES`.
    """

    hosts: tuple[str, ...]
    key: str
    largest: Callable[[str], int] = lambda _: BODY_BYTES


class Guard:
    """Checks requests before an application sees them, and puts the headers of safety on its answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Stands before an application."""
        self.app = app
        self.access = access
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def safely(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(("/api/", "/v1/", "/health")):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        self._count += 1
        try:
            self._check(scope)
            await self.app(scope, self._limited(scope, receive), safely)
        except ApiError as error:  # of the check: the application answers its own
            await error.response()(scope, receive, safely)
        except asyncio.CancelledError:  # the server's end does not wait any longer
            if not begun:
                await ApiError(503, "the server is about to end", code="ending").response()(scope, receive, safely)
            raise
        finally:
            self._count -= 1

    def _check(self, scope: Scope) -> None:
        if self._count > _AT_ONCE:
            raise ApiError(429, f"{_AT_ONCE} requests are being answered; try again", code="busy")
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        known = "*" in self.access.hosts or (len(hosts) == 1 and _name(hosts[0]) in self.access.hosts)
        if len(hosts) != 1 or not known:
            raise ApiError(403, f"this server does not go by the host {', '.join(hosts)[:100]!r}", code="host")
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            raise ApiError(403, f"requests from {origin[:100]!r} are refused", code="origin")
        path: str = scope["path"]
        api = path.startswith("/api/")
        if (api or path.startswith("/v1/")) and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ApiError(403, "requests from other sites are refused", code="origin")
        if self.access.key and (api or path.startswith("/v1/") or path == "/openapi.json"):
            kind, _, key = headers.get("authorization", "").encode("latin-1").partition(b" ")  # the bytes as sent
            if kind.lower() != b"bearer" or not hmac.compare_digest(key.strip(), self.access.key.encode()):
                raise ApiError(401, _NO_KEY, code="invalid_api_key")
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.access.largest(path):
            raise self._too_large(path)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        left = self.access.largest(scope["path"])

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, str(self._too_large(scope["path"])))
            return message

        return limited

    def _too_large(self, path: str) -> ApiError:
        most = self.access.largest(path)
        return ApiError(413, f"the body is larger than {most:,} bytes; send less", code="too_large")


def _name(host: str) -> str:
    """A host without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def check_key(key: str) -> None:
    """Makes sure that a key can be sent in a header, as UTF-8.

    Raises:
        SettingsError: it cannot. It does not show the key, which is a secret.
    """
    try:
        key.encode()
    except UnicodeEncodeError:
        raise SettingsError("the key is not UTF-8 and cannot be sent: choose another one") from None
    if key != key.strip():
        raise SettingsError("the key begins or ends with a blank, which is lost on its way: choose another one")
    if any(unicodedata.category(char) == "Cc" for char in key):
        raise SettingsError("the key holds a control character, which cannot be sent: choose another one")
