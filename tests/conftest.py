"""What the tests share: where the pictures and weights beside the checkout are, and skips without them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("steady")

pytest_plugins = ["pytester"]

SHARED = Path(__file__).parents[2] / "shared"


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what is loaded by now: it stays to the end."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Extension modules look at the end for what was not collected."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = Path(os.environ.get("QRCASCADE_CORPORA", SHARED / "corpora"))
    if not folder.is_dir():
        pytest.skip(f"no picture corpora at {folder}; QRCASCADE_CORPORA names another folder")
    return folder


@pytest.fixture(scope="session")
def nano_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own with a link to the weights: their first use leaves a record beside them."""
    pytest.importorskip("qreader", reason="the qreader extra is not installed")
    folder = Path(os.environ.get("QRCASCADE_WEIGHTS", SHARED / "weights"))
    if not (folder / "qrdet-n.pt").is_file():
        pytest.skip(f"no qrdet-n.pt in {folder}; QRCASCADE_WEIGHTS names another folder")
    linked = tmp_path_factory.mktemp("nano")
    (linked / "qrdet-n.pt").symlink_to(folder.resolve() / "qrdet-n.pt")
    return linked


@pytest.fixture(scope="session")
def stand_ins(nano_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nano weights under every size's name: they detect, and are not those sizes' own."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for size in "nsml":
        (folder / f"qrdet-{size}.pt").symlink_to(nano_weights / "qrdet-n.pt")
    return folder


@pytest.fixture
def own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No switch, proxy or folder of the machine's; waits that nobody waits for."""
    for switch in ("WEIGHTS", "WEIGHTS_URL", "OFFLINE", "ACCEPT_LICENCE"):
        monkeypatch.delenv(f"QRCASCADE_{switch}", raising=False)
    for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    monkeypatch.setattr("qrcascade.neural.download._BACKOFF_S", 0)
    monkeypatch.setattr("qrcascade.neural.weights._failures", {})
    monkeypatch.setattr("qrcascade.neural.integrity._seen", {})
