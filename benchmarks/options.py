"""Options that several commands have, spelt and explained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, default: Any, text: str = "", **more: Any) -> Callable[[F], F]:
    """An option whose default its help shows."""
    return click.option(*names, default=default, show_default=True, help=text or None, **more)


def corpora(*default: str) -> Callable[[F], F]:
    """Corpora, as ``names``."""
    return option("--corpus", "names", multiple=True, default=default)


def rounds(default: int, text: str) -> Callable[[F], F]:
    """How often, in turns."""
    return option("--rounds", default=default, text=text)


def saves(page: str) -> Callable[[F], F]:
    """Whether to save the page of this name."""
    return click.option("--save", is_flag=True, help=f"Write docs/benchmarks/{page}.md.")


every = option("--every", default=1, text="Take every Nth picture.")
workers = option("--workers", default=1, text="Processes.")
note = click.option("--note", help="A line for the saved page: say here where weights are stand-ins.")
record = click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what was done; a run that was interrupted goes on from there, if the code is the same.",
)
