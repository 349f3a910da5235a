"""The service's page in a real browser. ``python -m tests.test_server_page FILE.png`` takes its picture."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")
pytest.importorskip("selenium")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from qrcascade.image.frame import Gray
from tests import draw
from tests.test_serve import ROOT, free_port, serve

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium with its driver")

FLAGS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update --window-size=1180,900"""
DROP = """
const carried = new DataTransfer();
for (const [name, type, data] of arguments[0]) {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  carried.items.add(new File([bytes], name, { type }));
}
for (const kind of ["dragover", "drop"])
  document.getElementById("drop").dispatchEvent(
    new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
"""


@contextmanager
def browser() -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


def dropped(driver: Any, *files: tuple[str, str, bytes], busy: str = "Reading") -> str:
    """What the page says once it has read what was dropped on it."""
    driver.execute_script(DROP, [(name, kind, base64.b64encode(data).decode()) for name, kind, data in files])
    WebDriverWait(driver, 120).until(lambda d: not d.find_element(By.ID, "said").text.startswith(busy))
    return str(driver.find_element(By.ID, "said").text)


def shapes(driver: Any, name: str) -> list[list[float]]:
    """The corners of each outline of this kind, in pixels of the picture."""
    points = [
        shape.get_attribute("points") for shape in driver.find_elements(By.CSS_SELECTOR, f"svg .{name}")
    ]
    return [[float(value) for value in text.replace(",", " ").split()] for text in points]


def test_drop_read_copy_and_a_failing_picture() -> None:
    two = ROOT / "examples" / "two-codes.jpg"
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.get(url)
        assert dropped(driver, (two.name, "image/jpeg", two.read_bytes())) == "two-codes.jpg: 2 codes."
        texts = [output.text for output in driver.find_elements(By.CSS_SELECTOR, ".code output")]
        assert "https://example.com/offers" in texts
        assert len(shapes(driver, "read")) == 2
        assert (
            "a code was read, and no likely one is left unread"
            in driver.find_element(By.CSS_SELECTOR, ".why").text
        )
        width = driver.execute_script("return document.querySelector('.seen img').naturalWidth")
        assert width > 0

        driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
        card = driver.find_elements(By.CSS_SELECTOR, ".code")[0]
        card.find_element(By.TAG_NAME, "button").click()
        WebDriverWait(driver, 5).until(lambda d: card.find_element(By.TAG_NAME, "button").text == "copied")
        read = "navigator.clipboard.readText().then(arguments[0])"
        assert driver.execute_async_script(read) == card.find_element(By.TAG_NAME, "output").text

        assert "not a picture or document" in dropped(driver, ("x.png", "image/png", b"no picture at all"))
        assert driver.find_element(By.ID, "said").get_attribute("class") == "bad"
        assert not driver.find_elements(By.CSS_SELECTOR, ".page")
        loud = [line for line in driver.get_log("browser") if "Content Security Policy" in line["message"]]
        assert not loud, json.dumps(loud)


def file_of(*texts: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw.page_of(*(draw.symbol(text)[0] for text in texts))).save(file, "png")
    return file.getvalue()


def test_several_files_and_why_something_was_not_read() -> None:
    blank = io.BytesIO()
    Image.new("L", (600, 800), 255).save(blank, "tiff")
    files = [
        ("a.png", "image/png", file_of("first", "second")),
        ("blank.tiff", "image/tiff", blank.getvalue()),
        ("broken.png", "image/png", file_of("x")[:80]),
    ]
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.get(url)
        assert dropped(driver, *files) == "Files: 3; codes: 2. Could not be read: 1."
        said = driver.find_element(By.ID, "pages").text
        assert all(name in said for name, _, _ in files)
        assert "No code was read. Stopped: every tier was tried." in said
        assert "Blank: " in said
        assert "Unprocessable Entity: the picture or document is broken" in said
        # A browser cannot show a TIFF; the service can.
        width = "return [...document.querySelectorAll('.seen img')].map(picture => picture.naturalWidth)"
        assert all(driver.execute_script(width))


def test_the_page_in_spanish() -> None:
    page = (ROOT / "qrcascade" / "server" / "page.html").read_text("utf-8")
    told = {*re.findall(r'\btell\("([^"]+)"', page), *re.findall(r"data-text>([^<]+)<", page)}
    table = page[page.index("const SPANISH") : page.index("const isSpanish")]
    assert told <= set(re.findall(r'^  "([^"]+)": "', table, re.M))
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        spanish = {"userAgent": "Chrome", "acceptLanguage": "es-CL"}
        driver.execute_cdp_cmd("Emulation.setUserAgentOverride", spanish)
        driver.get(url)
        assert "elija archivos" in driver.find_element(By.ID, "drop").text
        said = dropped(driver, ("a.png", "image/png", file_of("first", "second")), busy="Leyendo")
        assert said == "a.png: 2 códigos."
        assert "Se detuvo" in driver.find_element(By.CSS_SELECTOR, "p.why").text
        blank = spoilt(np.full((200, 200), 255, np.uint8), 0, 0, 0)
        assert dropped(driver, ("b.png", "image/png", blank), busy="Leyendo") == "b.png: 0 códigos."
        assert "En blanco: todo tiene el mismo nivel de gris." in driver.find_element(By.ID, "pages").text


