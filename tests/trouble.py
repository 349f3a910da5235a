"""Pictures with one known kind of trouble each, at severities around the one where reading ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from qrcascade import Cascade, ClassicalStrategy
from qrcascade.image.frame import Gray
from tests import unread
from tests.test_grid_segments import drawn, stream

WORDS = {
    "small": "Too small",
    "blur": "Blurred",
    "motion": "Blurred",
    "glare": "Glare",
    "shadow": "Deep shadow",
    "cut": "Cut off",
    "faint": "Faint",
    "quiet": "No quiet zone",
    "inverted": "No quiet zone",
    "damaged": "Damaged",
    "covered": "Covered",
    "other": "Not a QR code",
    "micro": "Not asked for",
    "empty": "Nothing to read",
    "refused": "Not accepted",
    "tiny": "Tiny picture",
    "blank": "Blank",
    "none": "No code was found",
}
"""How the sentence about each cause begins."""

OTHERS = {
    "DataMatrix": "Data Matrix",
    "EAN13": "EAN-13",
    "PDF417": "PDF417",
    "Aztec": "Aztec",
    "Code128": "Code 128",
}


SURVEYED = Cascade([ClassicalStrategy(survey=True)])
"""What locates as `light` does, and reads less."""


def named(said: str) -> list[str]:
    """Return the causes that an explanation names, in order."""
    return re.findall("|".join(sorted(map(re.escape, set(WORDS.values())))), said)


@dataclass(frozen=True)
class Case:
    """A picture, how to read it, and what the explanation is to name: the first cause, and a word in it."""

    kind: str
    severity: Any
    gray: Gray
    options: dict[str, Any] = field(default_factory=dict)
    word: str = ""


def cases(seed: int = 0) -> Iterator[Case]:
    """Yield every kind at every severity; the seed changes print, noise, angle and place."""
    for kind, (_, severities) in _KINDS.items():
        yield from (case(kind, severity, 31 * seed + i) for i, severity in enumerate(severities))


def case(kind: str, severity: Any = None, seed: int = 0) -> Case:
    """Return one kind at one severity; by default at the middle one."""
    make, severities = _KINDS[kind]
    severity = severities[len(severities) // 2] if severity is None else severity
    made = make(severity, seed)
    return made if isinstance(made, Case) else Case(kind, severity, made)


def _angle(seed: int) -> float:
    return float(np.random.default_rng(seed).uniform(-12, 12))


def _small(module: float, seed: int) -> Gray:
    return unread.picture(module, seed=seed, blur=0.35 * module + 0.2, angle=_angle(seed))


def _blurred(modules: float, seed: int) -> Gray:
    return unread.picture(5, seed=seed, blur=5 * modules, angle=_angle(seed))


def _moved(modules: float, seed: int) -> Gray:
    """Moved by so many modules in some direction."""
    length = round(5 * modules)
    kernel = np.zeros((2 * length + 1,) * 2, np.float32)
    turn = np.random.default_rng(seed).uniform(0, np.pi)
    way = length / 2 * np.array([np.cos(turn), np.sin(turn)])
    low, high = (tuple(int(v) for v in np.rint(length + s * way)) for s in (-1, 1))
    cv2.line(kernel, low, high, 1.0, 1)
    gray = unread.picture(5, seed=seed, noise=0)
    moved = np.asarray(cv2.filter2D(gray, -1, kernel / kernel.sum()))
    return (moved + np.random.default_rng(seed).normal(0, 2, moved.shape)).clip(0, 255).astype(np.uint8)


def _glare(width: float, seed: int) -> Gray:
    middle = float(np.random.default_rng(seed).uniform(0.4, 0.65))
    return unread.picture(6, seed=seed, spoil=unread.glare(width, middle), angle=_angle(seed))


def _shadow(share: float, seed: int) -> Gray:
    return unread.picture(6, seed=seed, spoil=unread.shadow(share), angle=_angle(seed))


def _cut(modules: float, seed: int) -> Gray:
    def right(quad: Any) -> tuple[float, float, float, float]:
        return 0, 0, max(x for x, _ in quad) - 5 * modules, 800

    def left(quad: Any) -> tuple[float, float, float, float]:
        return min(x for x, _ in quad) + 5 * modules, 0, 700, 800

    def top(quad: Any) -> tuple[float, float, float, float]:
        return 0, min(y for _, y in quad) + 5 * modules, 700, 800

    return unread.picture(5, seed=seed, window=(right, left, top)[seed % 3], angle=_angle(seed))


def _faint(levels: float, seed: int) -> Gray:
    def spoil(print_: Gray, _module: float) -> None:
        share = (print_.astype(float) - unread.INK) / (unread.PAPER - unread.INK)
        print_[:] = np.rint(unread.PAPER - levels * (1 - share))

    return unread.picture(5, seed=seed, spoil=spoil, angle=_angle(seed), noise=2.0)


def _no_quiet_zone(level: int, seed: int, inverted: bool = False) -> Gray:
    """On a ground of one level, without its margin."""

    def spoil(print_: Gray, module: float) -> None:
        if inverted:
            print_[:] = unread.PAPER - (print_ - np.uint8(unread.INK))
        edge = round(4 * module)
        inner = print_[edge:-edge, edge:-edge].copy()
        print_[:] = level
        print_[edge:-edge, edge:-edge] = inner

    return unread.picture(5, seed=seed, spoil=spoil, angle=_angle(seed))


def _inverted(level: int, seed: int) -> Gray:
    return _no_quiet_zone(level, seed, inverted=True)


def _damaged(share: float, seed: int) -> Gray:
    """So many modules turned, finder patterns left alone."""

    def spoil(print_: Gray, module: float) -> None:
        count = round(len(print_) / module) - 8
        wrong = np.random.default_rng(seed).random((count, count)) < share
        wrong[:9, :9] = wrong[:9, -9:] = wrong[-9:, :9] = False
        wrong[6] = wrong[:, 6] = False
        fine = cv2.resize(np.pad(wrong, 4).astype(np.uint8), print_.shape, interpolation=cv2.INTER_NEAREST)
        whole = fine > 0
        print_[whole] = np.uint8(unread.PAPER) - (print_[whole] - np.uint8(unread.INK))

    return unread.picture(5, seed=seed, spoil=spoil, angle=_angle(seed))


def _covered(share: float, seed: int) -> Gray:
    """A gray label over the middle, its side a share of the symbol's."""

    def spoil(print_: Gray, module: float) -> None:
        side = share * (len(print_) - 8 * module)
        start, end = round((len(print_) - side) / 2), round((len(print_) + side) / 2)
        print_[start:end, start:end] = 140

    return unread.picture(5, seed=seed, spoil=spoil, angle=_angle(seed))


