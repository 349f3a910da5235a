"""The command line: ``qrcascade weights list``, ``fetch``, ``verify``, ``import`` and ``export``."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from qrcascade import QRCascadeError, WeightsError
from qrcascade.cli.parameters import complain, exit_on_error
from qrcascade.neural import weights as room
from qrcascade.neural.runtimes import EXPORTS

__all__ = ["is_at_terminal", "weights"]

_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Use this folder of weights; by default QRCASCADE_WEIGHTS, else the user's cache.",
)
_sizes = click.option(
    "--size",
    "sizes",
    type=click.Choice(room.SIZES),
    multiple=True,
    help="Use this size of the model. Repeatable.",
)


@click.group()
def weights() -> None:
    """Manage the weights of the neural tiers.

    The exit code is 0 on success, 1 if a file is missing, refused or cannot be fetched, and 2 if the command
    was wrong or the licence is not accepted.
    """


@weights.command("list", short_help="List the sizes and their files.")
@_folder
@exit_on_error()
def list_(folder: Path | None) -> None:
    """Print one line per size: size, state, bytes, file, URL. Then print the licence.

    The state is "missing", "pinned" (the SHA-256 is the one that this version knows), "recorded" (the SHA-256
    is the one first seen), "unrecorded" (the file has not been used yet), or "refused", as `verify` explains.
    """
    for size in room.SIZES:
        file = room.path(size, folder)
        length = str(file.stat().st_size) if room.is_present(file) else "-"
        click.echo("\t".join([size, _state(file), length, str(file), room.redact(room.url(size))]))
    click.echo(f"\n{room.LICENCE}", nl=False)


def _state(file: Path) -> str:
    if not room.is_present(file):
        return "missing"
    try:
        return room.verify(file)
    except WeightsError:
        return "refused"


@weights.command(short_help="Fetch the weights that are missing.")
@_sizes
@_folder
@click.option("--accept-licence", is_flag=True, help="Accept the licence; or set QRCASCADE_ACCEPT_LICENCE=1.")
@exit_on_error()
def fetch(sizes: tuple[str, ...], folder: Path | None, accept_licence: bool) -> None:
    """Fetch the weights that are missing, and print each file.

    Without --size, these are s and m, for the default preset.
    """
    wanted = sizes or ("s", "m")
    files = {size: room.path(size, folder) for size in wanted}
    absent = [size for size in wanted if not room.is_present(files[size])]
    if absent:
        click.echo(room.LICENCE, err=True)
        if not (accept_licence or room.is_licence_accepted()) and not (
            is_at_terminal() and click.confirm("Accept the licence and fetch?", err=True)
        ):
            raise click.UsageError(
                "the licence is not accepted; give --accept-licence or set QRCASCADE_ACCEPT_LICENCE=1"
            )
    failed = False
    for size, file in files.items():
        try:
            if size in absent:
                with _bar(file.name) as progress:
                    room.fetch(size, folder, progress)
            room.verify(file)
            click.echo(file)
        except QRCascadeError as error:
            complain(error)
            failed = True
    sys.exit(failed)


def is_at_terminal() -> bool:
    """Return whether somebody can answer a question."""
    return sys.stdin.isatty()


@contextlib.contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, a line elsewhere."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total or None
            bar.update(done - bar.pos)

        yield progress


@weights.command(short_help="Compare files with known hashes.")
@_sizes
@_folder
@exit_on_error()
def verify(sizes: tuple[str, ...], folder: Path | None) -> None:
    """Compare each file with its pinned or recorded hash; print hash, state and file.

    Without --size, every file present is compared. The command fails if there is none, or if one is not
    recorded yet.
    """
    files = [room.path(size, folder) for size in sizes or room.SIZES]
    chosen = [file for file in files if sizes or room.is_present(file)]
    if not chosen:
        complain(f"no weights in {files[0].parent}; to fetch them: qrcascade weights fetch")
    good = 0
    for file in chosen:
        try:
            standing = room.verify(file)
            click.echo(f"{room.sha256(file)}\t{standing}\t{file}")
            good += standing != "unrecorded"
        except WeightsError as error:
            complain(error)
    sys.exit(0 if chosen and good == len(chosen) else 1)


@weights.command("import", short_help="Install a file obtained elsewhere.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--size",
    type=click.Choice(room.SIZES),
    help="Install it as this size, if the file is not called qrdet-SIZE.pt.",
)
@_folder
@exit_on_error()
def import_(file: Path, size: str | None, folder: Path | None) -> None:
    """Install a FILE obtained elsewhere, record its hash, and print its new path."""
    named = re.fullmatch(r"qrdet-([nsml])\.pt", file.name)
    chosen = size or (named[1] if named else None)
    if chosen is None:
        raise click.UsageError(f"{os.fspath(file)!r} is not called qrdet-SIZE.pt; give its --size")
    click.echo(room.install(file, chosen, folder))


@weights.command(short_help="Convert weights for another runtime.")
@click.option("--size", type=click.Choice(room.SIZES), required=True, help="Convert this size of the model.")
@click.option(
    "--runtime",
    type=click.Choice(EXPORTS),
    default=EXPORTS[0],
    show_default=True,
    help="Convert for this runtime.",
)
@_folder
@exit_on_error()
def export(size: str, runtime: str, folder: Path | None) -> None:
    """Convert the weights of a size for a runtime that needs no torch.

    The result is written beside the weights, and its record is printed.
    """
    from qrcascade.neural.runtimes.export import export as convert

    click.echo(convert(size, runtime, folder))
