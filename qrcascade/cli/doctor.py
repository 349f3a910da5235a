"""The command line: ``qrcascade doctor``. What works on this machine, and what could be added."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

import click
import numpy as np

from qrcascade.engines import engine
from qrcascade.errors import QRCascadeError, in_words
from qrcascade.neural import runtimes, weights
from qrcascade.report.words import escape

__all__ = ["Check", "doctor", "run_checks"]

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
# What extras add: the module to import, the packages to name, the command.
_PDF = "PDF", ("pypdfium2",), ("pypdfium2",), "pip install pypdfium2"
_ADDITIONS = (
    ("HEIC", ("pillow_heif",), ("pillow-heif",), "pip install 'qrcascade[heif]'"),
    ("Parquet", ("pyarrow",), ("pyarrow",), "pip install 'qrcascade[parquet]'"),
    (
        "server",
        ("fastapi", "uvicorn", "prometheus_client"),
        ("fastapi", "uvicorn"),
        "pip install 'qrcascade[server]'",
    ),
)


@click.command(short_help="Show what works here, and what to add.")
def doctor() -> None:
    """Report what works on this machine, how to fix what does not, and what could be added.

    Each line begins with "ok", with "no" if something is broken or missing, or with "add" if it is optional
    and not installed. The exit code is 0 if at least one engine works, else 1.
    """
    checks = list(run_checks())
    for check in checks:
        click.echo(f"{check.state:<4}{check.name:<10} {escape(check.detail, backslash=False)}")
    sys.exit(0 if any(check.ok for check in checks[: len(_ENGINES)]) else 1)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one part: its version and location, or the fault and its remedy.

    What is ``optional`` can be added if it is not ``ok``; anything else needs fixing.
    """

    name: str
    ok: bool
    detail: str
    optional: bool = False

    @property
    def state(self) -> str:
        """The result in one word."""
        return "ok" if self.ok else "add" if self.optional else "no"


def run_checks() -> Iterator[Check]:
    """Try every engine on an empty picture, and look for each extra's packages and each tier's weights.

    Loads no model, imports no model runtime, and fetches and records nothing.
    """
    for name, package in _ENGINES:
        yield _check_engine(name, package)
    installed = [name for name in _CV2_PACKAGES if _version(name)]
    if len(installed) > 1:
        mend = f"pip uninstall -y {' '.join(installed)} && pip install opencv-python"
        clash = f"{' and '.join(installed)} overwrite each other's files"
        yield Check("cv2", False, f"{clash}; to fix it: {mend}")
    yield _check_packages(*_PDF, optional=False)
    for addition in _ADDITIONS:
        yield _check_packages(*addition)
    for runtime in runtimes.RUNTIMES:
        yield _check_runtime(runtime)
    for size in weights.SIZES:
        if not runtimes.find_missing(runtimes.choose(size)):
            yield _check_tier(size)


def _check_packages(
    name: str, modules: Sequence[str], packages: Sequence[str], command: str, optional: bool = True
) -> Check:
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if len(missing) == len(modules):
        aim = "add" if optional else "fix"
        return Check(name, False, f"not installed; to {aim} it: {command}", optional)
    try:
        for module in modules:
            importlib.import_module(module)
    except Exception as error:
        return Check(name, False, f"it is broken: {in_words(error)}; to fix it: {command}")
    return Check(name, True, ", ".join(f"{package} {_version(package)}" for package in packages))


def _check_runtime(runtime: str) -> Check:
    missing = runtimes.find_missing(runtime)
    if missing:
        what = (
            f"{' and '.join(missing)} not installed; to add QReader in {runtime}: {runtimes.remedy(runtime)}"
        )
        return Check(runtime, False, what, optional=True)
    return Check(runtime, True, ", ".join(f"{name} {_version(name)}" for name in runtimes.PACKAGES[runtime]))


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
