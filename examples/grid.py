"""Draw the pictures of `docs/grid.md`: a crumpled, blurred symbol, and how the grid reader sees it.

The photograph is simulated: no camera took it. ``python examples/grid.py`` writes the pictures again, the
same for the same versions of the libraries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from qrcascade import Cascade, Frame, QRCode, ReadResult
from qrcascade.grid.fit import Patch, lay_grid
from qrcascade.grid.grow import fit_data, fit_finders, fit_timing, grow_outwards
from qrcascade.grid.recentre import recentre_outline
from qrcascade.grid.soft import cancel_leakage

Gray = NDArray[np.uint8]
Field = NDArray[np.float32]

FOLDER = Path(__file__).parents[1] / "docs" / "images"
PAYLOAD = "https://example.com/receipt/2026-004711?total=118.90"
SEED = 24
# Pixels of the photograph's side and of a module; pixels of a module in the other pictures.
SIDE, MODULE, SHOWN = 380, 7.0, 9


def symbol() -> NDArray[np.bool_]:
    """Return what was printed: true for dark modules, shape (N, N)."""
    code = segno.make(PAYLOAD, version=5, error="m", boost_error=False, micro=False)
    return np.array([list(row) for row in code.matrix]) > 0


def _waves(random: np.random.Generator, width: float) -> Field:
    """Return a smooth field over the photograph, about -1 to 1, that changes within so many pixels."""
    noise = random.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), width))
    return smooth / np.float32(2 * smooth.std())


def photograph() -> Gray:
    """Return the symbol on crumpled paper, turned, in uneven light, out of focus; shape (SIDE, SIDE)."""
    random = np.random.default_rng(SEED)
    relief = 60 * _waves(random, 60) + 22 * _waves(random, 28)
    slopes = [np.gradient(relief, axis=axis) for axis in (1, 0)]
    dark = symbol()
    page = np.kron(np.where(np.pad(dark, 4), 30, 238), np.ones((16, 16))).astype(np.uint8)
    turn = np.deg2rad(9)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    # Paper that rises towards the camera shows elsewhere.
    x, y = x + 5 * slopes[0], y + 5 * slopes[1]
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    scale, middle = 16 / MODULE, (len(page) - 1) / 2
    u, v = ((a * scale + middle).astype(np.float32) for a in (u, v))
    small = cv2.GaussianBlur(page, (0, 0), 0.3 * scale)
    seen = cv2.remap(small, u, v, cv2.INTER_LINEAR, borderValue=238).astype(np.float32)
    light = np.clip(0.72 + 0.18 * slopes[0] - 0.13 * slopes[1] + 0.1 * _waves(random, 90), 0.25, 1.05)
    blurred = cv2.GaussianBlur(seen * light, (0, 0), 0.36 * MODULE)
    noise = random.normal(0, 0.8, (SIDE, SIDE))
    shot: Gray = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    return shot


def unwrapped(photo: Gray, code: QRCode) -> Gray:
    """Return the photograph through the code's mesh: each module a square of `SHOWN` pixels."""
    mesh = np.array(code.mesh, np.float32)
    count = len(mesh) - 1
    at = ((np.arange(count * SHOWN) + 0.5) / SHOWN).astype(np.float32)
    columns, rows = np.meshgrid(at, at)
    # Corners of modules are at whole numbers of the mesh.
    x, y = (cv2.remap(np.ascontiguousarray(mesh[..., i]), columns, rows, cv2.INTER_LINEAR) for i in (0, 1))
    return np.asarray(cv2.remap(photo, x, y, cv2.INTER_LINEAR), np.uint8)


def soft_bits(photo: Gray, code: QRCode) -> NDArray[np.float32]:
    """What each module seems to be before the code words correct it, about +1 for dark; shape (N, N)."""
    canvas, poses = recentre_outline(Frame(photo), code.quad)
    pose = next(pose for pose in poses if str(pose.version) == code.version)
    patch = Patch.cut(canvas, canvas.gray, pose)
    fit = fit_timing(fit_finders(lay_grid(canvas, patch, pose)))
    return cancel_leakage(fit_data(grow_outwards(fit)))


def bits_picture(soft: NDArray[Any], dark: NDArray[np.bool_]) -> Image.Image:
    """Soft bits as gray levels; those of the wrong sign, which the code words corrected, in red."""
    gray = np.clip(127.5 - 127.5 * soft, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.kron(gray, np.ones((SHOWN, SHOWN), np.uint8))).convert("RGB")
    draw = ImageDraw.Draw(image)
    for row, column in np.argwhere((soft > 0) != dark).tolist():
        x, y = column * SHOWN, row * SHOWN
        draw.rectangle((x, y, x + SHOWN - 1, y + SHOWN - 1), outline=(220, 0, 0), width=2)
    return image


def read(photo: Gray) -> ReadResult:
    """Other engines locate it; the grid reader reads it."""
    return Cascade.preset("light").read(photo)


def pictures() -> dict[str, Image.Image]:
    """Return every picture by its file name."""
    photo = photograph()
    result = read(photo)
    code = result.require()
    return {
        "grid-photo.png": Image.fromarray(photo),
        "grid-mesh.png": result.draw(mesh=True),
        "grid-unwrapped.png": Image.fromarray(unwrapped(photo, code)),
        "grid-bits.png": bits_picture(soft_bits(photo, code), symbol()),
    }


def main() -> None:
    """Write the pictures for the page, with fewer levels: noise takes most of a file."""
    FOLDER.mkdir(exist_ok=True)
    for name, image in pictures().items():
        coarse = Image.fromarray(np.asarray(image) // 4 * 4)
        coarse.quantize(256, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
