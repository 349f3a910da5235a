from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from qrcascade import MissingDependencyError, WeightsError, weights


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_failures", {})
    monkeypatch.delenv("QRCASCADE_WEIGHTS", raising=False)


def test_where_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert weights.path("s") == tmp_path / "cache" / "qrcascade" / "weights" / "qrdet-s.pt"
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path / "env"))
    assert weights.path("m") == tmp_path / "env" / "qrdet-m.pt"
    assert weights.path("l", tmp_path / "mine") == tmp_path / "mine" / "qrdet-l.pt"


def test_weights_that_are_there_are_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "qrdet-n.pt").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert weights.ensure("n", tmp_path) == tmp_path / "qrdet-n.pt"


class Pooch(types.ModuleType):
    """Stands in for pooch: a network that answers, or does not."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__("pooch")
        self.answer = answer
        self.asked: list[str] = []

    def get_logger(self) -> Any:
        return types.SimpleNamespace(level=20, setLevel=lambda level: None)

    def HTTPDownloader(self, **options: Any) -> None:  # noqa: N802
        assert options["timeout"]

    def retrieve(self, url: str, fname: str, path: Path, **options: Any) -> None:
        self.asked.append(url)
        if self.answer is None:
            raise ConnectionError("network unreachable")
        Path(path, fname).write_bytes(self.answer)


def test_missing_weights_are_fetched_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pooch = Pooch(b"PK weights")
    monkeypatch.setitem(sys.modules, "pooch", pooch)
    for _ in range(2):
        assert weights.ensure("s", tmp_path / "new").read_bytes() == b"PK weights"
    assert pooch.asked == [weights.url("s")]


def test_without_a_network_the_error_names_path_and_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pooch = Pooch(None)
    monkeypatch.setitem(sys.modules, "pooch", pooch)
    for _ in range(3):
        with pytest.raises(WeightsError) as caught:
            weights.ensure("s", tmp_path)
        for part in (str(tmp_path / "qrdet-s.pt"), weights.url("s"), "QRCASCADE_WEIGHTS"):
            assert part in str(caught.value)
    assert len(pooch.asked) == 1, "a failed fetch is not repeated for every picture"


def test_a_sign_in_page_is_no_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pooch", Pooch(b"<html>"))
    with pytest.raises(WeightsError, match="no checkpoint"):
        weights.ensure("s", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fetching_needs_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingDependencyError, match=r"qrcascade\[qreader\]"):
        weights.ensure("s", tmp_path)
