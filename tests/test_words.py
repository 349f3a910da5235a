"""Text that is safe to show."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade.report.words import count, escape, to_json

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_what_is_escaped_is_one_printable_line_and_comes_back(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    quoted = escaped.replace('"', '\\"')
    assert json.loads(f'"{quoted}"') == text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "surrogatepass"
    )
    assert escape(escaped, backslash=False) == escaped


@given(st.dictionaries(ANY, ANY))
def test_json_is_one_printable_line_and_stays_valid(value: dict[str, str]) -> None:
    line = to_json(value)
    assert line.isprintable()
    assert json.loads(line) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain, é, 漢字 \N{SNOWMAN}", "plain, é, 漢字 \N{SNOWMAN}"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[2J\x7f\x9b", r"\u001b[2J\u007f\u009b"),
        ("\u202egnp.exe\u2028", r"\u202egnp.exe\u2028"),
        ("C:\\new", r"C:\\new"),
        ("\udcff", r"\udcff"),
    ],
)
def test_some_texts(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_one_and_many() -> None:
    assert [count(n, "file") for n in (0, 1, 2, 1200)] == ["0 files", "1 file", "2 files", "1,200 files"]
    assert count(3, "library", "libraries") == "3 libraries"


def test_the_log_of_the_service_is_as_safe() -> None:
    logs = pytest.importorskip("qrcascade.server.logs", reason="the server extra is not installed")
    record = logging.makeLogRecord({"msg": "request", "fields": {"payloads": ["\x9b2J\u202e\u2028\x7f é"]}})
    line = logs.Lines().format(record)
    assert line.isprintable()
    assert json.loads(line)["payloads"] == ["\x9b2J\u202e\u2028\x7f é"]
