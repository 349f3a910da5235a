"""The service's app: what it answers, refuses and logs."""

from __future__ import annotations

import ast
import base64
import io
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import qrcascade
from qrcascade import Cascade, Findings, Frame, OptionError, QRCode, Quad, Region, Scan, Step, WorkerError
from qrcascade.cascade import PRESETS
from qrcascade.reading.steps import Context
from tests import draw
from tests.barcodes import CONTENT, barcode

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from qrcascade.server import Settings, answers, create_app
from qrcascade.server.cascades import Reader

QUICK = ("classical", "light")
QUAD = Quad(((1, 1), (9, 1), (9, 9), (1, 9)))


def png(gray: Any, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, kind)
    return buffer.getvalue()


CODE = png(draw.symbol("https://example.com/receipt/1")[0])
TWO = png(draw.page_of(draw.symbol("first")[0], draw.symbol("second")[0]))
BLANK = png(np.full((50, 60), 255, np.uint8))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    accept = {"receipt": re.compile("/receipt/")}
    # A worker process starts within the first reading's time: a busy machine is no fault.
    settings = Settings(presets=QUICK, accept=accept, max_body=300_000, timeout=60.0)
    with TestClient(create_app(settings)) as started:
        yield started


class Own:
    """A strategy that waits, then breaks or reads one code."""

    name = "own"

    def __init__(self, seconds: float = 0, error: Exception | None = None, read: bool = True) -> None:
        self.seconds, self.error, self.read = seconds, error, read

    def steps(self, scan: Scan) -> Iterator[Step]:
        if self.error is not None:
            raise self.error
        yield Step.call("look", self._look)

    def _look(self, frame: Frame) -> Findings:
        time.sleep(self.seconds)
        codes = (QRCode("secret payload", QUAD, 0.9, strategy="own"),) if self.read else ()
        return Findings(codes, (Region(QUAD, 0.9, "own"),))


class OneCascade(Reader):
    """Reads with one cascade, whatever the preset."""

    def __init__(self, strategy: Any) -> None:
        super().__init__()
        self._cascade = Cascade([strategy])

    def cascade(self, preset: str) -> Cascade:
        return self._cascade


def served(strategy: Any, **options: Any) -> TestClient:
    return TestClient(create_app(Settings(presets=QUICK, **options), OneCascade(strategy)))


