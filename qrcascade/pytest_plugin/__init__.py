"""The pytest plugin: a folder of pictures as tests, and two fixtures. See `docs/pytest.md`.

Every pytest run on a machine with qrcascade loads this module, so it imports nothing but pytest. Everything
else is imported on demand: for ``--qr-corpus``, the ini option ``qr_corpus`` or a fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from qrcascade import Cascade
    from qrcascade.profile.pictures import Picture

__all__ = ["make_qr", "pytest_addhooks", "pytest_addoption", "pytest_configure", "qr_cascade"]


class _Hooks:
    """Hooks that a ``conftest.py`` may define."""

    @pytest.hookspec(firstresult=True)
    def pytest_qr_cascade(self, config: pytest.Config) -> Cascade | None:
        """Return the cascade that reads the corpus, unless ``--qr-preset`` names a preset."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks."""
    pluginmanager.add_hookspecs(_Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("qrcascade", "QR codes (qrcascade)")
    add = group.addoption
    add("--qr-corpus", metavar="DIR", help="Collect the pictures in this folder as tests.")
    add(
        "--qr-preset",
        metavar="NAME",
        help="Read the corpus with this preset, and in the fixture qr_cascade.",
    )
    add(
        "--qr-expect",
        metavar="N|all|truth",
        help="Look for this many codes in each picture; truth: as many as its truth file has.",
    )
    add("--qr-formats", metavar="NAMES", help="Read these symbologies, with commas between them, or all.")
    add(
        "--qr-timeout",
        metavar="SECONDS",
        help="Give up on a picture after this many seconds, by default 30; 0 means never.",
    )
    add(
        "--qr-baseline",
        metavar="FILE",
        help="Compare with the readings in this file; by default qr-baseline.json in the corpus.",
    )
    add("--qr-update-baseline", action="store_true", help="Record what was read as the baseline.")
    add("--qr-report", metavar="FILE", help="Write an HTML report, one self-contained file.")
    parser.addini("qr_corpus", "Same as --qr-corpus, relative to the ini file.")
    parser.addini("qr_preset", "Same as --qr-preset.", default="thorough")
    parser.addini("qr_expect", "Same as --qr-expect.")
    parser.addini("qr_formats", "Same as --qr-formats.")
    parser.addini("qr_timeout", "Same as --qr-timeout.", default="30")
    parser.addini("qr_baseline", "Same as --qr-baseline, relative to the ini file.")
    parser.addini("qr_floor", "Lines 'TAG: SHARE': the least share of a tag's pictures to read.", "linelist")
    parser.addini("qr_time_ratio", "Time budget of all readings, in multiples of bare zxing-cpp's time.")


def pytest_configure(config: pytest.Config) -> None:
    """Set up the corpus, if there is one."""
    option = config.option
    if option.qr_corpus or config.getini("qr_corpus"):
        from qrcascade.pytest_plugin import corpus_run

        corpus_run.start(config)
    elif option.qr_report or option.qr_update_baseline or option.qr_baseline:
        raise pytest.UsageError("--qr-report and the baseline's options need --qr-corpus or qr_corpus")


@pytest.fixture(scope="session")
def qr_cascade(pytestconfig: pytest.Config) -> Cascade:
    """Cascade from ``--qr-preset``, ``pytest_qr_cascade`` or ``qr_preset``, by default "thorough"."""
    from qrcascade.pytest_plugin.configuration import choose_cascade

    return choose_cascade(pytestconfig)[1]


@pytest.fixture(scope="session")
def make_qr() -> Callable[..., Picture]:
    """Function that makes a picture of a code under a graded condition.

    ``make_qr(condition="sharp", severity=0.0, *, text=None, seed=0)`` returns a picture with the bytes of
    the JPEG in ``file`` and the texts of its codes in ``texts``; see `qrcascade.profile.pictures.draw`.
    """

    def make(
        condition: str = "sharp", severity: float = 0.0, *, text: str | None = None, seed: int = 0
    ) -> Picture:
        from qrcascade.profile.pictures import draw

        return draw(condition, severity, text=text, seed=seed)

    return make
