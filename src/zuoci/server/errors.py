"""Errors as clients read them: `{"error": {message, type, param, code}}`, for whatever goes wrong."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from zuoci.errors import ModelFolderError, WritingError, ZuociError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_TYPE_NAME = re.compile(r"bool|(constrained-)?(int|float|str)|list\[.*\]")  # of pydantic, as parts of a place
_SHOWN = 80  # characters of what was sent

_TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": _TEXT_OR_NULL,
                "code": _TEXT_OR_NULL,
            },
        }
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {  # of every route, for OpenAPI
    status: {"description": description, "content": {"application/json": {"schema": _SCHEMA}}}
    for status, description in (("4XX", "what is wrong with the request"), ("5XX", "what went wrong"))
}

EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "object"}}}}}


class ApiError(Exception):
    """What ends a request."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Takes what will be told.

        Args:
            status: of HTTP.
            message: one line for a person.
            param: the field at fault.
            code: for programs.
        """
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @property
    def document(self) -> dict[str, Any]:
        """The JSON."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer. Clients of OpenAI's repeat a request that fails with 409, 429 or from 500 on, unless told not
        to."""
        more = dict(headers or {})
        if self.status in (429, 503):
            more["retry-after"] = "1"
        if self.status in (409, 429) or self.status >= 500:
            more["x-should-retry"] = "false"
        return Response(json.dumps(self.document), self.status, more, media_type="application/json")


def not_found(what: str, name: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, f"there is no {what} {name[:100]!r}", code=f"{what}_not_found")


def to_api_error(error: Exception) -> ApiError:
    """An error of the package's, for a client."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, WritingError):
        return ApiError(422, str(error), code="no_text_found")
    if isinstance(error, ModelFolderError):
        return ApiError(409, str(error), code="model_folder")
    if isinstance(error, ZuociError):
        return ApiError(400, str(error), code="invalid_value")
    if isinstance(error, OSError):  # a full disk, most of the time
        where = f"{error.filename} cannot be used" if error.filename else "a file cannot be read or written"
        return ApiError(500, f"{where}: {error.strerror or error}", code="io")
    return ApiError(500, "something went wrong inside zuoci; its own output has the details", code="internal_error")


def _of_validation(error: RequestValidationError) -> ApiError:
    errors = error.errors()
    # Where a field may be one of several types, each has an error; the one that is not about the type says most.
    same = [one for one in errors if one["loc"][:2] == errors[0]["loc"][:2]]
    first = next((one for one in same if not one["type"].endswith("_type")), same[0])
    place = [str(part) for part in first["loc"][1:] if not _TYPE_NAME.fullmatch(str(part))]
    param = ".".join(place)[:100] or None
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"there is no field {place[-1][:100]!r} here", param=param, code="unknown_parameter")
    if first["type"] == "json_invalid":
        return ApiError(400, "the body is not JSON", code="invalid_json")
    name = param or "the body"
    if first["type"] == "missing" or (first["input"] is None and not place):
        return ApiError(400, f"{name} is missing", param=param, code="missing")
    message = re.sub(r"^\w+ should ", "must ", first["msg"])
    seen = repr(first["input"])
    seen = seen if len(seen) <= _SHOWN else f"{seen[:_SHOWN]}…"
    return ApiError(400, f"{name} {message}: got {seen}", param=param, code="invalid_value")


def install(app: FastAPI) -> None:
    """Makes an application answer so."""

    async def api(_: Request, error: Exception) -> Response:
        return to_api_error(error).response()

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # which nobody reads

    async def validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _of_validation(error).response()

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status, "invalid_request")
        return ApiError(status, str(error.detail or HTTPStatus(status).phrase), code=code).response(error.headers)

    for kind in (ApiError, ZuociError, OSError):
        app.add_exception_handler(kind, api)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, api)
