"""What the OpenAPI document lets through, and what it does not, by a fuzzer."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error

from tests.api_server import Server

OPERATIONS = [
    ("POST", "/query"),
    ("GET", "/keys"),
    ("GET", "/keys/{key}/values"),
    ("GET", "/query/schema"),
]


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    answer = server.client.get(f"{server.url}/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def test_document_has_the_schema_of_questions_in_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["Query"]["properties"]["data"]["items"] == {
        "$ref": "#/components/schemas/Query.series"
    }
    assert "Query.series" in schemas


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_requests_made_from_the_document_are_answered_or_refused(
    server: Server, operator: str, document: dict[str, Any], method: str, path: str
) -> None:
    operation = schemathesis.openapi.from_dict(document)[path][method]
    answered = set()

    @hypothesis_settings(
        max_examples=60,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def check(case: Any) -> None:
        response = case.call(
            base_url=server.url, headers={"authorization": f"Bearer {operator}"}
        )
        case.validate_response(response, checks=[not_a_server_error])
        answered.add(response.status_code)
        if response.status_code >= 400:
            kind = response.headers["content-type"][0]
            assert kind == "application/problem+json"

    check()

    assert 200 in answered
