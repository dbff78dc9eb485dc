"""The checks that a request passes before the application sees it: host, origin, key and size.

A web page from elsewhere can make a browser send requests to this machine, and with a host name that resolves to
127.0.0.1 (DNS rebinding) it can even read the responses. So the host must be one of the server's own names, and a
foreign origin is refused. Other users of this machine can reach 127.0.0.1 as well. So every request for the studio's
data carries a token, which only those know who can read what the studio printed.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from zuoci.errors import SettingsError
from zuoci.server.errors import ApiError, ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY_ADDRESS = ("0.0.0.0", "::")  # listen on all addresses of the machine
MAX_BODY_BYTES = 256 * 1024
_MAX_REQUESTS = 1000  # at the same time; texts have a lower limit of their own

_NO_KEY = (
    "the token is missing or of another launch: open the whole address that zuoci studio printed, or send "
    "Authorization: Bearer KEY with the token of that address or the key of the server"
)
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
    "'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """Who may send requests, and how large ones.

    Attributes:
        hosts: the server's names, without ports; "*": any name, which only a key makes safe.
        key: the key that every request for data must carry; "": none.
        max_body: path of a request → the bytes that its body may have.
    """

    hosts: tuple[str, ...]
    key: str
    max_body: Callable[[str], int] = lambda _: MAX_BODY_BYTES


class Guard:
    """ASGI middleware that refuses requests which `Access` does not allow, and adds security headers to responses."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Wraps an application."""
        self.app = app
        self.access = access
        self._active = 0  # requests that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message, scope["path"])
            await send(message)

        self._active += 1
        try:
            self._check(scope)
            await self.app(scope, self._limited(scope, receive), send_with_headers)
        except ApiError as error:  # from `_check`; the application handles its own
            await error.response()(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # the server does not wait for this request any longer
            if not started:
                await ending().response()(scope, receive, send_with_headers)
            raise
        finally:
            self._active -= 1

    def _check(self, scope: Scope) -> None:
        """Raises an `ApiError` if a request may not pass."""
        if self._active > _MAX_REQUESTS:
            raise ApiError(429, f"{_MAX_REQUESTS} requests are being answered; try again", code="busy")
        headers = Headers(scope=scope)
        path: str = scope["path"]
        self._check_host_and_origin(headers, is_api=path.startswith(("/api/", "/v1/")))
        if self.access.key and (path.startswith(("/api/", "/v1/")) or path == "/openapi.json"):
            kind, _, key = headers.get("authorization", "").encode("latin-1").partition(b" ")  # the bytes as sent
            if kind.lower() != b"bearer" or not hmac.compare_digest(key.strip(), self.access.key.encode()):
                raise ApiError(401, _NO_KEY, code="invalid_api_key")
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.access.max_body(path):
            raise self._too_large(path)

    def _check_host_and_origin(self, headers: Headers, *, is_api: bool) -> None:
        hosts = headers.getlist("host")
        known = "*" in self.access.hosts or (len(hosts) == 1 and _without_port(hosts[0]) in self.access.hosts)
        if len(hosts) != 1 or not known:
            raise ApiError(403, f"{', '.join(hosts)[:100]!r} is not a host name of this server", code="host")
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            raise ApiError(403, f"requests from {origin[:100]!r} are refused", code="origin")
        if is_api and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ApiError(403, "requests from other sites are refused", code="origin")

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, for a body of the allowed size."""
        left = self.access.max_body(scope["path"])

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, str(self._too_large(scope["path"])))
            return message

        return limited

    def _too_large(self, path: str) -> ApiError:
        limit = self.access.max_body(path)
        return ApiError(413, f"the body is larger than {limit:,} bytes; send less", code="too_large")


def _add_headers(start: Message, path: str) -> None:
    headers = MutableHeaders(scope=start)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith(("/api/", "/v1/", "/health")):
        headers.setdefault("cache-control", "no-store")


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_key(key: str) -> None:
    """Makes sure that a key can be sent in a header, as UTF-8.

    Raises:
        SettingsError: it cannot. The message does not show the key, which is a secret.
    """
    try:
        key.encode()
    except UnicodeEncodeError:
        raise SettingsError("the key is not UTF-8 and cannot be sent: choose another one") from None
    if key != key.strip():
        raise SettingsError("the key begins or ends with a blank, which headers lose: choose another one")
    if any(unicodedata.category(char) == "Cc" for char in key):
        raise SettingsError("the key holds a control character, which cannot be sent: choose another one")
