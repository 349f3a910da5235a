"""The right code, not the first: what `accept` takes, and what goes on where it takes nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from qrcascade import Attempt, Cascade, NotFoundError, OptionError, QRCode, Quad, StubStrategy
from tests import draw

BLANK = np.full((100, 200), 255, np.uint8)
LEFT = Quad(((10, 10), (50, 10), (50, 50), (10, 50)))
RIGHT = Quad(((110, 10), (150, 10), (150, 50), (110, 50)))
FISCAL = re.compile(r"^https://tax\.example/")


def reads(text: str, quad: Quad = LEFT, sure: float = 0.9) -> StubStrategy:
    return StubStrategy([Attempt("", "view", codes=(QRCode(text, quad, sure),))])


@pytest.mark.parametrize("accept", [FISCAL, lambda text: "tax" in text, FISCAL.search])
def test_the_reading_goes_on_until_one_is_accepted(accept: Any) -> None:
    last = reads("never", sure=0.95)
    tiers = [reads("https://shop.example/ad", sure=0.99), reads("https://tax.example/7", RIGHT), last]
    result = Cascade(tiers).read(BLANK, accept=accept)
    assert [(code.text[-4:], code.accepted) for code in result.codes] == [("e/ad", False), ("le/7", True)]
    assert result.text == "https://tax.example/7"
    assert result.texts == ("https://tax.example/7",)
    assert result.require().text == result.text
    assert bool(result)
    assert last.calls == 0


@pytest.mark.parametrize(("expect", "calls"), [(1, 1), ("all", 1), (None, 1)])
def test_what_is_not_accepted_is_as_if_unread(expect: Any, calls: int) -> None:
    last = reads("other", RIGHT)
    result = Cascade([reads("advert"), last]).read(BLANK, accept=lambda _: False, expect=expect)
    assert last.calls == calls
    assert not result
    assert (result.text, result.texts) == (None, ())
    assert {code.text for code in result.codes} == {"advert", "other"}
    with pytest.raises(NotFoundError, match="2 codes read but not accepted"):
        result.require()


def test_a_number_counts_those_accepted() -> None:
    tiers = [reads("good one"), reads("advert", RIGHT), reads("good two", RIGHT, 0.95)]
    result = Cascade(tiers).read(BLANK, accept=re.compile("good"), expect=2)
    assert len(result.attempts) == 3


def test_the_rest_of_the_schedule_looks_for_the_one_that_is_wanted() -> None:
    """The wanted one is too noisy for the first step, beside a clear one that is not wanted."""
    random = np.random.default_rng(3)
    wanted = draw.symbol("https://tax.example/1")[0]
    wanted = np.clip(wanted * 0.5 + 64 + random.normal(0, 42, wanted.shape), 0, 255).astype(np.uint8)
    page = draw.page_of(draw.symbol("advert")[0], wanted)
    classical = Cascade.preset("classical")
    assert classical.read(page, accept=FISCAL).text == "https://tax.example/1"


@pytest.mark.parametrize("accept", [5, "https", re.compile(b"x")])
def test_what_is_no_predicate(accept: Any) -> None:
    with pytest.raises(OptionError, match="accept must be"):
        Cascade([reads("a")]).read(BLANK, accept=accept)


def test_one_that_raises_is_told() -> None:
    def accept(text: str) -> bool:
        raise KeyError("no")

    with pytest.raises(OptionError, match="accept raised KeyError: 'no'"):
        Cascade([reads("secret")]).read(BLANK, accept=accept)
