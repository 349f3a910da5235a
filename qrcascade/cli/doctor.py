"""What works on this machine: each engine and tier with its version, or the fault and its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from qrcascade.engines import engine
from qrcascade.errors import QRCascadeError, in_words
from qrcascade.neural import runtimes, weights

__all__ = ["Check", "run_checks"]

_ENGINES = (
    ("zxing", "zxing-cpp"),
    ("zbar", "pyzbar"),
    ("opencv", "opencv-python"),
    ("aruco", "opencv-python"),
)
_CV2_PACKAGES = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one engine or tier: its version and location, or the fault and its remedy."""

    name: str
    ok: bool
    detail: str


def run_checks() -> Iterator[Check]:
    """Try every engine on an empty picture, and look for each tier's packages and weights.

    Loads no model, imports no model runtime, and fetches and records nothing.
    """
    for name, package in _ENGINES:
        yield _check_engine(name, package)
    installed = [name for name in _CV2_PACKAGES if _version(name)]
    if len(installed) > 1:
        mend = f"pip uninstall -y {' '.join(installed)} && pip install opencv-python"
        clash = f"{' and '.join(installed)} overwrite each other's files"
        yield Check("cv2", False, f"{clash}; to fix it: {mend}")
    for size in weights.SIZES:
        yield _check_tier(size)


def _check_engine(name: str, package: str) -> Check:
    try:
        engine(name).read(np.full((32, 32), 255, np.uint8), frozenset(["QRCode"]))
    except QRCascadeError as error:
        return Check(name, False, str(error))
    except Exception as error:
        return Check(name, False, f"{package} {_version(package)} is broken: {in_words(error)}")
    return Check(name, True, f"{package} {_version(package) or '(version unknown)'}")


def _check_tier(size: str) -> Check:
    name = f"QReader {size}"
    try:
        runtime = runtimes.choose(size)
        missing = runtimes.find_missing(runtime)
        if missing:
            mend = runtimes.remedy(runtime)
            return Check(name, False, f"{' and '.join(missing)} not installed; to fix it: {mend}")
        versions = ", ".join(f"{package} {_version(package)}" for package in runtimes.PACKAGES[runtime])
        if runtime != "torch":
            return Check(name, True, f"{versions}, {runtimes.find_export(size, runtime).file}")
        file = weights.path(size)
        if not weights.is_present(file):
            command = f"qrcascade weights fetch --size {size}"
            return Check(name, False, f"no weights at {file}; to fix it: {command}")
        standing = weights.verify(file)
    except QRCascadeError as error:
        return Check(name, False, str(error))
    return Check(name, True, f"{versions}, {file} ({standing})")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