def without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service read in its own process, though it asks for others."""
    preset = Cascade.preset

    def here(name: Any, **options: Any) -> Cascade:
        return preset(name, **{**options, "isolation": None, "max_memory": None})

    monkeypatch.setattr(Cascade, "preset", here)


@pytest.mark.parametrize("kind", [None, "image/png", "application/x-www-form-urlencoded", "text/plain"])
def test_detect_takes_raw_bytes_under_any_media_type(client: TestClient, kind: str | None) -> None:
    answer = client.post("/detect", content=CODE, headers={"content-type": kind} if kind else {})
    assert answer.status_code == 200
    found = answer.json()
    assert found["success"] is True
    assert found["data"] == "https://example.com/receipt/1"
    assert found["model"] == "classical"
    assert found["latency_ms"] > 0
    assert found["image_size"] == list(Image.open(io.BytesIO(CODE)).size)
    assert found["confidence"] >= 0.7
    assert np.shape(found["codes"][0]["quad"]) == (4, 2)
    assert bytes.fromhex(found["codes"][0]["data_hex"]).decode() == found["data"]
    assert "attempts" not in found


def test_detect_takes_a_form(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_disk(_: object) -> None:
        raise AssertionError("a file was laid down")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", to_disk)
    padded = CODE + bytes(299_000 - len(CODE))
    answer = client.post("/detect", files={"file": ("receipt.png", padded, "image/png")})
    assert answer.json()["data"] == "https://example.com/receipt/1"


def test_options(client: TestClient) -> None:
    both = client.post("/detect?expect=2&trace=1&preset=light&timeout=59.5", content=TWO).json()
    assert {code["text"] for code in both["codes"]} == {"first", "second"}
    assert both["attempts"][0]["step"] == "zxing raw"
    assert set(both["attempts"][0]) == {"strategy", "step", "engine", "view", "kind", "ms", "found", "error"}
    every = client.post("/detect?expect=all", content=CODE).json()
    assert every["success"]


def test_symbologies_by_name(client: TestClient) -> None:
    bars = png(barcode("Code128"))
    assert not client.post("/detect", content=bars).json()["success"]
    found = client.post("/detect?formats=ean-13,code128", content=bars).json()
    assert (found["data"], found["codes"][0]["format"]) == (CONTENT["Code128"][1], "Code128")
    (page,) = client.post("/read?formats=all", content=bars).json()["pages"]
    assert [code["format"] for code in page["codes"]] == ["Code128"]
    refused = client.post("/read?formats=ean14", content=bars)
    assert refused.status_code == 422
    assert "DataMatrix" in refused.text


def test_accept_by_name(client: TestClient) -> None:
    found = client.post("/detect?accept=receipt", content=CODE).json()
    assert (found["success"], found["data"]) == (True, "https://example.com/receipt/1")
    refused = client.post("/detect?accept=receipt&expect=2", content=TWO).json()
    assert (refused["success"], refused["data"], refused["model"]) == (False, None, None)
    assert {(code["text"], code["accepted"]) for code in refused["codes"]} == {
        ("first", False),
        ("second", False),
    }


def test_nothing_read(client: TestClient) -> None:
    found = client.post("/detect", content=BLANK).json()
    assert (found["success"], found["data"], found["model"], found["confidence"]) == (False, None, None, None)
    assert found["image_size"] == [60, 50]
    (page,) = client.post("/read", content=BLANK).json()["pages"]
    assert (page["codes"], page["ended"], page["image_size"]) == ([], "exhausted", [60, 50])


def test_read_gives_all_that_is_known(client: TestClient) -> None:
    answer = client.post("/read?preview=1", content=CODE).json()
    (page,) = answer["pages"]
    assert answer["complete"] is True
    assert page["ended"] == "settled"
    assert page["preview"].startswith("data:image/jpeg;base64,")
    plain = qrcascade.Cascade.preset("classical").read(CODE).to_dict()
    assert page["codes"][0]["quad"] == plain["codes"][0]["quad"]
    ours = {"data": "data_hex", "strategy": "model", "size": "image_size", "ms": "latency_ms"}
    for known, model, own in (
        (plain, answers.Page, {"preview", "explanation", "failed"}),
        (plain["codes"][0], answers.Code, set()),
        (plain["attempts"][0], answers.TriedStep, set()),
        (Region(QUAD, 0.5, "own").to_dict(), answers.UnreadRegion, set()),
    ):
        named = known if model is answers.TriedStep else {ours.get(name, name) for name in known}
        assert {*named, *own} == set(model.model_fields), "a field of the results is not answered with"


def test_both_endpoints_use_the_same_names(client: TestClient) -> None:
    detected = client.post("/detect", content=CODE).json()
    read = client.post("/read", content=CODE).json()
    (page,) = read["pages"]
    for name in ("success", "data", "model", "image_size", "confidence", "timed_out", "failed", "complete"):
        assert detected[name] == read[name]
    assert detected["codes"] == page["codes"]
    assert set(page) & {"image_size", "latency_ms", "timed_out", "failed"}
    assert not any("data" in code for code in detected["codes"]), "data is the text, in one place"


def document(*texts: str | None) -> bytes:
    """A PDF with a code on each page, or none on it."""
    fpdf = pytest.importorskip("fpdf")
    pdf = fpdf.FPDF(format=(50, 60))
    for text in texts:
        pdf.add_page()
        if text is not None:
            pdf.image(io.BytesIO(png(draw.symbol(text)[0])), x=10, y=10, w=30)
    return bytes(pdf.output())


def test_documents_by_page(client: TestClient) -> None:
    data = document(None, "second page", "third page")
    first = client.post("/detect", content=data).json()
    assert (first["data"], [code["page"] for code in first["codes"]]) == ("second page", [2])
    both = client.post("/detect?expect=2", content=data).json()
    assert {code["text"]: code["page"] for code in both["codes"]} == {"second page": 2, "third page": 3}
    answer = client.post("/read?preview=1", content=data).json()
    assert answer["complete"] is True
    assert [[code["text"] for code in page["codes"]] for page in answer["pages"]] == [
        [],
        ["second page"],
        ["third page"],
    ]
    assert [page["page"] for page in answer["pages"]] == [1, 2, 3]
    for page in answer["pages"]:
        preview = Image.open(io.BytesIO(base64.b64decode(page["preview"].partition(",")[2])))
        assert max(preview.size) <= 1200
        assert preview.width / preview.height == pytest.approx(
            page["image_size"][0] / page["image_size"][1], abs=0.01
        )


def test_a_document_ends_at_the_limit_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    without_workers(monkeypatch)
    with TestClient(create_app(Settings(presets=QUICK, max_pages=2, timeout=60.0))) as client:
        data = document(None, None, "third page")
        answer = client.post("/read", content=data).json()
        assert ([page["page"] for page in answer["pages"]], answer["complete"]) == ([1, 2], False)
        nothing = client.post("/detect", content=data).json()
        assert (nothing["success"], nothing["complete"]) == (False, False)


def test_a_document_ends_at_the_limit_of_time() -> None:
    data = document(None, None)
    with served(Own(0.6, read=False), timeout=0.5, max_timeout=0.5) as client:
        assert client.post("/detect", content=data).status_code == 504
        assert client.post("/read", content=data).json()["complete"] is False


def test_every_tier_has_a_model() -> None:
    tiers = {strategy.name for preset in PRESETS for strategy in Cascade.preset(preset).strategies}
    assert {tier: answers.model_of(tier) for tier in tiers} == {
        "classical": "classical",
        "grid": "classical",
        "nano": "nano",
        "small": "small",
        "medium": "medium",
        "large": "large",
    }


REFUSED: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no such page": ("GET", "/nothing", {}, 404, "Not Found"),
    "no such method": ("GET", "/detect", {}, 405, "Method Not Allowed; use POST"),
    "too large": ("POST", "/detect", {"content": CODE + bytes(300_000)}, 413, "more than 300,000 bytes"),
    "too large in pieces": (
        "POST",
        "/read",
        {"content": (bytes(1000) for _ in range(10_000))},
        413,
        "more than 300,000 bytes",
    ),
    "too large a file": (
        "POST",
        "/detect",
        {"files": {"file": CODE + bytes(300_000)}},
        413,
        "more than 300,000",
    ),
    "too large a form": ("POST", "/detect", {"files": {"file": bytes(900_000)}}, 413, "more than 300,000"),
    "no picture": ("POST", "/detect", {"content": b"hello"}, 415, "AVIF, JPEG2000"),
    "compressed": (
        "POST",
        "/detect",
        {"content": b"x", "headers": {"content-encoding": "gzip"}},
        415,
        "Encoding",
    ),
    "empty": ("POST", "/read", {"content": b""}, 422, "empty"),
    "broken": ("POST", "/detect", {"content": CODE[:60]}, 422, "broken"),
    "too many pixels": (
        "POST",
        "/detect",
        {"content": b"P5 32000 32000 255\n"},
        422,
        "too large: it is 32000x32000 pixels",
    ),
    "broken document": ("POST", "/read", {"content": b"%PDF-1.7\nnothing"}, 422, "broken"),
    "no form": (
        "POST",
        "/detect",
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        422,
        "boundary",
    ),
    "no file": ("POST", "/detect", {"files": {"file": (None, b"text")}}, 422, "one file"),
    "another file": ("POST", "/detect", {"files": {"f": CODE}}, 422, "named file"),
    "two files": ("POST", "/detect", {"files": {"file": CODE, "g": CODE}}, 422, "one file"),
    "expect 0": ("POST", "/detect?expect=0", {"content": CODE}, 422, "query.expect"),
    "expect some": ("POST", "/detect?expect=some", {"content": CODE}, 422, "query.expect"),
    "timeout too short": ("POST", "/detect?timeout=0.001", {"content": CODE}, 422, "query.timeout"),
    "timeout 0": ("POST", "/detect?timeout=0", {"content": CODE}, 422, "query.timeout"),
    "timeout for ever": ("POST", "/detect?timeout=inf", {"content": CODE}, 422, "query.timeout"),
    "timeout nan": ("POST", "/detect?timeout=nan", {"content": CODE}, 422, "query.timeout"),
    "preset not served": ("POST", "/detect?preset=large", {"content": CODE}, 422, "query.preset"),
    "accept unknown": ("POST", "/detect?accept=.*", {"content": CODE}, 422, "query.accept"),
    "option unknown": (
        "POST",
        "/detect?expct=2",
        {"content": CODE},
        422,
        "query.expct: unknown option; /docs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_problems(client: TestClient, name: str) -> None:
    method, url, request, status, words = REFUSED[name]
    answer = client.request(method, url, **request)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert words in problem["detail"]
    assert problem["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert not re.search(r"Traceback|\.py|/(home|root|usr|tmp|work)", answer.text)


def test_what_breaks_inside_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qrcascade.server")
    with served(Own(error=OSError("no weights at /home/somebody/qrdet-n.pt"))) as client:
        for _ in range(2):
            answers_ = [client.post(url, content=CODE) for url in ("/detect?trace=1", "/read")]
    assert all(answer.status_code == 200 for answer in answers_)
    assert answers_[0].json()["attempts"][0]["error"]
    assert not any("somebody" in answer.text for answer in answers_)
    told = [record.fields for record in caplog.records if record.message == "attempt"]  # type: ignore[attr-defined]
    assert [line["error"] for line in told] == ["OSError: no weights at /home/somebody/qrdet-n.pt"]


def test_a_fault_of_the_service_is_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Reader):
        def pages(self, source: bytes, wish: Any) -> Any:
            raise RuntimeError("in /home/somebody/service.py")

    with TestClient(create_app(Settings(presets=QUICK), Broken())) as client:
        answer = client.post("/detect", content=CODE)
        assert "qrcascade_requests_total" in client.get("/metrics").text
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "somebody" not in answer.text
    assert "in /home/somebody/service.py" in caplog.text


def test_no_worker_process(caplog: pytest.LogCaptureFixture) -> None:
    class Lost(Reader):
        def pages(self, source: bytes, wish: Any) -> Any:
            raise WorkerError("ended while it started: /home/somebody")

    with TestClient(create_app(Settings(presets=QUICK), Lost())) as client:
        answer = client.post("/detect", content=CODE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "somebody" not in answer.text
    assert "somebody" in caplog.text


def test_time_over() -> None:
    with served(Own(0.6, read=False)) as client:
        late = client.post("/detect?timeout=0.5", content=BLANK)
        answer = client.post("/read?timeout=0.5", content=BLANK).json()
        (page,) = answer["pages"]
    assert late.status_code == 504
    assert late.json()["title"] == "Gateway Timeout"
    assert (page["ended"], page["timed_out"], answer["timed_out"]) == ("timeout", True, True)
    with served(Own(0.6)) as client:
        assert client.post("/detect?timeout=0.5", content=BLANK).json()["data"] == "secret payload"


def test_the_log_has_no_payload_unless_told_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qrcascade.server")
    for told in (False, True):
        caplog.clear()
        with served(Own(), log_payloads=told) as client:
            client.post("/detect?expect=1", content=BLANK)
        (line,) = [r.fields for r in caplog.records if r.message == "request"]  # type: ignore[attr-defined]
        assert ("secret payload" in json.dumps(line)) is told
        assert line["endpoint"] == "/detect"
        assert (line["status"], line["outcome"], line["strategy"]) == (200, "read", "own")
        assert (line["preset"], line["codes"], line["bytes"]) == ("classical", 1, len(BLANK))


def test_token() -> None:
    with served(Own(), token="s3cret") as client:
        for headers in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Basic s3cret"}):
            for method, url in (("POST", "/detect"), ("POST", "/read"), ("GET", "/metrics")):
                answer = client.request(method, url, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.json()["status"] == 401
        assert client.post("/detect", content=BLANK, headers={"authorization": "Bearer s3cret"}).is_success
        assert all(client.get(url).is_success for url in ("/health", "/ready", "/", "/docs"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "0.0.0.0"}, "QRCASCADE_TOKEN"),
        ({"host": "example.com"}, "--without-token"),
        ({"presets": ("best",)}, "'best'"),
        ({"presets": ()}, "at least one preset"),
        ({"token": "two words"}, "token"),
        ({"accept": {"a b": re.compile("x")}}, "'a b'"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"queue": -1}, "queue must be at least 0"),
        ({"port": -1}, "port must be at least 0"),
        ({"timeout": 0.1}, "timeout must be from 0.5"),
        ({"timeout": 90.0}, "more than max_timeout"),
        ({"max_wait": float("nan")}, "max_wait"),
        ({"max_body": 0}, "max_body"),
    ],
)
def test_settings_that_mean_nothing(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=re.escape(words)):
        Settings(**options)


def test_settings_that_are_fine() -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert Settings(host=host).token is None
    assert Settings(host="0.0.0.0", token="abc=").without_token is False
    assert Settings(host="0.0.0.0", without_token=True).token is None
    assert "abc" not in repr(Settings(token="abc"))
    assert Settings().presets[0] == "thorough"
    assert set(Settings().presets) == set(PRESETS)


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics() -> None:
    with served(Own()) as client:
        client.post("/detect?expect=1", content=BLANK)
        client.post("/detect", content=b"")
        client.get("/made-up")
        found = figures(client)
    assert found["qrcascade_requests_total", "/detect", "read", "own"] == 1
    assert found["qrcascade_requests_total", "/detect", "invalid", ""] == 1
    assert found["qrcascade_requests_total", "other", "invalid", ""] == 1
    assert found["qrcascade_strategy_seconds_count", "own"] == 1
    assert found["qrcascade_queue_seconds_count",] == 1
    assert found["qrcascade_request_seconds_count", "/detect"] == 2
    assert found["qrcascade_queue_depth",] == found["qrcascade_readings_running",] == 0
    assert found["qrcascade_info", qrcascade.__version__] == 1
    assert found["qrcascade_resident_memory_bytes", "service"] > 1e6
    assert found["qrcascade_resident_memory_bytes", "workers"] >= 0


class Model:
    """Looks like a neural tier, whose model is there or not."""

    name = "small"

    def __init__(self, error: str | None = None) -> None:
        self.error = error
        self.go_on = threading.Event()

    def steps(self, scan: Scan) -> Iterator[Step]:
        yield Step("qreader", "", None, "detect", self._detect)

    def _detect(self, context: Context) -> Findings:
        self.go_on.wait(10)
        return Findings(error=self.error)


def settled(client: TestClient) -> Any:
    for _ in range(200):
        answer = client.get("/ready")
        if answer.is_success or answer.json()["unavailable"]:
            break
        time.sleep(0.02)
    return answer


@pytest.mark.parametrize("error", [None, "no weights at /home/somebody"])
def test_ready_when_models_are_as_configured(error: str | None) -> None:
    model = Model(error)
    with served(model) as client:
        assert client.get("/ready").json()["ready"]
    with served(model, warm=True, concurrency=2) as client:
        assert client.get("/ready").status_code == 503
        assert client.get("/health").json() == {"status": "ok", "version": qrcascade.__version__}
        model.go_on.set()
        answer = settled(client)
        assert answer.status_code == (503 if error else 200)
        assert answer.json()["unavailable"] == (["small"] if error else [])
        assert "somebody" not in answer.text
        found = figures(client)
    assert found["qrcascade_model_loaded", "small"] == (0 if error else 1)
    assert found["qrcascade_model_loads_total", "small", "failed" if error else "loaded"] == 1


def test_the_pages_need_nobody_else(client: TestClient) -> None:
    for url in ("/", "/docs"):
        answer = client.get(url)
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"(src|href)=.?(https?:)?//|@import|url\(", answer.text)
    sources = re.findall(r'<(?:script src|link [^>]*href)="([^"]+)"', client.get("/docs").text)
    assert len(sources) == 3
    assert all(source == "data:," or client.get(f"/{source}").is_success for source in sources)


def test_openapi(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    detect = document["paths"]["/detect"]["post"]
    options = {p["name"]: p["schema"] for p in detect["parameters"]}
    assert options["preset"]["enum"] == list(QUICK)
    assert options["timeout"]["maximum"] == 60
    assert {"408", "413", "415", "422", "503", "504"} <= set(detect["responses"])
    assert "application/problem+json" in detect["responses"]["413"]["content"]
    document = create_app(Settings(port=9)).openapi()
    assert "http://localhost:9/detect" in document["info"]["description"]
    said = {(o["tags"][0], o["summary"]) for path in document["paths"].values() for o in path.values()}
    assert said == {
        ("reading", "Detect"),
        ("reading", "Read"),
        ("operation", "Health"),
        ("operation", "Ready"),
        ("operation", "Get Metrics"),
        ("pages", "Get Page"),
        ("pages", "Get Docs"),
        ("pages", "Get Example"),
    }


# Beyond the public names: what runs in a worker process of our own, and tells kinds of files apart.
INTERNAL = {
    "qrcascade.cascade": {"PRESETS"},
    "qrcascade.batch": {"processors"},
    "qrcascade.isolation": {"CAN_CAP_MEMORY", "Here", "HungError", "LostError"},
    "qrcascade.documents.opening": {"is_pdf", "open_source"},
    "qrcascade.image.formats": {"PICTURES", "name_format"},
    "qrcascade.report.drawing": {"to_data_uri"},
    "qrcascade.report.words": {"to_json"},
}


def test_only_public_names_are_used() -> None:
    folder = Path(qrcascade.__file__).parent / "server"
    public = {*qrcascade.__all__, "__version__"}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("qrcascade"):
                continue
            module, names = str(node.module), {alias.name for alias in node.names}
            if not module.startswith("qrcascade.server"):
                known = public if module == "qrcascade" else INTERNAL.get(module, set())
                assert names <= known, f"{path}: {ast.unparse(node)}"