def _placed(print_: Gray, seed: int, at: tuple[int, int] = (160, 260)) -> Gray:
    """On a printed page, as a camera sees it."""
    gray = unread.page(seed)
    gray[at[1] : at[1] + print_.shape[0], at[0] : at[0] + print_.shape[1]] = print_
    noisy = cv2.GaussianBlur(gray, (0, 0), 0.6) + np.random.default_rng(seed).normal(0, 2, gray.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def _barcode(name: str, text: str, scale: int) -> Gray:
    import zxingcpp

    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name))
    drawn_ = np.array(made.to_image(scale=scale))
    padded = np.pad(drawn_, 4 * scale, constant_values=255)
    return (padded.astype(int) * (unread.PAPER - unread.INK) // 255 + unread.INK).astype(np.uint8)


def _other(name: str, seed: int) -> Case:
    return Case("other", name, _placed(_barcode(name, "5901234123457", 2), seed), word=OTHERS[name])


def _micro(name: str, seed: int) -> Case:
    word = {"MicroQRCode": "Micro QR", "RMQRCode": "rMQR"}[name]
    return Case("micro", name, _placed(_barcode(name, "12345", 4), seed), word=word)


def _empty(bits: str, seed: int) -> Gray:
    return _placed(drawn(stream(bits)), seed)


def _refused(text: str, seed: int) -> Case:
    options = {"accept": lambda _text: False}
    return Case("refused", text, unread.picture(4, seed=seed, text=text), options, text[:20])


def _tiny(side: int, seed: int) -> Gray:
    """A whole page, as small as an icon."""
    gray = unread.picture(5, seed=seed)
    return np.asarray(cv2.resize(gray, (side, side * 8 // 7), interpolation=cv2.INTER_AREA), np.uint8)


def _blank(noise: float, seed: int) -> Gray:
    gray = np.random.default_rng(seed).normal(200, noise, (500, 400))
    return gray.clip(0, 255).astype(np.uint8)


def _none(_: int, seed: int) -> Gray:
    return unread.picture(0, seed=seed, angle=_angle(seed))


_KINDS: dict[str, tuple[Callable[[Any, int], Gray | Case], tuple[Any, ...]]] = {
    "small": (_small, (1.0, 1.2, 1.35, 1.5, 1.7)),
    "blur": (_blurred, (0.7, 0.85, 1.0, 1.3, 1.6)),
    "motion": (_moved, (2.5, 3.0, 3.5, 4.0, 5.0)),
    "glare": (_glare, (0.2, 0.24, 0.28, 0.33)),
    "shadow": (_shadow, (0.3, 0.35, 0.4, 0.5)),
    "cut": (_cut, (4, 6, 9, 11, 15)),
    "faint": (_faint, (3, 4, 6, 8, 12)),
    "quiet": (_no_quiet_zone, (unread.INK, 5, 60)),
    "inverted": (_inverted, (unread.PAPER, 255, 200)),
    "damaged": (_damaged, (0.1, 0.15, 0.2, 0.3)),
    "covered": (_covered, (0.35, 0.42, 0.5, 0.6)),
    "other": (_other, tuple(OTHERS)),
    "micro": (_micro, ("MicroQRCode", "RMQRCode")),
    "empty": (_empty, ("0100" + "0" * 8, "0000", "0010" + "0" * 9)),
    "refused": (_refused, ("https://example.com/1", "12345678", "A")),
    "tiny": (_tiny, (40, 55, 70, 85)),
    "blank": (_blank, (0.0, 1.0, 2.5)),
    "none": (_none, (0, 1, 2)),
}
