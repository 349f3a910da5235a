"""Choosing a preset from a profile: constraints, cost per million pictures, number of instances."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

from qrcascade.errors import OptionError, WeightsError
from qrcascade.neural import runtimes, weights
from qrcascade.profile.records import NO_RUNTIME, SHIPPED, Measured, Profile, sizes_of

__all__ = ["USE_CASES", "UTILISATION", "Advice", "UseCase", "advise"]

UTILISATION = 0.7
"""Planned load of an instance, as a share of its capacity; above it, queues grow."""
_DAY_S = 86_400
_ANYWAY = "to choose from everything measured: --all, or installed_only=False"


@dataclass(frozen=True, slots=True)
class UseCase:
    """The constraints of a service; None is no constraint."""

    # Largest resident memory of one process, in MB.
    ram: float | None = None
    # Largest 95th percentile of the time per picture, in milliseconds.
    p95: float | None = None
    # Smallest share of the measured pictures that are read, 0 to 1.
    success: float | None = None
    # Longest time for a fresh process to load, in seconds.
    load: float | None = None


USE_CASES = {
    "invoices": UseCase(ram=2048, p95=2000, success=0.85),
    "high-volume": UseCase(ram=1024, p95=500, success=0.75),
    "serverless": UseCase(ram=1024, p95=1000, load=3),
    "edge": UseCase(ram=512, p95=2000),
    "batch": UseCase(success=0.85),
    "legal": UseCase(),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation from a profile.

    Parameters
    ----------
    row : Measured
        The figures of the configuration; if none fits, those of the nearest miss.
    fits : bool
        Whether it meets every constraint.
    wanted : UseCase
        The constraints.
    misses : tuple of str
        The constraints that it misses, in words.
    per_hour : float
        Pictures per hour that an instance can read with all processors busy.
    cost_per_million : float or None
        Cost of a million pictures, in the currency of the price; None without a price.
    instances : int or None
        Instances for the daily volume, each busy `UTILISATION` of the time; None without a volume.
    reasons : tuple of str
        Explanation in words: the figures, the rule, and caveats about the figures.
    """

    row: Measured
    fits: bool
    wanted: UseCase
    misses: tuple[str, ...]
    per_hour: float
    cost_per_million: float | None
    instances: int | None
    reasons: tuple[str, ...]

    @property
    def preset(self) -> str | None:
        """Name for `Cascade.preset`; None if nothing fits."""
        return self.row.name if self.fits else None

    @property
    def runtime(self) -> str | None:
        """Value for `QRCASCADE_RUNTIME`; "-" if the preset has no network, None if nothing fits."""
        return self.row.runtime if self.fits else None

    def __bool__(self) -> bool:
        """Whether a preset fits."""
        return self.fits

    def __str__(self) -> str:
        """Return the recommendation in words, a few lines."""
        row = self.row
        name = f"{row.name}, runtime {row.runtime}" if row.runtime != NO_RUNTIME else row.name
        lines = [f"preset: {name}" if self.fits else f"nothing fits; the nearest miss is {name}"]
        lines += [f"  misses: {miss}" for miss in self.misses]
        lines += [f"  {reason}" for reason in self.reasons]
        lines.append(f"an instance reads {self.per_hour:,.0f} pictures an hour")
        if self.cost_per_million is not None:
            lines.append(f"a million pictures cost {self.cost_per_million:.2f}")
        if self.instances is not None:
            lines.append(f"instances for the daily volume, 70 % busy: {self.instances}")
        return "\n".join(lines)


def advise(
    *,
    ram: float | None = None,
    p95: float | None = None,
    success: float | None = None,
    load: float | None = None,
    use_case: str | None = None,
    price_per_hour: float | None = None,
    vcpu: float | None = None,
    per_day: float | None = None,
    profile: Profile | str | os.PathLike[str] | None = None,
    installed_only: bool = True,
) -> Advice:
    """Choose a preset and a runtime for what a service needs.

    Of those that meet every constraint, the one that costs the least processor time is chosen if ``success``
    is given; else the one that reads the most, and of several such the cheapest.

    Parameters
    ----------
    ram, p95, success, load : float, optional
        See `UseCase`; these override the constraints of the use case.
    use_case : str, optional, a key of `USE_CASES`
    price_per_hour, vcpu : float, optional
        Price of one instance, and its processors, as fast as those of the profile; by default as many.
    per_day : float, optional
        Pictures per day.
    profile : Profile or path, optional
        By default the one measured on this machine, else the shipped one.
    installed_only : bool
        Leave out what lacks a runtime, weights or an export here.

    Raises
    ------
    OptionError
        If a number is not positive, ``success`` is above 1, or the use case or a preset is missing.
    """
    wanted = _needs({"ram": ram, "p95": p95, "success": success, "load": load}, use_case)
    _check_positive({"price_per_hour": price_per_hour, "vcpu": vcpu, "per_day": per_day})
    return _choose(wanted, profile, price_per_hour, vcpu, per_day, installed_only)


def _check_positive(given: dict[str, float | None]) -> None:
    for name, value in given.items():
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise OptionError(f"{name} must be a positive number, got {value!r}")


