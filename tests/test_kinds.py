"""Kinds of fault that people report: made as they are said to be, and read at least as often as by peers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import kinds, pages
from benchmarks.__main__ import main
from benchmarks.rates import measure_kinds
from qrcascade import Cascade
from tests.rows import slowly, thinned

LIGHT = Cascade.preset("light")


@pytest.mark.parametrize("name", thinned(kinds.KINDS, 6))
def test_the_mildest_of_each_kind_is_read(name: str) -> None:
    kind = kinds.KINDS[name]
    mild, payload = kind.draw(1, kind.amounts[0])
    np.testing.assert_array_equal(mild, kind.draw(1, kind.amounts[0])[0])
    assert payload.decode() in LIGHT.read(mild).texts
    severe, same = kind.draw(1, kind.amounts[-1])
    assert same == payload
    assert severe.shape != mild.shape or (severe != mild).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds.KINDS)
def test_no_peer_reads_more_of_a_kind(name: str) -> None:
    rates = measure_kinds(["light", "zxing-cpp", "pyzbar"], [name], 1)[name]
    assert np.mean(rates["light"]) >= max(np.mean(rates["zxing-cpp"]), np.mean(rates["pyzbar"]))


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("no quiet zone", 0),
        ("magenta on green", 0),
        ("sheared", 47),
        *slowly(("inverted, no quiet zone", 192), ("inverted, no quiet zone", 255), ("second, faint", 4)),
    ],
)
def test_what_was_missed_once_is_read(name: str, amount: float) -> None:
    for seed in range(2):
        picture, payload = kinds.KINDS[name].draw(seed, amount)
        assert payload.decode() in LIGHT.read(picture).texts


@pytest.mark.slow
def test_the_page_of_kinds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    readers = ["--reader", "opencv", "--reader", "zxing-cpp"]
    ran = CliRunner().invoke(main, ["kinds", *readers, "--kind", "dots", "--seeds", "1", "--save"])
    assert ran.exit_code == 0, ran.output
    page = (tmp_path / "kinds.md").read_text(encoding="utf-8")
    assert "## dots" in page
    assert "- dots, 0.8: opencv 0, zxing-cpp 100" in page
