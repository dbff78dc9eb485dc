"""Whatever is sent, by the schema or against it: no answer is a failure of the server, and every error is readable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from zuoci.studio.app import Studio, StudioSettings

if TYPE_CHECKING:
    from tests.conftest import Served

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(Studio(StudioSettings([], home=Path("nowhere"))).asgi.openapi())
OPERATIONS: list[Any] = [result.ok() for result in SCHEMA.get_all_operations()]  # pyright: ignore
TAKES_NOTHING = {"GET /health", "GET /v1/models", "GET /api/models", "GET /api/training", "GET /api/session"}
TAKES_NOTHING |= {"GET /api/songs", "GET /api/corpora", "POST /api/songs/import"}  # an import takes any text

MUCH = {"max_tokens": 50, "max_completion_tokens": 50, "length": 50, "lines": 4, "particles": 16, "n": 4}

of_each_operation = pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation in OPERATIONS
        for mode in GenerationMode
        if mode.is_positive or operation.label not in TAKES_NOTHING
    ],
)


def some(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
    )


def check(case: Any, mode: GenerationMode, served: Served) -> None:
    """Sends a case, if it is a right one to a model that exists as often as not, and looks at the answer."""
    if mode.is_positive and isinstance(case.body, dict):
        if isinstance(case.body.get("model"), str):
            case.body["model"] = "tiny"
        for name in {*MUCH} & {*case.body}:  # what takes long; the bounds themselves: test_bounds
            if isinstance(case.body[name], int):
                case.body[name] = min(case.body[name], MUCH[name])
    if mode.is_positive and "/models/{name}" in case.path and len(str(case.path_parameters.get("name"))) % 2:
        case.path_parameters["name"] = "tiny"
    answer = case.call(base_url=served.url, headers={"authorization": f"Bearer {served.token}"}, timeout=60)
    checks = [one for one in CHECKS if answer.status_code != 413 or one is not negative_data_rejection]
    case.validate_response(answer, checks=checks)  # of a wrong body that is too large, the size is said first
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code", "params"}


@of_each_operation
@some(4)
@given(data=st.data())
def test_a_few_requests_of_any_kind(served: Served, operation: Any, mode: GenerationMode, data: st.DataObject) -> None:
    check(data.draw(operation.as_strategy(generation_mode=mode)), mode, served)


@pytest.mark.slow
@of_each_operation
@some(20)
@given(data=st.data())
def test_many_requests_of_any_kind(served: Served, operation: Any, mode: GenerationMode, data: st.DataObject) -> None:
    check(data.draw(operation.as_strategy(generation_mode=mode)), mode, served)
