"""Texts of other engines against modules: the true one is borne out through noise, a false one never."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from qrcascade import Attempt, Frame, QRCode, Quad, Scan
from qrcascade.engines import confidence
from qrcascade.grid import codewords, evidence, verify
from qrcascade.grid.codewords import Decoded
from qrcascade.grid.reader import Stages
from qrcascade.reading.executor import LocalExecutor, run_plan
from qrcascade.strategies.regions import continue_grid, verify_codes
from qrcascade.symbology.layout import blocks, interleaving, layout
from tests import warp
from tests.rows import slowly, thinned

Soft = NDArray[np.float64]

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789/:.-"
SYMBOLS = [
    (1, "L"),
    (1, "M"),
    (1, "H"),
    (2, "M"),
    (3, "L"),
    (4, "Q"),
    (5, "Q"),
    (7, "L"),
    (8, "H"),
    (14, "M"),
]


def symbol(random: np.random.Generator, version: int, level: str, filled: float = 1.0) -> tuple[str, Soft]:
    """A random text and the modules, +1 and -1, of a symbol that it fills so far."""
    room = sum(inner for _, inner in blocks(version, level)) - 3
    text = "".join(random.choice(list(LETTERS), max(3, int(room * filled))))
    code = segno.make(text, version=version, error=level, mode="byte", boost_error=False, micro=False)
    return text, np.array([list(row) for row in code.matrix], float) * 2 - 1


def changed(random: np.random.Generator, text: str) -> str:
    """The text with one character replaced."""
    i = int(random.integers(len(text)))
    other = random.choice([c for c in LETTERS if c != text[i]])
    return text[:i] + str(other) + text[i + 1 :]


def damaged(random: np.random.Generator, modules: Soft, version: int, level: str, share: float) -> Soft:
    """The symbol with as many random codewords in each block as this share of its parity."""
    soft = modules.copy()
    block, _ = interleaving(version, level)
    count = int(share * np.subtract(*blocks(version, level)[0]))
    for i in range(block.max() + 1):
        for place in random.choice(np.flatnonzero(block == i), count, replace=False):
            cells = tuple(layout(version).order[8 * place : 8 * place + 8].T)
            # Four of eight bits: what a random codeword has on average.
            soft[cells] *= random.permutation([-1, -1, -1, -1, 1, 1, 1, 1])
    return soft


@pytest.mark.parametrize(("version", "level"), SYMBOLS)
def test_the_true_text_of_a_clean_symbol(version: int, level: str) -> None:
    text, modules = symbol(np.random.default_rng(version), version, level, 0.8)
    found = verify.verify_text(modules, version, text)
    assert found is not None
    assert (found.payload.text, found.payload.data) == (text, text.encode())
    assert (found.version, found.level, found.errors) == (version, level, 0)
    assert (found.modules == modules).all()
    # Never more than the parity is worth.
    parity = sum(total - inner for total, inner in blocks(version, level))
    assert 28 <= found.evidence_bits <= 8 * parity
    assert 0.9 < found.confidence <= 0.999


@pytest.mark.parametrize(
    ("version", "level", "sigma"), [(2, "M", 0.6), *slowly((3, "Q", 0.65), (10, "M", 0.6))]
)
def test_it_bears_more_noise_than_decoding(version: int, level: str, sigma: float) -> None:
    random = np.random.default_rng([version, 1])
    borne_out = decoded = 0
    for _ in range(10):
        text, modules = symbol(random, version, level, 0.8)
        soft = modules + random.normal(0, sigma, modules.shape)
        found = verify.verify_text(soft, version, text, hypotheses=6)
        borne_out += found is not None and found.payload.text == text
        decoded += isinstance(codewords.decode(soft, version, hypotheses=6), Decoded)
    assert borne_out >= 9
    assert decoded <= borne_out - 3


@pytest.mark.parametrize(("version", "level"), thinned(SYMBOLS, 5))
def test_a_false_text_is_never_borne_out(version: int, level: str) -> None:
    """One character changed, and another text of the same length: clean, noisy, blurred and damaged."""
    random = np.random.default_rng([version, 2])
    for i in range(12):
        text, modules = symbol(random, version, level, float(random.uniform(0.3, 1)))
        soft = modules + random.normal(0, 0.3 * (i % 4), modules.shape)
        soft *= 1.0 if i % 3 else 0.3
        if i % 5 == 0:
            soft = damaged(random, soft, version, level, 0.6)
        other = "".join(random.choice(list(LETTERS), len(text)))
        for false in (changed(random, text), other, text[:-1], text + "x"):
            assert verify.verify_text(soft, version, false) is None


@pytest.mark.parametrize(("version", "level"), thinned(SYMBOLS, 4))
def test_what_an_engine_could_have_made_up_is_not_borne_out(version: int, level: str) -> None:
    """Modules so far from the text that Reed-Solomon decoding comes as near to one wherever it looks."""
    random = np.random.default_rng([version, 3])
    for _ in range(5):
        text, modules = symbol(random, version, level)
        assert verify.verify_text(damaged(random, modules, version, level, 0.5), version, text) is None


@pytest.mark.parametrize("version", [3, 7])
def test_each_of_several_blocks_must_agree(version: int) -> None:
    level = "Q"
    random = np.random.default_rng(version)
    text, modules = symbol(random, version, level)
    block, _ = interleaving(version, level)
    cells = tuple(layout(version).order[np.repeat(block == 1, 8)].T)
    for lost in (0.0, random.choice([-1.0, 1.0], len(cells[0]))):
        soft = modules.copy()
        soft[cells] = lost
        assert verify.verify_text(soft, version, text) is None


def test_nothing_is_borne_out_where_nothing_is() -> None:
    random = np.random.default_rng(4)
    for version in (1, 2, 5):
        text, modules = symbol(random, version, "M")
        for soft in (np.zeros_like(modules), np.ones_like(modules), random.normal(0, 1, modules.shape)):
            assert verify.verify_text(soft, version, text) is None
        assert verify.verify_text(modules, version, "x" * 3000) is None
        assert verify.verify_text(modules, version, "") is None


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
def test_the_ratio_of_claim_to_chance_is_1_on_average(spread: float) -> None:
    draws = np.random.default_rng(5).normal(0, spread, 200_000)
    both = np.concatenate([draws, -draws])
    assert np.exp2(evidence.log_ratio(both)).mean() == pytest.approx(1.0)
    assert evidence.log_ratio(np.zeros(1)) == 0.0


@pytest.mark.parametrize(
    ("text", "options", "read_as"),
    [
        ("Grüße, Jörg!", {"encoding": "utf-8"}, "latin-1"),
        ("点茗漢字", {"mode": "kanji"}, "latin-1"),
        ("für Jörg", {"encoding": "utf-8"}, "big5"),
        ("Grüße, Jörg!", {"encoding": "latin-1"}, "latin-1"),
        ("Grüße, Jörg!", {"encoding": "utf-8", "eci": True}, "utf-8"),
    ],
)
def test_a_text_in_the_wrong_character_set_gives_exact_bytes(
    text: str, options: dict[str, Any], read_as: str
) -> None:
    code = segno.make(text, version=4, error="M", boost_error=False, **options)
    modules = np.array([list(row) for row in code.matrix], float) * 2 - 1
    data = text.encode("shift_jis" if "mode" in options else str(options["encoding"]))
    found = verify.verify_text(modules, 4, data.decode(read_as))
    assert found is not None
    assert (found.payload.data, found.payload.text) == (data, text)


TEXT = "https://example.com/verify?4711"


def scan_of(frame: Frame, *codes: QRCode) -> Scan:
    """A scan after an engine has read these codes, one attempt each, and the grid was asked."""
    scan = Scan(frame)
    executor = LocalExecutor(frame, scan.formats)
    for code in codes:
        read = Attempt("test", "zbar", "raw", codes=(code,))
        scan.record(read)
        list(run_plan("test", verify_codes(scan, read), scan, executor))
    return scan


def claim(text: str, quad: Quad, engine: str = "zbar", data: bytes | None = None) -> QRCode:
    return QRCode(text, quad, confidence.of_engine(engine), data, engine)


def steps(scan: Scan) -> list[str]:
    return [attempt.step for attempt in scan.attempts]


@pytest.mark.parametrize("engine", ["zbar", "qreader", "opencv", "aruco"])
def test_the_grid_says_the_same(engine: str) -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", noise=5, boost_error=False).mirrored()
    scan = scan_of(drawn.frame, claim(TEXT, drawn.quad, engine))
    assert steps(scan) == ["zbar raw", "grid fit gray"]
    (code,) = scan.codes
    assert (code.text, code.data, code.version, code.ec_level) == (TEXT, TEXT.encode(), "3", "M")
    assert code.mirrored is True
    assert code.evidence_bits is not None
    assert code.evidence_bits > 28
    assert code.confidence > 0.99
    assert scan.settled


@pytest.mark.parametrize(("version", "level", "way"), [(3, "L", warp.flat), (5, "M", warp.cylinder)])
def test_the_grid_bears_out_what_it_cannot_say(version: int, level: str, way: warp.Displacement) -> None:
    drawn = warp.symbol(
        TEXT * (version // 2), way, version=version, error=level, module=2.5, noise=120, boost_error=False
    )
    scan = scan_of(drawn.frame, claim(TEXT * (version // 2), drawn.quad))
    assert steps(scan) == ["zbar raw", "grid fit gray", "grid verify"]
    (code,) = scan.codes
    assert (code.data, code.version) == (TEXT.encode() * (version // 2), str(version))
    assert code.evidence_bits is not None
    assert code.confidence >= 0.999
    assert code.mesh is not None


def test_the_grid_contradicts() -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", noise=5, boost_error=False)
    scan = scan_of(drawn.frame, claim(TEXT[:-1] + "2", drawn.quad))
    assert [code.text for attempt in scan.attempts for code in attempt.codes] == [TEXT[:-1] + "2", TEXT]
    (shown,) = scan.codes
    assert shown.text == TEXT
    assert shown.confidence > 0.99


def test_what_the_grid_cannot_bear_out_keeps_its_confidence_and_is_asked_once() -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", scrambled=True, boost_error=False)
    code = claim(TEXT, drawn.quad)
    scan = scan_of(drawn.frame, code, code, claim("other", drawn.quad))
    first, *looks = steps(scan_of(drawn.frame, code))
    assert first == "zbar raw"
    assert looks[:4] == ["grid fit gray", "grid verify", "grid local gray", "grid verify"]
    assert steps(scan) == [first, *looks, "zbar raw", "zbar raw", "grid verify"]
    assert not scan.settled
    assert scan_of(drawn.frame, code).codes[0].confidence == confidence.of_engine("zbar")


def test_a_bad_grid_of_a_region_there_is_no_hindrance() -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", noise=5, boost_error=False)
    off = Quad.of(np.asarray(drawn.quad) + 0.3 * drawn.quad.side)
    scan = Scan(drawn.frame)
    executor = LocalExecutor(drawn.frame, scan.formats)
    for _ in range(3):
        if (step := continue_grid(scan, off)) is not None:
            scan.record(executor.run("test", step))
    assert off.same_place(drawn.quad)
    read = Attempt("test", "zbar", "raw", codes=(claim(TEXT, drawn.quad),))
    scan.record(read)
    list(run_plan("test", verify_codes(scan, read), scan, executor))
    assert scan.codes[0].data == TEXT.encode()


def test_a_grid_that_says_something_bears_out_nothing_else() -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", noise=5, boost_error=False)
    ways = Stages(drawn.frame, drawn.quad)
    assert next(ways).run() is not None
    assert ways.verify(TEXT[:-1] + "2") is None
    assert ways.verify(TEXT) is not None


def test_exact_bytes_and_sure_places_are_left_alone() -> None:
    drawn = warp.symbol(TEXT, version=3, error="M", boost_error=False)
    exact = QRCode(TEXT, drawn.quad, 0.95, TEXT.encode(), "zxing")
    assert steps(scan_of(drawn.frame, exact, claim(TEXT, drawn.quad))) == ["zbar raw", "zbar raw"]
    nowhere = Quad.of([(-90, -90), (-50, -90), (-50, -50), (-90, -50)])
    assert steps(scan_of(drawn.frame, claim(TEXT, nowhere))) == ["zbar raw"]
