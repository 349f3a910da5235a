"""``python -m benchmarks compare``: this checkout beside another one, picture by picture in one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image
from tqdm import tqdm

from benchmarks import corpora, report
from benchmarks.corpora import Picture

__all__ = ["compare"]

_DOCS = Path("docs/benchmarks")
# Only public names that both checkouts have: a line in is a file's path, a line out what came of it.
_READER = """
import json, sys, time, cv2, qrcascade
cv2.setNumThreads(1)
preset, expect, isolation = json.loads(sys.argv[1])
if __name__ == "__main__":
    with qrcascade.Cascade.preset(preset, isolation=isolation) as cascade:
        for line in sys.stdin:
            wall, cpu = time.perf_counter(), time.process_time()
            result = cascade.read(line.rstrip("\\n"), expect=expect)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps([wall, cpu, sorted(result.texts)]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """What two checkouts took for one picture, in seconds, and whether they read the same."""

    ours: float
    other: float
    is_same: bool


@click.command()
@click.argument("other", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--corpus", "names", multiple=True, default=("boofcv", "pages"), show_default=True)
@click.option("--preset", default="light", show_default=True)
@click.option("--expect", type=click.Choice(["all"]), help="As for reading.")
@click.option("--isolated", is_flag=True, help="In worker processes; then wall time is compared.")
@click.option("--every", default=1, show_default=True, help="Take every Nth picture.")
@click.option("--rounds", default=1, show_default=True, help="Readings of each; the median counts.")
@click.option("--save", metavar="NAME", help="Write docs/benchmarks/NAME.md.")
def compare(
    other: Path,
    names: tuple[str, ...],
    preset: str,
    expect: str | None,
    isolated: bool,
    every: int,
    rounds: int,
    save: str | None,
) -> None:
    """Read with this checkout and with OTHER in turns, and print ratios of processor time."""
    asked = json.dumps([preset, expect, "process" if isolated else None])
    lines = ["| corpus | pictures | time / other | median picture | P95 picture | read otherwise |"]
    lines.append("| --- |" + " ---: |" * 5)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            files = list(_files(corpora.load(name)[::every], Path(folder, name)))
            pairs = _measure(files, (Path.cwd(), other.resolve()), asked, isolated, rounds)
            lines.append(f"| {name} | {_cells(pairs)} |")
    text = "\n".join(lines)
    click.echo(text)
    if save:
        (_DOCS / f"{save}.md").write_text(report.page(save, text), encoding="utf-8")


def _files(pictures: list[Picture], folder: Path) -> Iterator[Path]:
    """Each picture's file; one that is made is written into the folder."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        path = picture.path
        if path is None:
            path = folder / f"{number}.png"
            Image.fromarray(picture.rgb()).save(path)
        yield path


def _measure(
    files: list[Path], checkouts: tuple[Path, Path], asked: str, isolated: bool, rounds: int
) -> list[Pair]:
    readers = [_start(checkout, asked) for checkout in checkouts]
    # What is loaded at the first picture is nobody's time.
    for reader in readers:
        _ask(reader, files[0])
    pairs = []
    for number, file in enumerate(tqdm(files, unit="picture")):
        taken: list[list[Any]] = [[], []]
        for turn in range(rounds):
            # Who comes first changes from reading to reading.
            for which in (0, 1) if (number + turn) % 2 else (1, 0):
                taken[which].append(_ask(readers[which], file))
        ours, theirs = (statistics.median(t[0 if isolated else 1] for t in each) for each in taken)
        pairs.append(Pair(ours, theirs, taken[0][0][2] == taken[1][0][2]))
    for reader in readers:
        reader.communicate()
    return pairs


def _start(checkout: Path, asked: str) -> subprocess.Popen[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as script:
        script.write(_READER)
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, script.name, asked]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _ask(reader: subprocess.Popen[str], file: Path) -> Any:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(f"{file}\n")
    reader.stdin.flush()
    return json.loads(reader.stdout.readline())


def _cells(pairs: list[Pair]) -> str:
    ratios = sorted(pair.ours / pair.other for pair in pairs)
    whole = sum(pair.ours for pair in pairs) / sum(pair.other for pair in pairs)
    changed = sum(not pair.is_same for pair in pairs)
    p95 = ratios[int(0.95 * (len(ratios) - 1))]
    return f"{len(pairs)} | {whole:.3f} | {statistics.median(ratios):.3f} | {p95:.2f} | {changed}"
