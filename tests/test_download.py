"""Fetching from a real server: what goes wrong on the way."""

from __future__ import annotations

import errno
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from qrcascade import MissingDependencyError, WeightsError
from qrcascade.neural import integrity as digests
from qrcascade.neural import weights
from tests.loopback import (
    Reply,
    Server,
    checkpoint,
    compressing,
    hang_up,
    names,
    of_length,
    status,
    whole,
)

pytestmark = pytest.mark.usefixtures("own_network")

BODY = checkpoint()
WHOLE = ["current_release.txt", "qrdet-s.pt", "qrdet-s.pt.sha256"]


def fetch(monkeypatch: pytest.MonkeyPatch, server: Server, folder: Path) -> Path:
    monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
    return weights.fetch("s", folder)


@pytest.mark.parametrize(
    ("replies", "requests"),
    [
        ([whole(BODY)], 1),
        ([of_length(BODY, None)], 1),
        ([status(500), whole(BODY)], 2),
        ([status(503), status(429), whole(BODY)], 3),
        ([of_length(BODY[:30_000], len(BODY)), whole(BODY)], 2),
        ([of_length(BODY, len(BODY) + 7), whole(BODY)], 2),
        ([hang_up, whole(BODY)], 2),
        ([status(302, Location="/elsewhere"), whole(BODY)], 2),
        ([compressing(BODY)], 1),
    ],
    ids=["at once", "no length", "500", "503, 429", "cut", "length too large", "hung up", "redirect", "gzip"],
)
def test_what_comes_in_the_end_is_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, replies: list[Reply], requests: int
) -> None:
    with Server(*replies) as server:
        file = fetch(monkeypatch, server, tmp_path / "new")
        assert len(server.asked) == requests
    assert file.read_bytes() == BODY
    assert names(file.parent) == WHOLE
    assert weights.verify(file) == "recorded"


@pytest.mark.parametrize(
    ("reply", "requests", "why"),
    [
        (status(404), 1, "404"),
        (status(403), 1, "403"),
        (status(500), 3, "500"),
        (of_length(BODY[:30_000], len(BODY)), 3, "30000"),
        (of_length(BODY, len(BODY) - 40), 1, "not a complete checkpoint"),
        (of_length(BODY[:30_000], None), 1, "not a complete checkpoint"),
        (whole(b"<html>please sign in</html>"), 1, "<html>please"),
        (whole(b""), 1, "not a complete checkpoint"),
        (hang_up, 3, "ConnectionError"),
        (status(302, Location="/again"), 31, "redirects"),
    ],
    ids=[
        "404",
        "403",
        "500",
        "cut",
        "length too small",
        "cut, no length",
        "sign-in page",
        "nothing",
        "hung up",
        "round",
    ],
)
def test_what_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reply: Reply, requests: int, why: str
) -> None:
    with Server(reply) as server:
        with pytest.raises(WeightsError) as caught:
            fetch(monkeypatch, server, tmp_path)
        assert len(server.asked) == requests
    for part in (str(tmp_path / "qrdet-s.pt"), f"{server.url}/qrdet-s.pt", "qrcascade weights fetch", why):
        assert part in str(caught.value)
    assert names(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        with pytest.raises(WeightsError, match="No space left"):
            weights.fetch("s", tmp_path, full)
        assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_where_nobody_answers_the_error_comes_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    with Server(hang_up) as gone:
        pass
    with pytest.raises(WeightsError, match="fetching failed"):
        fetch(monkeypatch, gone, tmp_path)
    assert waits == []
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["pinned", "recorded"])
def test_a_wrong_hash_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    if kind == "pinned":
        monkeypatch.setitem(digests.PINNED, "qrdet-s.pt", "0" * 64)
    else:
        (tmp_path / "qrdet-s.pt.sha256").write_text(f"{'0' * 64}  qrdet-s.pt\n")
    before = names(tmp_path)
    with Server(whole(BODY)) as server, pytest.raises(WeightsError, match=f"0000 is {kind}"):
        fetch(monkeypatch, server, tmp_path)
    assert names(tmp_path) == before


