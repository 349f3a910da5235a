"""docs/service.md names every setting, endpoint and option as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.core import ParameterSource

pytest.importorskip("fastapi", reason="the server extra is not installed")

from qrcascade.cli.serve import serve
from qrcascade.server import Settings, create_app
from qrcascade.server.answers import Code, Detected

TEXT = (Path(__file__).parents[1] / "docs" / "service.md").read_text("utf-8")

UNITS = {"max_body": 2**20, "max_pixels": 1_000_000}


def test_every_setting_and_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row[0]: row[1:] for row in re.findall(r"^\| `(--[a-z-]+)` \| `(\w+)` \| (\S+)", TEXT, re.M)}
    assert set(rows) == {option.opts[0] for option in serve.params}
    defaults = Settings()
    for option in serve.params:
        name, default = rows[option.opts[0]]
        assert option.name is not None
        monkeypatch.setenv(name, {"presets": "light", "accept": "a=b"}.get(option.name, "1"))
        context = serve.make_context("serve", [])
        assert context.get_parameter_source(option.name) is ParameterSource.ENVIRONMENT
        value = getattr(defaults, option.name)
        value = value // UNITS[option.name] if option.name in UNITS else value
        # The limit of memory is one of Linux.
        if value is not None and not isinstance(value, tuple | dict) and option.name != "concurrency":
            assert default == (
                "off" if value is False else f"{value:g}" if isinstance(value, float) else str(value)
            )


def test_every_endpoint_and_option() -> None:
    paths = create_app().openapi()["paths"]
    for path, operations in paths.items():
        assert f"{path}`" in TEXT
        for operation in operations.values():
            for option in operation.get("parameters", []):
                assert re.search(rf"^\| `{option['name']}(=1)?` \|", TEXT, re.M), option["name"]
    shown = set(re.findall(r'^ +"(\w+)":', TEXT, re.M))
    assert shown == {*Detected.model_fields, *Code.model_fields} - {"attempts"}
