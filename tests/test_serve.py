"""`qrcascade serve` as people run it: a process of its own, asked over the loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qrcascade.cli import main

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")

import httpx2

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "examples" / "photo.jpg"
# Reads with the strategy of this test, which takes its time: what is in flight is in flight for sure.
SLOW = """
import sys, time
from qrcascade import Cascade, Findings, QRCode, Quad, Step
from qrcascade.server import Settings, app, cascades

class Slow:
    name = "classical"
    def steps(self, scan):
        yield Step.call("slow", self.look)
    def look(self, frame):
        time.sleep(1.0)
        quad = Quad(((1, 1), (9, 1), (9, 9), (1, 9)))
        return Findings((QRCode("read", quad, 0.9),))

cascades.Reader.cascade = lambda self, preset: Cascade([Slow()])
app.serve(Settings(port=int(sys.argv[1]), presets=("classical",), max_wait=2.0))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*command: str, port: int, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service that answers, and its address; it is ended if the test has not."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("QRCASCADE_")}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**own, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx2.get(f"{url}/health")
                break
            except httpx2.TransportError:
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.05)
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Ask a service to end; its log."""
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    return [json.loads(line) for line in out.splitlines()]


def serve(port: int, **environment: str) -> Any:
    # A worker process starts within the first reading's time: a busy machine is no fault.
    environment = {"QRCASCADE_TIMEOUT": "60", **environment}
    program = "from qrcascade.cli import main; main()"
    return running("-c", program, "serve", port=port, QRCASCADE_PORT=str(port), **environment)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to be caught")
def test_settings_from_the_environment_requests_and_the_log() -> None:
    settings = {
        "QRCASCADE_PRESETS": "classical light",
        "QRCASCADE_ACCEPT": "shop=^https://example\nfiscal=^BCD",
        "QRCASCADE_TOKEN": "t0ken",
        "QRCASCADE_MAX_BODY": "1",
    }
    with serve(port := free_port(), **settings) as (process, url):
        headers = {"authorization": "Bearer t0ken"}
        assert httpx2.post(f"{url}/detect", content=PHOTO.read_bytes()).status_code == 401
        found = httpx2.post(f"{url}/detect", content=PHOTO.read_bytes(), headers=headers).json()
        pieces = (bytes(65_536) for _ in range(64))
        too_large = httpx2.post(f"{url}/detect", content=pieces, headers=headers)
        options = httpx2.get(f"{url}/openapi.json").json()["paths"]["/detect"]["post"]["parameters"]
        lines = ended(process)
    assert found["success"]
    assert too_large.status_code == 413
    assert {p["name"]: p["schema"].get("enum") for p in options}["accept"] == ["shop", "fiscal"]
    requests = [line for line in lines if line["event"] == "request" and line["endpoint"] == "/detect"]
    assert [line["status"] for line in requests] == [401, 200, 413]
    assert found["data"] not in json.dumps(lines)
    assert lines[0]["url"] == f"http://127.0.0.1:{port}"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to be caught")
def test_what_is_in_flight_is_finished(tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(SLOW, "utf-8")
    with running(str(program), str(port := free_port()), port=port) as (process, url):
        answers: list[httpx2.Response] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                httpx2.post(f"{url}/detect", content=PHOTO.read_bytes(), timeout=30)
            )
        )
        asking.start()
        while "qrcascade_readings_running 1.0" not in httpx2.get(f"{url}/metrics").text:
            time.sleep(0.01)
        lines = ended(process)
        asking.join()
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{url}/health")
    assert answers[0].json()["data"] == "read"
    assert any(line["event"] == "request" and line["status"] == 200 for line in lines)
    assert not any(line["level"] == "error" for line in lines)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or os.name == "nt", reason="there is no curl")
def test_the_readme_line_works_as_printed() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = [line for line in readme.splitlines() if line.startswith("curl ")]
    assert "http://127.0.0.1:8008/detect" in line
    with serve(port := free_port(), QRCASCADE_PRESETS="classical"):
        ported = line.replace(":8008", f":{port}")
        printed = subprocess.run(ported, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout)["data"].startswith("https://example.com/verify")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to be caught")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_is_no_failure(name: str) -> None:
    with serve(port := free_port(), QRCASCADE_PRESETS="classical") as (process, _):
        process.send_signal(getattr(signal, name))
        out, _ = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in out
    # Nor is it lost before the service runs, or while the port is free again.
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "set QRCASCADE_TOKEN or give --without-token"),
        (["--preset", "best"], "'best'"),
        (["--accept", "fiscal"], "NAME=REGEX"),
        (["--accept", "fiscal=("], "is not a valid regular expression"),
        (["--timeout", "100"], "more than max_timeout"),
        (["--port", "70000"], "70000"),
    ],
)
def test_wrong_settings_are_told(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(("name", "value"), [("PORT", "abc"), ("PRESETS", "best"), ("WARM", "perhaps")])
def test_a_wrong_value_of_the_environment_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"QRCASCADE_{name}", value)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 2
    assert f"Invalid value for QRCASCADE_{name}: '{value}'" in result.stderr


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("qrcascade.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "pip install 'qrcascade[server]'" in result.stderr
