"""The command line: ``qrcascade advise``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from qrcascade.cli.parameters import exit_on_error
from qrcascade.profile import USE_CASES, Profile
from qrcascade.profile import advise as choose

__all__ = ["advise"]

_more = click.FloatRange(min=0, min_open=True)


@click.command(short_help="Recommend a preset for your limits.")
@click.option("--ram", type=_more, help="Allow at most this peak of resident memory, in MB.")
@click.option("--p95", type=_more, help="Allow 95 % of the pictures at most this many milliseconds.")
@click.option(
    "--success",
    type=click.FloatRange(0, 1, min_open=True),
    help="Require at least this share of pictures to be read, from 0 to 1.",
)
@click.option("--load", type=_more, help="Allow a fresh process at most this many seconds to load.")
@click.option(
    "--use-case",
    type=click.Choice(list(USE_CASES)),
    help="Apply the usual constraints of a use case.",
)
@click.option(
    "--price-per-hour",
    type=_more,
    help="Compute costs from this price of one instance per hour, in any currency.",
)
@click.option(
    "--vcpu",
    type=_more,
    help="Plan with this many processors per instance; by default with those of the profiled machine.",
)
@click.option("--per-day", type=_more, help="Plan for this many pictures per day.")
@click.option(
    "--profile",
    "measured",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Choose from this profile; by default from this machine's, else from the one that is shipped.",
)
@click.option(
    "--all",
    "installed_only",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Choose from everything measured, even what is not installed here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exit_on_error(2)
def advise(measured: Path | None, as_json: bool, **needs: Any) -> None:
    """Recommend a preset from measurements, and estimate what it costs.

    The exit code is 0 if a preset fits, 1 if none does (the nearest miss is then named), and 2 if the profile
    cannot be read.
    """
    answer = choose(profile=Profile.load(measured), **needs)
    if as_json:
        named = {"preset": answer.preset, "runtime": answer.runtime, **asdict(answer)}
        click.echo(json.dumps(named, indent=1))
    else:
        click.echo(str(answer))
    sys.exit(0 if answer.fits else 1)
