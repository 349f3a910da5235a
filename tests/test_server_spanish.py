"""The sentences that the service's page translates are those that explanations are made of."""

from __future__ import annotations

import json
import re

import pytest

from qrcascade import Cascade
from tests import draw, trouble
from tests.test_serve import ROOT

# In advice for Python, which the service leaves out.
PYTHON = ("Cascade.", "read(")


def forms() -> list[tuple[str, str]]:
    page = (ROOT / "qrcascade" / "server" / "page.html").read_text("utf-8")
    table = page[page.index("const SENTENCES") : page.index("const isSpanish")]
    found = re.findall(r'^  \[("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\],?$', table, re.M)
    assert len(found) == table.count("\n  [")
    return [(json.loads(english), json.loads(spanish)) for english, spanish in found]


def translate(line: str) -> str | None:
    """Translate a line as the page does; None without a sentence of its form."""
    for english, spanish in forms():
        form = re.sub(r"\\\[\d\\\]", "(.*?)", re.sub(r"\\\{\d\\\}", "(.+?)", re.escape(english)))
        if found := re.fullmatch(form, line):
            return fill(spanish, found.groups())
    return None


def fill(sentence: str, values: tuple[str, ...]) -> str:
    """Put values into a sentence; those in brackets are translated too."""
    said = re.sub(r"\{(\d)\}", lambda at: values[int(at[1])], sentence)
    return re.sub(r"\[(\d)\]", lambda at: translate(values[int(at[1])]) or values[int(at[1])], said)


def test_a_translation_has_no_value_that_the_sentence_lacks() -> None:
    for english, spanish in forms():
        values = [set(re.findall(r"[\[{]\d[\]}]", text)) for text in (english, spanish)]
        assert values[1] <= values[0], english


def test_a_sentence_with_another_in_it() -> None:
    said = "Located by zxing, not read: 90 pixels wide, centred on (5, 6), about 1.4 pixels per module; "
    assert translate(said + "two finder patterns show.") == (
        "Localizado por zxing, sin leer: 90 píxeles de ancho, con centro en (5, 6), unos 1.4 píxeles por "
        "módulo; se ven dos patrones de localización."
    )
    assert translate("Tried: classical (1 run, 5 ms), then small (12 runs, 1.2 s).") == (
        "Se probó: classical (1 vez, 5 ms), luego small (12 veces, 1.2 s)."
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", trouble.WORDS)
@pytest.mark.parametrize("cascade", [Cascade.preset("classical"), trouble.SURVEYED], ids=["none", "surveyed"])
def test_every_line_of_an_explanation_has_a_translation(kind: str, cascade: Cascade) -> None:
    case = trouble.case(kind)
    lines = cascade.read(case.gray, **case.options).explain().splitlines()
    assert [line for line in lines if not (translate(line) or any(call in line for call in PYTHON))] == []


def test_what_was_read_is_translated() -> None:
    result = Cascade.preset("classical").read(draw.symbol("one")[0], expect=2)
    assert result.ended == "exhausted"
    assert all(map(translate, result.explain().splitlines()))
