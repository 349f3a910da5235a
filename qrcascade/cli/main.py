"""``qrcascade read`` and ``qrcascade doctor``; each other command has its own module."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import click

from qrcascade import Cascade, QRCascadeError, ReadResult, __version__, read_document
from qrcascade.batch import row_name
from qrcascade.cascade import Preset
from qrcascade.cli.parameters import complain, one_line, reading
from qrcascade.cli.profile import advise_, profile
from qrcascade.cli.scan import scan
from qrcascade.cli.serve import serve
from qrcascade.cli.weights import weights

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qrcascade")
def main() -> None:
    """Read QR codes from photos and scans of documents."""


for _command in (scan, serve, weights, profile, advise_):
    main.add_command(_command)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per page, with every attempt.")
@reading
def read(files: tuple[str, ...], as_json: bool, preset: Preset, **options: Any) -> None:
    """Print one line per code: file, text, confidence, strategy, milliseconds, page.

    FILES are pictures, PDFs, and pictures with several pages. The exit code is 0 if a code was read in
    every file, 1 if some had none, and 2 if some could not be opened.
    """
    cascade = Cascade.preset(preset)
    worst = 0
    for file in files:
        results: list[ReadResult] = []
        try:
            for result in read_document(file, cascade=cascade, **options):
                results.append(replace(result, picture=None))
                for line in [_json(file, result)] if as_json else _text_lines(file, result):
                    click.echo(line)
        except QRCascadeError as error:
            complain(error)
            worst = 2
            continue
        if not any(results):
            worst = max(worst, 1)
            complain(f"no code in {click.format_filename(file)!r} ({_explain(results)})")
    sys.exit(worst)


def _explain(results: list[ReadResult]) -> str:
    located = sum(len(result.regions) for result in results)
    errors = dict.fromkeys(error for result in results for error in result.errors)
    return "; ".join([f"{located} located, none read", *errors])


def _text_lines(file: str, result: ReadResult) -> list[str]:
    return [
        "\t".join(
            [
                one_line(click.format_filename(file)),
                one_line(code.text),
                f"{code.confidence:.3f}",
                code.strategy,
                f"{result.elapsed_s * 1000:.0f}",
                str(code.page),
            ]
        )
        for code in result.codes
        if code.accepted
    ]


def _json(file: str, result: ReadResult) -> str:
    named = {"file": row_name(file), **result.to_dict()}
    return json.dumps(named, ensure_ascii=False)


@main.command()
def doctor() -> None:
    """Report what works on this machine, and how to fix what does not.

    The exit code is 0 if at least one engine works, else 1.
    """
    from qrcascade.cli.doctor import run_checks

    checks = list(run_checks())
    for check in checks:
        click.echo(f"{'ok  ' if check.ok else 'no  '}{check.name:<10} {check.detail}")
    sys.exit(0 if any(check.ok for check in checks) else 1)