def _needs(given: dict[str, float | None], use_case: str | None) -> UseCase:
    """Return the given constraints, filled up with those of the use case."""
    _check_positive(given)
    success = given["success"]
    if success is not None and success > 1:
        raise OptionError(f"success must be between 0 and 1, got {success!r}")
    if use_case is not None and use_case not in USE_CASES:
        raise OptionError(f"use_case must be one of {', '.join(USE_CASES)}, got {use_case!r}")
    usual = USE_CASES[use_case] if use_case else UseCase()
    return UseCase(**{n: getattr(usual, n) if v is None else v for n, v in given.items()})


def _choose(
    wanted: UseCase,
    given: Profile | str | os.PathLike[str] | None,
    price_per_hour: float | None,
    vcpu: float | None,
    per_day: float | None,
    installed_only: bool,
) -> Advice:
    profile = given if isinstance(given, Profile) else Profile.load(given)
    measured = [row for row in profile.rows if not row.alone and row.cpu_ms > 0]
    rows = [row for row in measured if not installed_only or _is_here(row)]
    if not rows:
        raise OptionError(
            "the profile has no preset to choose from; to measure all presets: qrcascade profile"
            if not measured
            else f"nothing in the profile is installed here; {_ANYWAY}"
        )
    fitting = [row for row in rows if not list(_misses(row, wanted))]
    row = min(fitting or rows, key=lambda r: _preference(r, wanted))
    processors = vcpu or profile.cores
    per_hour = processors * 3600 * 1000 / row.cpu_ms
    return Advice(
        row=row,
        fits=bool(fitting),
        wanted=wanted,
        misses=tuple(words for words, _ in _misses(row, wanted)),
        per_hour=per_hour,
        cost_per_million=None if price_per_hour is None else price_per_hour / per_hour * 1e6,
        instances=None if per_day is None else math.ceil(per_day / (per_hour * 24 * UTILISATION)),
        reasons=(
            *_reasons(row, wanted, profile, len(fitting), len(rows), processors),
            *_name_absent(len(measured) - len(rows)),
        ),
    )


def _is_here(row: Measured) -> bool:
    """Return whether every network of a configuration can be loaded here."""
    return all(_can_load(size, row.runtime) for size in sizes_of(row.name))


def _can_load(size: str, runtime: str) -> bool:
    if not runtimes.is_installed(runtime):
        return False
    try:
        if runtime in runtimes.EXPORTS:
            return bool(runtimes.find_export(size, runtime))
        return weights.is_present(weights.path(size))
    except WeightsError:
        return False


def _name_absent(number: int) -> Iterator[str]:
    if number:
        others = "another one is" if number == 1 else f"{number} others are"
        yield f"{others} not installed here; {_ANYWAY}"


def _preference(row: Measured, wanted: UseCase) -> tuple[float, float, float, str, str]:
    """Return the sort key of a row: the least miss first, then the best; names break ties."""
    cost, missed = row.cpu_ms, 1 - row.success
    first = (cost, missed) if wanted.success is not None else (missed, cost)
    worst = max((by for _, by in _misses(row, wanted)), default=0.0)
    return (worst, *first, row.name, row.runtime)


def _misses(row: Measured, wanted: UseCase) -> Iterator[tuple[str, float]]:
    """Yield the constraints that a row misses, in words, and by which factor."""
    upper = [
        ("peak memory", row.rss_peak_mb, wanted.ram, "MB"),
        ("P95", row.p95_ms, wanted.p95, "ms"),
        ("load time", row.load_s, wanted.load, "s"),
    ]
    for what, has, limit, unit in upper:
        if limit is not None and has is None:
            yield f"{what} was not measured on that machine", math.inf
        elif limit is not None and has is not None and has > limit:
            yield f"{what} is {has:g} {unit}, over {limit:g}", has / limit
    if wanted.success is not None and row.success < wanted.success:
        factor = wanted.success / row.success if row.success else math.inf
        yield f"success is {100 * row.success:.4g} %, under {100 * wanted.success:.4g} %", factor


def _reasons(
    row: Measured, wanted: UseCase, profile: Profile, fitting: int, total: int, processors: float
) -> Iterator[str]:
    memory = "memory not measured" if row.rss_peak_mb is None else f"peak {row.rss_peak_mb:.0f} MB"
    yield (
        f"{row.right} of {row.pictures} readable pictures read ({row.success:.0%}), P95 {row.p95_ms:.0f} ms, "
        f"mean {row.mean_ms:.0f} ms, {row.cpu_ms:.0f} ms of processor time, {memory}, "
        f"loads in {row.load_s:.1f} s"
    )
    if fitting:
        rule = "the cheapest" if wanted.success is not None else "the one that reads most"
        yield f"{rule}, of {fitting} within the limits; {total} were compared"
    yield f"throughput is {processors:g} processors divided by the processor time per picture"
    yield f"measured {profile.date} on {profile.machine}; {profile.pictures}"
    is_shipped = profile == Profile.load(SHIPPED)
    if is_shipped:
        yield "these figures are shipped; for those of this machine, run `qrcascade profile`"
    if row.caveat:
        yield f"NOT the real weights: {row.caveat}"
    # The shipped note is about networks.
    if profile.note and not (is_shipped and row.runtime == NO_RUNTIME):
        yield profile.note
