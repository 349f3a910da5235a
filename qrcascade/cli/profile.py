"""The command line: ``qrcascade profile`` and ``qrcascade advise``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qrcascade.cli.parameters import complain, exit_on_error
from qrcascade.neural.runtimes import RUNTIMES
from qrcascade.profile import USE_CASES, Advice, Profile, advise
from qrcascade.profile.records import NAMES, NO_RUNTIME, own_path

if TYPE_CHECKING:
    from qrcascade.profile.pictures import Picture

__all__ = ["advise_", "profile"]

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_more = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--only",
    "names",
    type=click.Choice(NAMES),
    multiple=True,
    help="Measure only this preset, or this detector alone. Repeatable.",
)
@click.option(
    "--runtime",
    "chosen",
    type=click.Choice(RUNTIMES),
    multiple=True,
    help="Measure only this runtime. Repeatable; by default all.",
)
@click.option(
    "--each",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Number of synthetic pictures per condition.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the synthetic pictures."
)
@click.option(
    "--pictures",
    type=_folder,
    help="Your own pictures, each beside a .txt file with its texts, one per line.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Times to read each picture; its time is the median.",
)
@click.option("--weights-folder", type=_folder, help="Folder of the weights; by default the one for reading.")
@click.option(
    "--architectures", type=_folder, help="Folder of random weights to measure time, memory and size with."
)
@click.option("--note", default="", help="Note to show with every figure.")
@click.option("--from", "measured", type=_file, help="Show this profile instead of measuring.")
@click.option(
    "--output",
    type=_file,
    help="JSON file to write; by default, for a complete profile, where advise looks for it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@exit_on_error()
def profile(
    names: tuple[str, ...],
    chosen: tuple[str, ...],
    each: int,
    seed: int,
    pictures: Path | None,
    measured: Path | None,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure the cost and read rate of each preset, detector and runtime on this machine.

    This takes from a few minutes to half an hour; leave the machine idle meanwhile. Each configuration runs
    in its own process, one after the other. Without --only and --runtime, the result is saved for `qrcascade
    advise`. The exit code is 1 if nothing could be measured.
    """
    from qrcascade.profile import show
    from qrcascade.profile.measure import configurations, measure

    if measured:
        found = Profile.load(measured)
    else:
        taken, described = _load_pictures(pictures, each, seed)
        options.update(described=described, progress=partial(click.echo, err=True))
        found = measure(configurations(names or NAMES, chosen or RUNTIMES), taken, **options)
        is_whole = not (names or chosen) and found.rows
        _save(found, output or (own_path() if is_whole else None))
    click.echo(found.to_json() if as_json else show.report(found))
    sys.exit(0 if found.rows else 1)


def _load_pictures(pictures: Path | None, each: int, seed: int) -> tuple[list[Picture], str]:
    """Return the pictures to read, and a description of them."""
    from qrcascade.profile import pictures as maker

    taken = list(maker.read_folder(pictures) if pictures else maker.make(each, seed))
    kinds = len({picture.condition for picture in taken})
    if pictures:
        return taken, f"{len(taken)} user pictures in {kinds} folders"
    return taken, f"{len(taken)} synthetic pictures: {each} of each of {kinds} conditions, seed {seed}"


def _save(found: Profile, file: Path | None) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found.to_json(), "utf-8")
        complain(f"profile saved in {file}")


@click.command("advise")
@click.option("--ram", type=_more, help="Largest peak resident memory, in MB.")
@click.option("--p95", type=_more, help="Largest 95th percentile of the time per picture, in milliseconds.")
@click.option(
    "--success", type=click.FloatRange(0, 1, min_open=True), help="Smallest share of pictures read, up to 1."
)
@click.option("--load", type=_more, help="Longest time for a fresh process to load, in seconds.")
@click.option(
    "--use-case",
    type=click.Choice(list(USE_CASES)),
    help="Apply the usual constraints of a use case; see docs/choosing.md.",
)
@click.option("--price-per-hour", type=_more, help="Price of one instance per hour, in any currency.")
@click.option(
    "--vcpu", type=_more, help="Processors of one instance; by default as many as the profiled machine has."
)
@click.option("--per-day", type=_more, help="Number of pictures to read per day.")
@click.option(
    "--profile",
    "measured",
    type=_file,
    help="Profile to choose from; by default this machine's, else the one shipped with qrcascade.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exit_on_error(2)
def advise_(measured: Path | None, as_json: bool, **needs: Any) -> None:
    """Recommend a preset from measurements, and estimate what it costs.

    The exit code is 0 if a preset fits, and 1 if none does; the nearest miss is then named.
    """
    answer = advise(profile=Profile.load(measured), **needs)
    if as_json:
        named = {"preset": answer.preset, "runtime": answer.runtime, **asdict(answer)}
        click.echo(json.dumps(named, indent=1))
    else:
        click.echo("\n".join(_lines(answer)))
    sys.exit(0 if answer.fits else 1)


def _lines(answer: Advice) -> list[str]:
    row = answer.row
    name = f"{row.name}, runtime {row.runtime}" if row.runtime != NO_RUNTIME else row.name
    lines = [f"preset: {name}" if answer.fits else f"nothing fits; the nearest miss is {name}"]
    lines += [f"  misses: {miss}" for miss in answer.misses]
    lines += [f"  {reason}" for reason in answer.reasons]
    lines.append(f"an instance reads {answer.per_hour:,.0f} pictures an hour")
    if answer.cost_per_million is not None:
        lines.append(f"a million pictures cost {answer.cost_per_million:.2f}")
    if answer.instances is not None:
        lines.append(f"instances for the daily volume, 70 % busy: {answer.instances}")
    return lines
