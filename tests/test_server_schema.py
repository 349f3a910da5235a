"""The service keeps to its OpenAPI document, whatever is sent: schemathesis makes the requests."""

from __future__ import annotations

import re

import pytest
from hypothesis import settings, strategies

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("schemathesis")

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

from qrcascade.server import Settings, create_app

# A header alone: a PDF that is broken.
schemathesis.openapi.media_type("application/pdf", strategies.binary().map(lambda data: b"%PDF-1.7\n" + data))
TOKEN = {"Authorization": "Bearer t0ken"}
SCHEMA = schemathesis.openapi.from_asgi(
    "/openapi.json",
    create_app(
        Settings(presets=("classical", "light"), token="t0ken", accept={"web": re.compile("^https?:")})
    ),
)
# A request may ask for so little time that nothing is read.
SCHEMA.config.checks.not_a_server_error.expected_statuses = ["2xx", "3xx", "4xx", "504"]
# No schema says which bytes are a picture: these are refused, with a reason of their own.
NO_PICTURE = ("not a picture", "broken")


@pytest.mark.slow
@SCHEMA.parametrize()  # type: ignore[untyped-decorator]
@settings(max_examples=100)
def test_requests_of_the_schema(case: schemathesis.Case) -> None:
    answer = case.call(headers=TOKEN)
    refused = answer.status_code in (415, 422) and any(why in answer.json()["detail"] for why in NO_PICTURE)
    spared = [positive_data_acceptance] if refused else []
    case.validate_response(answer, headers=TOKEN, excluded_checks=spared)
