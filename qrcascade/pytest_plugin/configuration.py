"""The options of a run, checked, from the command line and the ini file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qrcascade import Cascade, OptionError, ReadOptions
from qrcascade.reading.options import NUMBER, Formats

__all__ = ["EVERY", "OWN", "Options", "choose_cascade", "resolve_path"]

EVERY = "*"
"""Stands for a tag that every picture has."""
OWN = "own"
"""Stands for a preset: the cascade of the hook ``pytest_qr_cascade``."""
_BASELINE = "qr-baseline.json"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run: see docs/pytest.md."""

    corpus: Path
    # The name of the preset that reads, or `OWN`, and its cascade.
    preset: str
    cascade: Cascade
    # As for `qrcascade.read`; "truth" expects as many codes as the picture should hold.
    expect: int | str | None
    baseline: Path
    # Seconds for each picture; None for no limit.
    timeout: float | None = None
    update: bool = False
    report: Path | None = None
    # Smallest share, 0 to 1, of a tag's pictures that must be read.
    floors: Mapping[str, float] = field(default_factory=dict)
    # Time budget of the readings, in multiples of the time of bare zxing-cpp.
    time_ratio: float | None = None
    formats: Formats = ReadOptions().formats

    @classmethod
    def from_config(cls, config: pytest.Config) -> Options:
        """Return the options of pytest's configuration; the command line takes precedence.

        Raises `OptionError` if a value is invalid; the message says which are valid.
        """
        option = config.option
        corpus = resolve_path(config, "qr_corpus")
        if not corpus.is_dir():
            raise OptionError(f"--qr-corpus must be a folder, got {str(corpus)!r}")
        return cls(
            corpus,
            *choose_cascade(config),
            _parse_expect(option.qr_expect or config.getini("qr_expect")),
            resolve_path(config, "qr_baseline", corpus / _BASELINE),
            _parse_timeout(option.qr_timeout or config.getini("qr_timeout")),
            option.qr_update_baseline,
            Path(config.invocation_params.dir, option.qr_report) if option.qr_report else None,
            _parse_floors(config.getini("qr_floor")),
            _parse_ratio(config.getini("qr_time_ratio")),
            _parse_formats(option.qr_formats or config.getini("qr_formats")),
        )


def choose_cascade(config: pytest.Config) -> tuple[str, Cascade]:
    """Return the name of the preset that reads, and its cascade."""
    if not (preset := config.option.qr_preset):
        own: object = config.hook.pytest_qr_cascade(config=config)
        if isinstance(own, Cascade):
            return OWN, own
        if own is not None:
            raise OptionError(f"pytest_qr_cascade must return a qrcascade.Cascade or None, got {own!r}")
        preset = config.getini("qr_preset")
    return preset, Cascade.preset(preset)


def resolve_path(config: pytest.Config, name: str, default: Path = Path()) -> Path:
    """Return a path: relative to where pytest was started, or to the ini file if it is given there."""
    if given := getattr(config.option, name):
        return Path(config.invocation_params.dir, given).resolve()
    if given := config.getini(name):
        return Path(config.inipath.parent if config.inipath else config.rootpath, given).resolve()
    return default


def _parse_expect(value: str) -> int | str | None:
    if not value:
        return None
    if value in ("all", "truth"):
        return value
    if re.fullmatch(NUMBER, value):
        return int(value)
    raise OptionError(f'--qr-expect must be a positive number of codes, "all" or "truth", got {value!r}')


def _parse_timeout(value: str) -> float | None:
    seconds = _parse_number(value)
    if seconds is None or seconds < 0:
        raise OptionError(f"--qr-timeout must be 0 (no limit) or a number of seconds, got {value!r}")
    return ReadOptions(timeout=seconds or None).timeout


def _parse_formats(value: Any) -> Formats:
    return ReadOptions(formats=value).formats if value else ReadOptions().formats


def _parse_floors(lines: Iterable[str]) -> dict[str, float]:
    floors = {}
    for line in lines:
        tag, _, share = line.rpartition(":")
        floor = _parse_number(share)
        if not tag.strip() or floor is None or not 0 <= floor <= 1:
            raise OptionError(f"a line of qr_floor must be 'TAG: SHARE', a share from 0 to 1, got {line!r}")
        floors[tag.strip()] = floor
    return floors


def _parse_ratio(value: str) -> float | None:
    if not value:
        return None
    ratio = _parse_number(value)
    if ratio is None or not 0 < ratio < math.inf:
        raise OptionError(f"qr_time_ratio must be a positive number, got {value!r}")
    return ratio


def _parse_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
