"""The command line: ``qrcascade profile`` and ``qrcascade advise``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qrcascade import QRCascadeError
from qrcascade.profile import USE_CASES, Advice, Profile, advise
from qrcascade.profile.records import NO_RUNTIME, own

if TYPE_CHECKING:
    from qrcascade.profile.pictures import Picture

__all__ = ["advise_", "profile"]

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_file = click.Path(path_type=Path, dir_okay=False)
_more = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--only", "names", multiple=True, metavar="NAME", help="A preset, or a detector alone: n, s, m, l."
)
@click.option(
    "--runtime",
    "chosen",
    multiple=True,
    help="torch, openvino, onnx or openvino-bf16; by default all but the last.",
)
@click.option("--each", type=click.IntRange(min=1), default=4, show_default=True, help="Of each condition.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--pictures", type=_folder, help="Your own, each with a .txt of its texts, one a line.")
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True, help="Median of so many.")
@click.option("--weights-folder", type=_folder, help="By default as for reading.")
@click.option("--architectures", type=_folder, help="Random weights, whose cost is taken.")
@click.option("--note", default="", help="To be shown with every figure.")
@click.option("--from", "measured", type=_file, help="Show this profile, measure nothing.")
@click.option("--output", type=_file, help="JSON; by default where advise finds it, if it is whole.")
@click.option("--plot", "drawn", type=_file, help="A picture; needs matplotlib.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")
def profile(
    names: tuple[str, ...],
    chosen: tuple[str, ...],
    each: int,
    seed: int,
    pictures: Path | None,
    measured: Path | None,
    output: Path | None,
    drawn: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure what each preset, detector and runtime costs and reads on this machine.

    Minutes to half an hour. Each runs in a process of its own, one after the other; leave the machine alone
    meanwhile. Without --only and --runtime the result is kept for `qrcascade advise`. The exit code is 1
    when nothing could be measured.
    """
    from qrcascade.neural.runtimes import EXPORTS, RUNTIMES
    from qrcascade.profile import show
    from qrcascade.profile.measure import NAMES, configurations, measure

    _known(names, NAMES, "--only")
    _known(chosen, RUNTIMES, "--runtime")
    try:
        if measured:
            found = Profile.load(measured)
        else:
            taken, described = _taken(pictures, each, seed)
            options.update(described=described, progress=partial(click.echo, err=True))
            found = measure(configurations(names or NAMES, chosen or ("torch", *EXPORTS)), taken, **options)
            is_whole = not (names or chosen) and found.rows
            _keep(found, output or (own() if is_whole else None))
        click.echo(found.to_json() if as_json else show.report(found))
        if drawn:
            show.plot(found, drawn)
    except (QRCascadeError, OSError) as error:
        click.echo(f"qrcascade: {error}", err=True)
        sys.exit(1)
    sys.exit(0 if found.rows else 1)


def _taken(pictures: Path | None, each: int, seed: int) -> tuple[list[Picture], str]:
    """Return the pictures that are read, and what they are in words."""
    from qrcascade.profile import pictures as maker

    taken = list(maker.folder(pictures) if pictures else maker.made(each, seed))
    kinds = len({picture.condition for picture in taken})
    if pictures:
        return taken, f"{len(taken)} own pictures in {kinds} folders"
    return taken, f"{len(taken)} made pictures: {each} of each of {kinds} conditions, seed {seed}"


def _known(given: tuple[str, ...], known: tuple[str, ...], option: str) -> None:
    for name in given:
        if name not in known:
            raise click.UsageError(f"{option} is one of {', '.join(known)}, not {name!r}")


def _keep(found: Profile, file: Path | None) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found.to_json(), "utf-8")
        click.echo(f"qrcascade: kept in {file}", err=True)


@click.command("advise")
@click.option("--ram", type=_more, help="MB of peak resident memory, at most.")
@click.option("--p95", type=_more, help="Milliseconds, at most.")
@click.option("--success", type=click.FloatRange(0, 1, min_open=True), help="Share of pictures, at least.")
@click.option("--load", type=_more, help="Seconds that a fresh process needs, at most.")
@click.option("--use-case", type=click.Choice(list(USE_CASES)), help="Usual constraints; docs/choosing.md.")
@click.option("--price-per-hour", type=_more, help="Of one instance, in any currency.")
@click.option("--vcpu", type=_more, help="Of one instance; by default the profiled machine's.")
@click.option("--per-day", type=_more, help="Pictures a day.")
@click.option("--profile", "measured", type=_file, help="By default this machine's, else the shipped one.")
@click.option("--json", "as_json", is_flag=True)
def advise_(measured: Path | None, as_json: bool, **needs: Any) -> None:
    """Say which preset fits, from what was measured, and what it costs.

    The exit code is 0 when something fits, 1 when nothing does: then the nearest miss is named.
    """
    try:
        answer = advise(profile=Profile.load(measured), **needs)
    except QRCascadeError as error:
        click.echo(f"qrcascade: {error}", err=True)
        sys.exit(2)
    click.echo(_json(answer) if as_json else "\n".join(_lines(answer)))
    sys.exit(0 if answer.fits else 1)


def _json(answer: Advice) -> str:
    fields = asdict(answer)
    return json.dumps({"preset": answer.preset, "runtime": answer.runtime, **fields}, indent=1)


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
