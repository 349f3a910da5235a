"""The command line: ``qrcascade profile``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qrcascade.cli.parameters import complain, exit_on_error
from qrcascade.neural.runtimes import RUNTIMES
from qrcascade.profile import Profile
from qrcascade.profile.records import NAMES, own_path

if TYPE_CHECKING:
    from qrcascade.profile.pictures import Picture

__all__ = ["profile"]

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Measure every preset on this machine.")
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
    help="Draw this many synthetic pictures per condition.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Draw the synthetic pictures from this seed.",
)
@click.option(
    "--pictures",
    type=_folder,
    help="Read your own pictures from this folder, each beside a .txt file with its texts, one per line.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Read each picture this many times; its time is the median.",
)
@click.option(
    "--weights-folder",
    type=_folder,
    help="Take the weights from this folder; by default from the folder that readings use.",
)
@click.option(
    "--architectures",
    type=_folder,
    help="Measure time, memory and size with the random weights in this folder.",
)
@click.option("--note", default="", help="Show this note with every figure.")
@click.option("--from", "measured", type=_file, help="Show this profile instead of measuring.")
@click.option(
    "--output",
    type=_file,
    help="Write the profile to this JSON file; by default a complete one is saved where advise looks.",
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