LINKS = {
    "https://example.com/i/1?a=b&c=<d>": False,
    "https://example.com/i/1?a=b&c=d": True,
    "HTTP://EXAMPLE.COM/X": True,
    "javascript:alert(1)//https://example.com": False,
    "https://example.com/ https://evil.example": False,
    "https://exam\u202eple.com/": False,
    "data:text/html,<b>x": False,
    "https://": False,
}


def test_links_can_be_clicked_and_nothing_else() -> None:
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.get(url)
        for text, is_link in LINKS.items():
            html = driver.execute_script("return payload(arguments[0]).outerHTML", text)
            assert ("<a " in html) is is_link, html
            assert not is_link or ('rel="noopener' in html and 'target="_blank"' in html)
            assert "\u202e" not in html
        assert "[U+202E]" in driver.execute_script("return payload('a\u202eb').textContent")


@pytest.mark.parametrize("size", [(390, 844), (1180, 900)])
def test_the_first_payload_is_in_sight(size: tuple[int, int]) -> None:
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(url)
        assert not driver.find_element(By.ID, "token").is_displayed()
        driver.find_element(By.ID, "example").click()
        WebDriverWait(driver, 120).until(lambda d: "1 code." in d.find_element(By.ID, "said").text)
        link = driver.find_element(By.CSS_SELECTOR, ".code output a")
        assert link.get_attribute("href") == "https://example.com/verify?invoice=2026-004711"
        assert link.rect["y"] + link.rect["height"] <= size[1]
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        icon = driver.find_element(By.CSS_SELECTOR, "link[rel=icon]").get_attribute("href")
        assert icon.startswith("data:image/svg+xml,")
        assert driver.get_log("browser") == []


def test_the_token_box_is_there_where_a_token_is_needed() -> None:
    token = {"QRCASCADE_PRESETS": "classical", "QRCASCADE_TOKEN": "t0ken"}
    with serve(free_port(), **token) as (_, url), browser() as driver:
        driver.get(url)
        file = ("a.png", "image/png", file_of("first"))
        assert "Unauthorized" in dropped(driver, file)
        driver.find_element(By.ID, "token").send_keys("t0ken")
        assert dropped(driver, file) == "a.png: 1 code."


def spoilt(gray: Gray, left: int, top: int, side: int) -> bytes:
    """A PNG of a picture with noise in a square: what is read there no more is located still."""
    gray = gray.copy()
    gray[top : top + side, left : left + side] = np.random.default_rng(0).choice([0, 255], (side, side))
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "png")
    return file.getvalue()


def test_unread_regions_are_drawn_and_payloads_are_text() -> None:
    payload = "<img src=x onerror=alert(1)>"
    page = draw.page_of(draw.symbol(payload)[0], draw.symbol("nobody reads this " * 3, scale=6)[0])
    data = spoilt(page, page.shape[1] - 220, 140, 90)
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.get(url)
        assert dropped(driver, ("page.png", "image/png", data)) == "page.png: 1 code."
        assert driver.find_element(By.CSS_SELECTOR, ".code output").text == payload
        assert not driver.find_elements(By.CSS_SELECTOR, ".code img")
        assert shapes(driver, "unread")
        assert "located but not read" in driver.find_element(By.CSS_SELECTOR, "p.why").text


def test_the_docs_page_can_be_tried_and_fetches_nothing_from_elsewhere() -> None:
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.get(f"{url}/docs")
        WebDriverWait(driver, 30).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".opblock-post"))
        driver.find_element(By.CSS_SELECTOR, ".opblock-get .opblock-summary-control").click()
        WebDriverWait(driver, 30).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".try-out__btn"))
        names = "return performance.getEntriesByType('resource').map(entry => entry.name)"
        fetched = driver.execute_script(names)
        assert f"{url}/openapi.json" in fetched
        assert all(name.startswith((url, "data:")) for name in fetched), fetched
        assert driver.get_log("browser") == []


def picture(path: str) -> None:
    """The page with one code read and one spoilt, for the documentation."""
    receipt = np.asarray(Image.open(ROOT / "examples" / "two-codes.jpg").convert("L"))
    data = spoilt(receipt, 245, 474, 70)
    with serve(free_port(), QRCASCADE_PRESETS="classical") as (_, url), browser() as driver:
        driver.set_window_size(1000, 1240)
        driver.get(url)
        for _ in range(2):  # The first reading waits for a worker process to start.
            dropped(driver, ("receipt.png", "image/png", data))
        shot = Image.open(io.BytesIO(driver.get_screenshot_as_png()))
    shot.convert("RGB").quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    picture(sys.argv[1])
