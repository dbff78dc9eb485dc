"""Errors as clients read them: a status and `{"error": {message, type, param, code, params}}`, for whatever goes wrong.

`ApiError` is what the routes raise. `add_error_handlers` makes an application turn every other exception into one.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from zuoci.errors import Message, ModelFolderError, WritingError, ZuociError, describe_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_CLIENT_GONE = 499  # nginx's status; nobody reads it
_PYDANTIC_TYPE = re.compile(r"bool|(constrained-)?(int|float|str)|list\[.*\]")  # as pydantic puts it into a location

_TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code", "params"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": _TEXT_OR_NULL,
                "code": _TEXT_OR_NULL,
                "params": {"type": "object"},
            },
        }
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {  # of every route, for OpenAPI
    status: {"description": description, "content": {"application/json": {"schema": _SCHEMA}}}
    for status, description in (("4XX", "what is wrong with the request"), ("5XX", "what went wrong"))
}


class ApiError(Exception):
    """An error that ends a request.

    Attributes:
        status: the HTTP status.
        param: the field of the request that is at fault, if one is.
        code: the kind of error, for programs; None where the status says it all.
        params: the values that stand in the message, by name.
    """

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Takes the message, one line for a person, and what the attributes say. A `Message` has a code itself."""
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.params: dict[str, Any] = {}
        if isinstance(message, Message) and message.code:
            self.code, self.params = message.code, message.params
            self.param = param or message.params.get("field")

    @property
    def document(self) -> dict[str, Any]:
        """The body of the response, for JSON."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code, "params": self.params}
        return {"error": error}

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The response. OpenAI's clients repeat a request after 409, 429 and 5xx unless a header forbids it."""
        more = dict(headers or {})
        if self.status in (429, 503):
            more["retry-after"] = "1"
        if self.status in (409, 429) or self.status >= 500:
            more["x-should-retry"] = "false"
        return Response(json.dumps(self.document), self.status, more, media_type="application/json")


def not_found(what: str, name: str) -> ApiError:
    """The error for a model, corpus, file or run that does not exist."""
    told = "there is no {what} {name!r}"
    return ApiError(404, Message(f"{what}_not_found", told, what=what, name=name[:100]))


def ending() -> ApiError:
    """The error for a request that comes, or is not finished, while the server shuts down."""
    return ApiError(503, "the server is shutting down", code="ending")


def client_gone() -> ApiError:
    """The error that ends the work for a client that has closed its connection."""
    return ApiError(_CLIENT_GONE, "the client closed the connection")


def to_api_error(error: Exception) -> ApiError:
    """The `ApiError` for any exception."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ZuociError):
        kinds = {WritingError: (422, "no_text_found"), ModelFolderError: (409, "model_folder")}
        status, code = next((found for kind, found in kinds.items() if isinstance(error, kind)), (400, "invalid_value"))
        return ApiError(status, error.message, code=code)
    if isinstance(error, OSError):  # a full disk, most of the time
        where = f"{error.filename} cannot be used" if error.filename else "a file cannot be read or written"
        return ApiError(500, f"{where}: {error.strerror or error}", code="io")
    return ApiError(500, "internal error; the server's log has the details", code="internal_error")


def _from_validation(error: RequestValidationError) -> ApiError:
    """The `ApiError` for a request that does not fit its schema."""
    errors = error.errors()
    # A field that may be of several types has an error for each; the one that is not about the type says most.
    same_field = [one for one in errors if one["loc"][:2] == errors[0]["loc"][:2]]
    first = next((one for one in same_field if not one["type"].endswith("_type")), same_field[0])
    path = [str(part) for part in first["loc"][1:] if not _PYDANTIC_TYPE.fullmatch(str(part))]
    param = ".".join(path)[:100] or None
    if first["type"] == "extra_forbidden":
        told = "there is no field {field!r} here"
        return ApiError(400, Message("unknown_parameter", told, field=path[-1][:100]), param=param)
    if first["type"] == "json_invalid":
        return ApiError(400, Message("invalid_json", "the body is not JSON"))
    name = param or "the body"
    if isinstance(first["input"], bytes) and not path:
        message = "the body is not read as JSON without the header Content-Type: application/json; send it"
        return ApiError(400, message, param="content-type", code="invalid_json")
    if first["type"] == "missing" or (first["input"] is None and not path):
        return ApiError(400, Message("missing", "{name} is missing", name=name), param=param)
    return ApiError(400, describe_problem(first, name), param=param)


def add_error_handlers(app: FastAPI) -> None:
    """Makes an application answer every exception with the response of an `ApiError`."""

    async def any_error(_: Request, error: Exception) -> Response:
        return to_api_error(error).response()

    async def disconnected(_: Request, __: Exception) -> Response:
        return Response(status_code=_CLIENT_GONE)

    async def invalid_request(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _from_validation(error).response()

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = str(error.detail or HTTPStatus(error.status_code).phrase)
        code = _CODES.get(error.status_code, "invalid_request")
        return ApiError(error.status_code, message, code=code).response(error.headers)

    for kind in (ApiError, ZuociError, OSError, Exception):
        app.add_exception_handler(kind, any_error)
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(ClientDisconnect, disconnected)
