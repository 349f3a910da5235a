"""The pytest plugin: a folder of pictures as tests, and two fixtures. `docs/pytest.md` says how.

Every pytest run on a machine with qrcascade loads this module, so it imports nothing but pytest: all else
comes with ``--qr-corpus``, the ini option ``qr_corpus`` or a fixture.
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
    """What a ``conftest.py`` may define."""

    @pytest.hookspec(firstresult=True)
    def pytest_qr_cascade(self, config: pytest.Config) -> Cascade | None:
        """Give the cascade that reads the corpus, where ``--qr-preset`` does not say who."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Say which hooks there are."""
    pluginmanager.add_hookspecs(_Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which options there are."""
    group = parser.getgroup("qrcascade", "QR codes (qrcascade)")
    add = group.addoption
    add("--qr-corpus", metavar="DIR", help="Collect the pictures in this folder as tests.")
    add("--qr-preset", metavar="NAME", help="Preset that reads them, and of the fixture qr_cascade.")
    add("--qr-expect", metavar="N|all|truth", help="expect= of the readings; truth: what each should hold.")
    add("--qr-baseline", metavar="FILE", help="What was read before; by default DIR/qr-baseline.json.")
    add("--qr-update-baseline", action="store_true", help="Record what was read as the baseline.")
    add("--qr-report", metavar="FILE", help="Write an HTML report, one self-contained file.")
    parser.addini("qr_corpus", "As --qr-corpus, from the ini file's folder.")
    parser.addini("qr_preset", "As --qr-preset.", default="thorough")
    parser.addini("qr_expect", "As --qr-expect.")
    parser.addini("qr_baseline", "As --qr-baseline, from the ini file's folder.")
    parser.addini("qr_floor", "Lines 'TAG: SHARE': the share of a tag's pictures to be read.", "linelist")
    parser.addini("qr_time_ratio", "How many times bare zxing-cpp's time the readings may take.")


def pytest_configure(config: pytest.Config) -> None:
    """Take the corpus in, where there is one."""
    option = config.option
    if option.qr_corpus or config.getini("qr_corpus"):
        from qrcascade.pytest_plugin import corpus_run

        corpus_run.start(config)
    elif option.qr_report or option.qr_update_baseline or option.qr_baseline:
        raise pytest.UsageError("--qr-report and the baseline's options need --qr-corpus, or qr_corpus")


@pytest.fixture(scope="session")
def qr_cascade(pytestconfig: pytest.Config) -> Cascade:
    """Who reads a corpus: of ``--qr-preset``, ``pytest_qr_cascade`` or ``qr_preset``; else "thorough"."""
    from qrcascade.pytest_plugin.configuration import reader

    return reader(pytestconfig)[1]


@pytest.fixture(scope="session")
def make_qr() -> Callable[..., Picture]:
    """Make a picture of a code under a graded condition.

    ``make_qr(condition="sharp", severity=0.0, *, text=None, seed=0)`` gives a picture with the JPEG's
    bytes in ``file`` and its codes' texts in ``texts``: see `qrcascade.profile.pictures.drawn`.
    """

    def make(
        condition: str = "sharp", severity: float = 0.0, *, text: str | None = None, seed: int = 0
    ) -> Picture:
        from qrcascade.profile.pictures import drawn

        return drawn(condition, severity, text=text, seed=seed)

    return make
