"""Whatever a request may hold has bounds: nobody can ask for more than the server can give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from zuoci import WriteConfig
from zuoci.server.options import MAXIMA
from zuoci.studio.app import Studio, StudioSettings
from zuoci.writing.form import Form
from zuoci.writing.patterns import MOST_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Served

OPENAPI = Studio(StudioSettings([], home=Path("nowhere"))).asgi.openapi()


def requests() -> Iterator[tuple[str, Any]]:
    """The schema of everything that a request may hold, and where."""
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                yield f"{method} {path} {parameter['name']}", parameter["schema"]
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json":
                    yield f"{method} {path}", content["schema"]
    yield "WriteConfig", WriteConfig.model_json_schema()


BOUNDS: dict[Any, list[set[str]]] = {  # a type → of each of these, one must be there
    "integer": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
    "number": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
    "string": [{"maxLength", "pattern"}],
    "array": [{"maxItems"}],
    "object": [],
    "boolean": [],
    "null": [],
}


def unbounded(schema: Any, place: str, definitions: dict[str, Any]) -> Iterator[str]:
    """The places in a schema where a value has no bound."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema or "const" in schema:
        return
    for part in [*schema.get("anyOf", []), *schema.get("allOf", [])]:
        yield from unbounded(part, place, definitions)
    keys = schema.keys()
    kind = schema.get("type")
    needed = BOUNDS.get(kind, [{"anyOf", "allOf"}])
    if not all(keys & bounds for bounds in needed):
        yield f"{place}: {kind or 'any type'}"
    if kind == "array" and schema.get("maxItems") != 0:
        yield from unbounded(schema["items"], f"{place}[]", definitions)
    for name, part in schema.get("properties", {}).items():
        yield from unbounded(part, f"{place}.{name}", definitions)
    more = schema.get("additionalProperties", True)
    if kind == "object" and more is not False and schema.get("maxProperties") != 0:
        if not {"maxProperties", "propertyNames"} <= keys:
            yield f"{place}: names"
        yield from unbounded(more if isinstance(more, dict) else {}, f"{place}.*", definitions)
        yield from unbounded({"type": "string", **schema.get("propertyNames", {})}, f"{place} names", definitions)


@pytest.mark.parametrize(("place", "schema"), [pytest.param(*pair, id=pair[0]) for pair in requests()])
def test_every_number_string_and_list_has_bounds(place: str, schema: Any) -> None:
    definitions = OPENAPI.get("components", {}).get("schemas", {})
    assert list(unbounded(schema, place, definitions)) == []


def test_the_walk_finds_what_has_no_bound() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "b": {"type": "array", "items": {"type": "string"}},
            "c": {},
        },
    }
    found = set(unbounded(schema, "x", {}))
    assert found == {
        "x.a: integer", "x.b: array", "x.b[]: string", "x.c: any type", "x.*: any type", "x: names", "x names: string"
    }  # fmt: skip


NUMBERS = [10**30, -(10**30), 2**63, 2**64, 1e308, float("inf"), float("-inf"), float("nan")]


@pytest.mark.parametrize("path", ["/api/models/tiny/write", "/v1/completions"])
def test_no_number_is_a_failure_of_the_server(served: Served, path: str) -> None:
    kinds: list[Any] = [int, float, int | None]
    fields = [name for name, field in WriteConfig.model_fields.items() if field.annotation in kinds]
    assert {"top_k", "max_copy", "particles", "seed", "temperature", "min_p", "length", "lines"} <= set(fields)
    common: dict[str, Any] = {"opening": "山"} if path.startswith("/api") else {"model": "tiny", "max_tokens": 1}
    for name in [*fields, *(() if path.startswith("/api") else ("n", "max_tokens", "logprobs", "best_of"))]:
        for number in NUMBERS:
            body = json.dumps({**common, name: number})  # as json.loads reads it: with NaN and Infinity
            answer = served.client.post(path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 400, (name, number, answer.text)


FORMS: list[dict[str, Any]] = [
    {"stanza": "1000,1000"},
    {"stanza": "100,101"},
    {"line_opening": ["1000=我"]},
    {"lines": 3, "line_opening": ["201=我"]},
    {"acrostic": "山" * 201},
    {"rhyme": "A" * 201},
    {"line_length": ",".join(["1"] * 201)},
    {"lines": 201},
    {"lines": 200, "line_length": "60"},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("path", ["models/tiny/write", "models/tiny/candidates"])
def test_no_form_comes_to_more_than_a_request_may_write(served: Served, path: str, form: dict[str, Any]) -> None:
    answer = served.client.post(f"/api/{path}", json=form)
    assert answer.status_code == 400
    assert served.client.post("/v1/completions", json={"model": "tiny", **form}).status_code == 400
    if "lines" not in form:
        message = answer.json()["error"]["message"]
        assert "one request writes 200 lines at most: the form comes to" in message or "1000 lines" in message


@pytest.mark.parametrize("form", FORMS[1:-1], ids=str)
def test_the_count_of_lines_is_that_of_the_plan(form: dict[str, Any]) -> None:
    config = WriteConfig.model_validate({name: tuple(v) if isinstance(v, list) else v for name, v in form.items()})
    assert config.line_count > MAXIMA["lines"]
    if not (config.lines and config.line_opening):
        assert len(Form.of(config).plan()) == config.line_count


def test_the_library_has_a_bound_of_its_own() -> None:
    assert WriteConfig(stanza="600,400").line_count == MOST_LINES
    with pytest.raises(ValidationError, match="1000 lines at most: got 2000"):
        WriteConfig(stanza="1000,1000")


def test_a_line_far_down_a_long_text_can_be_replaced(served: Served) -> None:
    body = {"text": "山前\n" * 1500, "line": 1500, "count": 1, "seed": 1}
    assert served.client.post("/api/models/tiny/rewrite", json=body).status_code == 200
