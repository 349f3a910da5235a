"""A run as one self-contained HTML file: tables, and failures with their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from qrcascade.pytest_plugin.outcome import Outcome
from qrcascade.pytest_plugin.summary import COLUMNS, Summary
from qrcascade.report.drawing import to_data_uri

__all__ = ["page", "write"]

_THUMBNAIL = 360
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --warn: #b9770e; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; border-bottom: 1px solid var(--line); }
td { text-align: right; } td:first-child, th:first-child { text-align: left; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; min-width: 0; }
.card img { max-width: 100%; max-height: 14rem; display: block; margin: .5rem auto; }
.pair { display: flex; gap: .5rem; } .pair figure { flex: 1; margin: 0; font-size: 12px; text-align: center; }
.card pre { font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.card h3 { font-size: 1rem; margin: 0; }
.bad { color: var(--bad); } .warn { color: var(--warn); }
"""


def write(summary: Summary, path: Path) -> None:
    """Write the HTML page of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(page(summary).encode("utf-8", "backslashreplace"))


def page(summary: Summary) -> str:
    """Return the HTML page of a run."""
    options, outcomes = summary.options, list(summary.outcomes.values())
    title = escape(
        f"QR corpus {options.corpus.name}: {sum(o.is_read for o in outcomes)} of {len(outcomes)} read"
    )
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions.items())
    bad = [o for o in outcomes if not o.is_sound and (o.wrong or o.lost or o.broken or not o.known)]
    still = [o for o in outcomes if not o.is_sound and o not in bad]
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(f'Preset {options.preset}, expect {options.expect}; {versions}')}</p>",
        *(f'<p class="bad"><strong>{escape(line)}</strong></p>' for line in summary.failures()),
        "<ul>",
        *(f"<li>{escape(line)}</li>" for line in (*summary.changes(), *summary.notes())),
        "</ul>",
        "<h2>By tag</h2>",
        _table(COLUMNS, (tally.cells() for tally in summary.tallies())),
        *_cards("Wrong, lost, broken, or new and not read", bad),
        *_cards("Not read, as in the baseline", still),
        "<h2>Every picture</h2>",
        _table(("picture", "tags", "outcome", "ms", "zxing-cpp, ms"), map(_row, outcomes)),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        # An empty icon keeps browsers from requesting one.
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>\n<body>'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in head), "</tr></thead><tbody>"]
    for row in rows:
        lines += ["<tr>", *(f"<td>{escape(cell)}</td>" for cell in row), "</tr>"]
    return "".join([*lines, "</tbody></table>"])


def _row(outcome: Outcome) -> tuple[str, ...]:
    times = ("-" if ms is None else f"{ms:.0f}" for ms in (outcome.ms, outcome.bare_ms))
    return outcome.key, ", ".join(outcome.tags), outcome.what, *times


def _cards(title: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        return
    yield f'<h2>{escape(title)} ({len(outcomes)})</h2><div class="cards">'
    for outcome in outcomes:
        yield "".join(_card(outcome))
    yield "</div>"


def _card(outcome: Outcome) -> Iterator[str]:
    # The card shows the picture instead of its path.
    first, *lines = replace(outcome, drawn="").lines()
    kind = "bad" if outcome.wrong or outcome.lost or outcome.broken else "warn"
    yield f'<div class="card"><h3 class="{kind}">{escape(first)}</h3>'
    yield '<div class="pair">'
    for path, what in ((outcome.plain, "as it is"), (outcome.drawn, "with what was found")):
        if path and (picture := _thumbnail(path)):
            yield f'<figure><img alt="{escape(outcome.key)}, {what}" src="{picture}">'
            yield f"<figcaption>{what}</figcaption></figure>"
    yield "</div>"
    yield f"<pre>{escape(chr(10).join(lines))}</pre></div>"


def _thumbnail(path: str) -> str:
    """Return a saved picture as a data URI; "" if it is not on this machine."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return to_data_uri(image, _THUMBNAIL, quality=75)
    except OSError:
        return ""
