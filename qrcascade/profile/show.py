"""A profile as tables, with its caveats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qrcascade.profile.advice import advise
from qrcascade.profile.records import NO_RUNTIME, Measured, Profile

__all__ = ["report"]

_TITLES = (
    "configuration",
    "runtime",
    "parameters, M",
    "files, MB",
    "load, s",
    "RSS before / loaded / peak, MB",
    "P50, ms",
    "P95, ms",
    "P99, ms",
    "pictures / s",
    "CPU, ms",
    "read",
    "wrong",
    "weights",
)


def report(profile: Profile) -> str:
    """Return Markdown with the caveats, the machine and every table, as docs/choosing.md has it."""
    versions = ", ".join(f"{name} {version}" for name, version in profile.versions.items())
    parts = [
        *(f"**{caveat}**" for caveat in profile.caveats),
        f"{profile.date}, {profile.machine}; {profile.pictures}; {versions}.",
        "### Every configuration",
        _markdown(_TITLES, [_cells(row) for row in profile.rows]),
        *(f"Left out: {', '.join(names)}: {reason}" for reason, names in _left_out(profile).items()),
    ]
    if any(not row.alone for row in profile.rows):
        parts += ["### By RAM, by latency, by success", _choices(profile)]
    parts += [
        "### By condition of the picture",
        _conditions(profile),
        "### What each tier adds",
        _additions(profile),
    ]
    return "\n\n".join(parts)


def _left_out(profile: Profile) -> dict[str, list[str]]:
    """Return the left-out configurations by reason."""
    names: dict[str, list[str]] = {}
    for name, reason in profile.left_out.items():
        names.setdefault(reason, []).append(name)
    return names


def _choices(profile: Profile) -> str:
    """Return a table of what `advise` recommends for one constraint at a time."""
    wishes: list[tuple[str, dict[str, Any]]] = [
        *((f"RAM {n} MB", {"ram": n}) for n in (64, 128, 256, 512, 1024, 2048)),
        *((f"P95 {n} ms", {"p95": n}) for n in (100, 300, 500, 1000, 2000, 5000)),
        *((f"success {n:.0%}", {"success": n}) for n in (0.7, 0.8, 0.85, 0.9, 0.95)),
    ]
    cells = []
    for words, wish in wishes:
        answer = advise(profile=profile, installed_only=False, **wish)
        row = answer.row
        peak = "-" if row.rss_peak_mb is None else f"{row.rss_peak_mb:.0f}"
        named = f"{row.name}, {row.runtime}" if row.runtime != NO_RUNTIME else row.name
        choice = named if answer.fits else f"nothing; nearest is {named}"
        figures = [_success(row), f"{row.p95_ms:.0f}", peak, f"{row.cpu_ms:.0f}"]
        cells.append([words, choice, *figures, _weights(row)])
    return _markdown(("wanted", "preset", "read", "P95, ms", "peak, MB", "CPU, ms", "weights"), cells)


def _conditions(profile: Profile) -> str:
    """Return a table of what each configuration read per condition, in the first runtime measured."""
    rows = _first_rows(profile)
    names = list(profile.rows[0].conditions) if rows else []
    cells = [
        [name, *(_count_of(row.conditions.get(name, (0, 0))) for row in rows.values())] for name in names
    ]
    cells.append(["weights", *(row.success_weights for row in rows.values())])
    return _markdown(("condition", *(_name(row) for row in rows.values())), cells)


def _additions(profile: Profile) -> str:
    """Return a table of what a preset reads and costs beyond the preset that it extends."""
    rows = _first_rows(profile)
    pairs = [("classical", "light"), ("classical", "nano"), ("classical", "small"), ("classical", "large")]
    pairs += [("small", "hybrid"), ("light", "thorough")]
    cells = []
    for less, more in pairs:
        if less in rows and more in rows:
            a, b = rows[less], rows[more]
            gained = [
                f"{name} {count - a.conditions.get(name, (0, 0))[0]:+}"
                for name, (count, _) in b.conditions.items()
                if count != a.conditions.get(name, (0, 0))[0]
            ]
            memory = "-"
            if a.rss_peak_mb is not None and b.rss_peak_mb is not None:
                memory = f"{b.rss_peak_mb - a.rss_peak_mb:+.0f}"
            where = "" if b.runtime == NO_RUNTIME else f" in {b.runtime}"
            cells.append(
                [
                    f"{more}{where} after {less}",
                    f"{b.right - a.right:+}",
                    ", ".join(gained) or "-",
                    f"{b.p95_ms - a.p95_ms:+.0f}",
                    f"{b.cpu_ms - a.cpu_ms:+.0f}",
                    memory,
                    _weights(b),
                ]
            )
    return _markdown(("step", "pictures", "where", "P95, ms", "CPU, ms", "peak, MB", "weights"), cells)


def _first_rows(profile: Profile) -> dict[str, Measured]:
    """Return one row per name, in the first runtime measured."""
    rows: dict[str, Measured] = {}
    for row in profile.rows:
        rows.setdefault(row.name, row)
    return rows


def _cells(row: Measured) -> list[str]:
    memory = (row.rss_start_mb, row.rss_loaded_mb, row.rss_peak_mb)
    return [
        _name(row),
        row.runtime,
        f"{row.parameters / 1e6:.1f}" if row.parameters else "-",
        f"{row.file_bytes / 1e6:.0f}" if row.file_bytes else "-",
        f"{row.load_s:.1f}",
        " / ".join("-" if mb is None else f"{mb:.0f}" for mb in memory),
        *(f"{ms:.0f}" for ms in (row.p50_ms, row.p95_ms, row.p99_ms)),
        f"{row.per_second:.1f}",
        f"{row.cpu_ms:.0f}",
        _success(row),
        str(row.wrong),
        _weights(row),
    ]


def _name(row: Measured) -> str:
    return f"{row.name} alone" if row.alone else row.name


def _success(row: Measured) -> str:
    return f"{_count_of((row.right, row.pictures))} ({row.success:.0%})"


def _weights(row: Measured) -> str:
    return row.caveat or row.cost_weights


def _count_of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(titles)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (titles, rule, *rows))
