"""What the service says when something is not read, and to whom it answers at all."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from PIL import Image

from qrcascade import (
    Attempt,
    Cascade,
    ClassicalStrategy,
    Findings,
    Frame,
    ImageError,
    MissingDependencyError,
    QRCode,
    QReaderStrategy,
    Scan,
    Step,
    StubStrategy,
    WorkerError,
    read_document,
)
from qrcascade.isolation import Workers

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")

from fastapi.testclient import TestClient

from qrcascade.server import Settings, body, create_app
from qrcascade.server.cascades import Reader
from tests.test_server import BLANK, CODE, QUAD, QUICK, Own, document, served, settled, without_workers


class Trouble:
    """A strategy whose step runs into trouble in its worker process."""

    name = "grid"

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble

    def steps(self, scan: Scan) -> Iterator[Step]:
        yield Step.call("trouble", self._look)

    def _look(self, frame: Frame) -> Findings:
        if self.trouble == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(1000)
        return Findings()


class Isolated(Reader):
    """Reads with the classical tier and a strategy, in worker processes."""

    def __init__(self, strategy: Any) -> None:
        super().__init__()
        self._cascade = Cascade([ClassicalStrategy(), strategy], isolation="process")

    def cascade(self, preset: str) -> Cascade:
        return self._cascade

    def close(self) -> None:
        self._cascade.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "status", "field"), [("killed", 500, "failed"), ("hanging", 504, "timed_out")]
)
def test_a_reading_that_was_cut_short_says_so(trouble: str, status: int, field: str) -> None:
    app = create_app(Settings(presets=QUICK, timeout=60.0), Isolated(Trouble(trouble)))
    limit = "timeout=1" if trouble == "hanging" else ""
    with TestClient(app) as client:
        refused = client.post(f"/detect?{limit}", content=BLANK)
        answer = client.post(f"/read?{limit}", content=BLANK).json()
        if trouble == "killed":  # What is read is read, whatever happened beside it.
            assert client.post("/detect?expect=all", content=CODE).json()["success"] is True
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    (page,) = answer["pages"]
    assert (answer["success"], answer[field], page[field]) == (False, True, True)


@pytest.mark.parametrize(("codes", "status"), [((), 500), ((QRCode("read", QUAD, 0.9),), 200)])
def test_a_lost_worker_process_is_no_answer_unless_something_is_read(
    codes: tuple[QRCode, ...], status: int
) -> None:
    lost = Attempt("", "look", error="the worker process ended (killed by SIGKILL)")
    with served(StubStrategy([lost, Attempt("", "look", codes=codes)])) as client:
        assert client.post("/detect", content=BLANK).status_code == status
        answer = client.post("/read", content=BLANK).json()
    (page,) = answer["pages"]
    assert answer["failed"] == page["failed"] == (not codes)


def locked() -> bytes:
    fpdf = pytest.importorskip("fpdf")
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_encryption(owner_password="owner", user_password="user")
    return bytes(pdf.output())


def test_protected_broken_and_too_large_are_three_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    without_workers(monkeypatch)
    large = io.BytesIO()
    Image.new("L", (1100, 1000)).save(large, "png")
    with TestClient(create_app(Settings(presets=QUICK, max_pixels=1_000_000))) as client:
        details = [
            client.post("/detect", content=data).json()["detail"]
            for data in (locked(), CODE[:100], large.getvalue())
        ]
    assert details == [
        "the document is protected by a password; send one that opens without",
        "the picture or document is broken",
        "the picture or document is too large: it is 1100x1000 pixels; at most 1,000,000 in total and 32,767 "
        "per side are read",
    ]


def test_a_picture_that_needs_too_much_memory() -> None:
    class Short(Reader):
        def pages(self, source: bytes, spec: Any) -> Any:
            raise ImageError("cannot read 100 bytes: MemoryError")

    with TestClient(create_app(Settings(presets=QUICK), Short())) as client:
        answer = client.post("/detect", content=CODE)
    assert (answer.status_code, "more memory" in answer.json()["detail"]) == (422, True)


@pytest.mark.slow
def test_previews_and_explanations_are_made_in_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded in the service's own process")

    with TestClient(create_app(Settings(presets=QUICK, timeout=60.0))) as client:
        sources = (BLANK, document("first", None))
        monkeypatch.setattr("qrcascade.image.frame.decode_file", decode)
        monkeypatch.setattr("PIL.Image.Image.load", decode)
        for data in sources:
            answer = client.post("/read?preview=1&explain=1", content=data).json()
            for page in answer["pages"]:
                assert page["preview"].startswith("data:image/jpeg;base64,")
                assert "read in this" in page["explanation"]
                assert "Cascade" not in page["explanation"]


def test_what_no_worker_process_can_show_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(*_: object) -> None:
        raise WorkerError("no worker process can be started")

    reader = Isolated(ClassicalStrategy())
    monkeypatch.setattr(reader.cascade("classical").openers, "take", take)
    with TestClient(create_app(Settings(presets=QUICK), reader)) as client:
        answer = client.post("/read?preview=1&explain=1", content=CODE)
    assert answer.status_code == 200
    assert "preview" not in answer.json()["pages"][0]


@pytest.mark.slow
def test_waiting_for_a_worker_process_is_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    take, pause = Workers.take, 0.5

    def take_late(self: Workers, until: float | None) -> Any:
        time.sleep(pause)
        return take(self, until)

    monkeypatch.setattr(Workers, "take", take_late)
    with Cascade.preset("classical", isolation="process") as cascade:
        # A picture waits for its own worker; a document's is opened before its first page is read.
        for source in (CODE, document("first")):
            start = time.perf_counter()
            (result,) = read_document(source, cascade=cascade)
            assert result.elapsed_s <= time.perf_counter() - start - pause


def test_a_tier_that_is_not_installed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cascade = Cascade([ClassicalStrategy(), QReaderStrategy("s", required=False)])
    monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda _: False)
    monkeypatch.setenv("QRCASCADE_WEIGHTS", os.devnull)

    class Readers(Reader):
        def cascade(self, preset: str) -> Cascade:
            return cascade

    with TestClient(create_app(Settings(presets=("small",), warm=True), Readers())) as client:
        answer = settled(client)
    assert (answer.status_code, answer.json()["missing"], answer.json()["unavailable"]) == (
        200,
        ["small"],
        [],
    )


def test_a_start_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(create_app.__globals__, "_AGAIN_S", 0.01)
    tries = []

    class Readers(Reader):
        def cascade(self, preset: str) -> Cascade:
            tries.append(preset)
            if len(tries) < 3:
                raise WorkerError("memory is short")
            return Cascade([ClassicalStrategy()])

    with TestClient(create_app(Settings(presets=QUICK, warm=True), Readers())) as client:
        while client.get("/ready").status_code == 503:
            time.sleep(0.01)
        assert client.get("/ready").json()["unavailable"] == []


def test_wrong_options_are_explained_once_and_in_words() -> None:
    with TestClient(create_app(Settings(presets=QUICK))) as client:
        for query, said in (
            ({"expect": "two"}, "query.expect: it must be a number from 1 to 1000 or \"all\", got 'two'"),
            ({"formats": "QR"}, "query.formats: formats must be "),
            ({"accept": "x"}, "query.accept: this service has no patterns"),
            ({"zoom": "2"}, "query.zoom: unknown option"),
        ):
            detail = client.post("/detect", params=query, content=b"x").json()["detail"]
            assert detail.startswith(said)
            assert detail.count("query.") == 1


def test_a_tier_that_is_not_installed_is_noted() -> None:
    class Readers(Reader):
        def cascade(self, preset: str) -> Cascade:
            return Cascade([ClassicalStrategy(), Partly(), Absent()])

    class Partly:
        """A tier of which one engine is missing, which says nothing about the tier."""

        name = "grid"

        def steps(self, scan: Scan) -> Iterator[Step]:
            yield Step.call("absent", lambda frame: Findings(error="zbar is not available"))
            yield Step.call("present", lambda frame: Findings())

    class Absent:
        name = "nano"

        def steps(self, scan: Scan) -> Iterator[Step]:
            raise MissingDependencyError("QReader n", "pip install 'qrcascade[qreader]'")
            yield

    blank = io.BytesIO()
    Image.new("L", (99, 99), 255).save(blank, "PNG")
    with TestClient(create_app(Settings(presets=QUICK), Readers())) as client:
        notes = client.post("/detect", content=blank.getvalue()).json()["notes"]
    assert notes == ["the tier 'nano' failed, or is not installed: see the service's log and /ready"]


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://testserver:81"},
    {"origin": "http://["},
    {"origin": "http://testserver", "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]
OWN = [
    {},
    {"origin": "http://testserver"},
    {"origin": "https://qr.example", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
]


def test_a_foreign_web_page_is_not_answered() -> None:
    with served(Own()) as client:
        for url in ("/detect", "/read"):
            for headers in FOREIGN:
                answer = client.post(url, content=BLANK, headers=headers)
                assert (answer.status_code, answer.json()["status"]) == (403, 403), headers
            for headers in OWN:
                assert client.post(url, content=BLANK, headers=headers).status_code == 200, headers
        # Links to the page are fine.
        assert client.get("/", headers={"sec-fetch-site": "cross-site"}).is_success


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8008", 200),
        ("127.0.0.1:8008", 200),
        ("[::1]:8008", 200),
        ("QR.example", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_a_name_that_is_not_ours_is_not_answered(host: str, status: int) -> None:
    """A page whose own name leads to the loopback (DNS rebinding) has the same origin as the service."""
    with served(Own(), hosts=("localhost", "qr.example")) as client:
        assert client.get("/health", headers={"host": host}).status_code == status


def test_head_is_get_without_a_body() -> None:
    with served(Own()) as client:
        for url in ("/", "/docs", "/openapi.json", "/health", "/ready", "/metrics"):
            asked, answer = client.get(url), client.head(url)
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-type"] == asked.headers["content-type"]
        assert client.head("/detect").status_code == 405


def test_a_body_is_held_once() -> None:
    size, parts = 2**20, 16

    async def stream() -> AsyncGenerator[bytes, None]:
        tracemalloc.reset_peak()
        for number in range(parts):
            yield bytes([number]) * size

    async def measure() -> tuple[int, int]:
        data = await body._join(stream())
        return len(data), tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        received, peak = asyncio.run(measure())
    finally:
        tracemalloc.stop()
    assert received == size * parts
    assert peak < 1.5 * received