def test_the_right_hash_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "known").write_bytes(BODY)
    monkeypatch.setitem(digests.PINNED, "qrdet-s.pt", weights.sha256(tmp_path / "known"))
    with Server(whole(BODY)) as server:
        assert weights.verify(fetch(monkeypatch, server, tmp_path)) == "pinned"


def test_a_server_that_falls_silent_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("qrcascade.neural.download._READ_S", 0.05)
    over = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        of_length(BODY[:30_000], len(BODY))(handler)
        over.wait(30)

    with Server(silent) as server:
        try:
            with pytest.raises(WeightsError, match="timed out"):
                fetch(monkeypatch, server, tmp_path)
        finally:
            over.set()
    assert names(tmp_path) == []


@pytest.mark.parametrize(("limit", "why"), [("_TOTAL_S", "not complete"), ("_MAX_BYTES", "larger than")])
def test_time_and_size_are_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, why: str
) -> None:
    monkeypatch.setattr(f"qrcascade.neural.download.{limit}", -1)
    with Server(whole(BODY)) as server:
        with pytest.raises(WeightsError, match=why):
            fetch(monkeypatch, server, tmp_path)
        assert len(server.asked) == 1, "a limit is final"
    assert names(tmp_path) == []


def test_progress_ends_at_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        weights.fetch("s", tmp_path, lambda *step: steps.append(step))
    assert len(steps) > 2
    assert steps[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", "http://weights.invalid/v2/")
    with Server(whole(BODY)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert weights.fetch("s", tmp_path).read_bytes() == BODY
        assert proxy.asked == ["http://weights.invalid/v2/qrdet-s.pt"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command to make a certificate")
def test_https_stays_https(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback"
    )
    make += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(make.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def wrap(plain: socket.socket) -> socket.socket:
        return context.wrap_socket(plain, server_side=True)

    with Server(whole(BODY)) as plain:
        there, here = status(302, Location=f"{plain.url}/qrdet-s.pt"), status(302, Location="/s")
        with Server(there, here, whole(BODY), wrap=wrap) as server:
            with pytest.raises(WeightsError, match="CERTIFICATE_VERIFY_FAILED"):
                fetch(monkeypatch, server, tmp_path / "new")
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
            with pytest.raises(WeightsError, match="No connection adapters were found for 'http:"):
                fetch(monkeypatch, server, tmp_path / "new")
            assert plain.asked == []
            assert fetch(monkeypatch, server, tmp_path / "new").read_bytes() == BODY


@pytest.mark.slow
def test_two_processes_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=60)

    def together(handler: BaseHTTPRequestHandler) -> None:
        both.wait()
        whole(BODY)(handler)

    program = (
        "import sys; from qrcascade.neural import weights; weights.verify(weights.fetch('s', sys.argv[1]))"
    )
    with Server(together) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        command = [sys.executable, "-c", program, str(tmp_path)]
        running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        assert [(process.communicate(timeout=60)[1], process.returncode) for process in running] == [
            ("", 0)
        ] * 2
        assert len(server.asked) == 2
    assert names(tmp_path) == WHOLE
    assert (tmp_path / "qrdet-s.pt").read_bytes() == BODY
    assert weights.verify(tmp_path / "qrdet-s.pt") == "recorded"


def test_a_mirrors_password_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Server(status(404)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url.replace("//", "//me:secret@"))
        with pytest.raises(WeightsError, match=r"http://\*\*\*@127") as caught:
            weights.fetch("s", tmp_path)
    assert "secret" not in str(caught.value)


def test_fetching_needs_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingDependencyError, match=r"qrcascade\[qreader\]"):
        weights.fetch("s", tmp_path)
    assert names(tmp_path) == []
