"""What the options and the ini file say, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qrcascade import Cascade, OptionError

__all__ = ["EVERY", "OWN", "Options", "given_path", "reader"]

EVERY = "*"
"""In place of a tag: every picture."""
OWN = "own"
"""In place of a preset: the cascade of the hook ``pytest_qr_cascade``."""
_BASELINE = "qr-baseline.json"


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted of a run.

    Parameters
    ----------
    corpus : Path
        The folder.
    preset : str
        Who reads: a preset, or `OWN`.
    cascade : Cascade
        The same, ready to read.
    expect : None, int, "all" or "truth"
        As for `qrcascade.read`; "truth" is as many as the picture should hold.
    baseline : Path
        The baseline file; there need not be one.
    update : bool
        Whether it is to be written.
    report : Path, optional
        Where the HTML report goes.
    floors : mapping of str to float
        The least share, 0 to 1, of a tag's pictures that is to be read.
    time_ratio : float, optional
        How many times the time of bare zxing-cpp the readings may take.
    """

    corpus: Path
    preset: str
    cascade: Cascade
    expect: int | str | None
    baseline: Path
    update: bool = False
    report: Path | None = None
    floors: Mapping[str, float] = field(default_factory=dict)
    time_ratio: float | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> Options:
        """From pytest's configuration; what the command line says goes first.

        Raises
        ------
        OptionError
            If a value means nothing; it says which would.
        """
        option = config.option
        corpus = given_path(config, "qr_corpus")
        if not corpus.is_dir():
            raise OptionError(f"qr-corpus must be a folder, got {str(corpus)!r}")
        return cls(
            corpus,
            *reader(config),
            _expect(option.qr_expect or config.getini("qr_expect")),
            given_path(config, "qr_baseline", corpus / _BASELINE),
            option.qr_update_baseline,
            Path(config.invocation_params.dir, option.qr_report) if option.qr_report else None,
            _floors(config.getini("qr_floor")),
            _ratio(config.getini("qr_time_ratio")),
        )


def reader(config: pytest.Config) -> tuple[str, Cascade]:
    """Who reads, by name and in person."""
    if not (preset := config.option.qr_preset):
        own: object = config.hook.pytest_qr_cascade(config=config)
        if isinstance(own, Cascade):
            return OWN, own
        if own is not None:
            raise OptionError(f"pytest_qr_cascade must give a qrcascade.Cascade or None, got {own!r}")
        preset = config.getini("qr_preset")
    return preset, Cascade.preset(preset)


def given_path(config: pytest.Config, name: str, default: Path = Path()) -> Path:
    """Of the command line from where pytest was started, of the ini file from where that lies."""
    if given := getattr(config.option, name):
        return Path(config.invocation_params.dir, given).resolve()
    if given := config.getini(name):
        return Path(config.inipath.parent if config.inipath else config.rootpath, given).resolve()
    return default


def _expect(value: str) -> int | str | None:
    if not value:
        return None
    if value in ("all", "truth"):
        return value
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise OptionError(f'qr-expect must be a positive number of codes, "all" or "truth", got {value!r}')


def _floors(lines: Iterable[str]) -> dict[str, float]:
    floors = {}
    for line in lines:
        tag, _, share = line.rpartition(":")
        floor = _number(share)
        if not tag.strip() or floor is None or not 0 <= floor <= 1:
            raise OptionError(f"a line of qr_floor is 'TAG: SHARE', a share from 0 to 1, got {line!r}")
        floors[tag.strip()] = floor
    return floors


def _ratio(value: str) -> float | None:
    if not value:
        return None
    ratio = _number(value)
    if ratio is None or not 0 < ratio < math.inf:
        raise OptionError(f"qr_time_ratio must be a positive number, got {value!r}")
    return ratio


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
