"""The first cause that `ReadResult.explain` names is what was done to the picture, and no other is named."""

from __future__ import annotations

from collections import Counter

import pytest

from qrcascade import Cascade
from tests import trouble
from tests.rows import thinned

CLASSICAL = Cascade.preset("classical")


@pytest.mark.parametrize("kind", thinned(trouble.WORDS, 7))
def test_the_cause_is_named_and_no_other(kind: str) -> None:
    case = trouble.case(kind)
    result = CLASSICAL.read(case.gray, **case.options)
    said = result.explain()
    assert not result
    assert result.errors == ()
    assert said.startswith("No code was ")
    assert trouble.named(said) == [trouble.WORDS[kind]], said
    assert case.word in said


@pytest.mark.slow
@pytest.mark.parametrize("cascade", [CLASSICAL, trouble.SURVEYED], ids=["classical", "surveyed"])
def test_most_first_causes_are_right(cascade: Cascade) -> None:
    """Over all severities around the one where reading ends; measured: 0.97 and 0.98."""
    outcomes: Counter[str] = Counter()
    wrong = []
    for case in (case for seed in range(2) for case in trouble.cases(seed)):
        result = cascade.read(case.gray, **case.options)
        if not result:
            named = trouble.named(result.explain())
            right = named[:1] == [trouble.WORDS[case.kind]]
            outcomes["right" if right else "wrong"] += 1
            wrong += [] if right else [(case.kind, case.severity, named)]
            outcomes["beside"] += right and len(set(named)) > 1
    assert outcomes["right"] + outcomes["wrong"] > 100
    assert outcomes["wrong"] <= 0.05 * outcomes.total(), wrong
    assert outcomes["beside"] == 0


def test_what_a_preset_without_the_grid_leaves_is_said_to_be_readable() -> None:
    case = trouble.case("faint", 12)
    said = CLASSICAL.read(case.gray).explain()
    assert trouble.named(said) == ["Faint"]
    assert 'Cascade.preset("light")' in said
    assert Cascade.preset("light").read(case.gray)


def test_a_code_that_was_left_out_by_its_format_is_named() -> None:
    case = trouble.case("refused")
    said = CLASSICAL.read(case.gray, formats=["MicroQRCode"]).explain()
    assert 'Readable: zxing-cpp reads a QR Code (format "QRCode"), ' in said
