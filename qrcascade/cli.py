"""The command line: ``qrcascade read``, ``doctor``; `cli_*.py` have the others."""

from __future__ import annotations

import json
import sys

import click

from qrcascade import Cascade, ImageError, OptionError, ReadResult, __version__
from qrcascade.cascade import PRESETS
from qrcascade.cli_profile import advise_, profile
from qrcascade.cli_serve import serve
from qrcascade.cli_weights import weights

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qrcascade")
def main() -> None:
    """Read QR codes from photos and scans of documents."""


for _command in (weights, profile, advise_, serve):
    main.add_command(_command)


def _expect(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter('a number of codes, or "all"')


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, with every attempt.")
@click.option("--expect", callback=_expect, help='How many codes a file holds, or "all".')
@click.option("--preset", type=click.Choice(list(PRESETS)), default="thorough", show_default=True)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds a file.")
def read(
    files: tuple[str, ...], as_json: bool, expect: int | str | None, preset: str, timeout: float | None
) -> None:
    """Print one line a code: file, text, confidence, strategy, milliseconds.

    The exit code is 0 when every file gave a code, 1 when some gave none, 2 when some could
    not be opened as a picture.
    """
    cascade = Cascade.preset(preset)
    worst = 0
    for file in files:
        try:
            result = cascade.read(file, expect=expect, timeout=timeout)
        except (ImageError, OptionError) as error:
            click.echo(f"qrcascade: {error}", err=True)
            worst = 2
            continue
        if not result:
            worst = max(worst, 1)
        for line in [_json(file, result)] if as_json else _lines(file, result):
            click.echo(line)
    sys.exit(worst)


def _lines(file: str, result: ReadResult) -> list[str]:
    ms = f"{result.elapsed_s * 1000:.0f}"
    if not result:
        why = "; ".join([f"{len(result.regions)} located, none read", *result.errors])
        click.echo(f"qrcascade: no code in {click.format_filename(file)!r} ({why})", err=True)
    return [
        "\t".join(
            [
                _one_line(click.format_filename(file)),
                _one_line(code.text),
                f"{code.confidence:.3f}",
                code.strategy,
                ms,
            ]
        )
        for code in result.codes
    ]


def _one_line(text: str) -> str:
    """Escape what would break a line or a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _json(file: str, result: ReadResult) -> str:
    named = {"file": file.encode("utf-8", "backslashreplace").decode(), **result.to_dict()}
    return json.dumps(named, ensure_ascii=False)


@main.command()
def doctor() -> None:
    """Say what works on this machine, and what mends the rest.

    The exit code is 0 when at least one engine works.
    """
    from qrcascade.doctor import available

    checks = available()
    for check in checks:
        click.echo(f"{'ok  ' if check.ok else 'no  '}{check.name:<10} {check.detail}")
    sys.exit(0 if any(check.ok for check in checks) else 1)
