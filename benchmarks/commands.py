"""Commands: the arguments of a function are its options, and what it yields is its page."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from benchmarks import render

F = TypeVar("F", bound=Callable[..., Iterable[str]])

Corpora = Annotated[tuple[str, ...], "--corpus"]
Every = Annotated[int, "Take every Nth picture."]
Workers = Annotated[int, "Processes."]
Record = Annotated[
    Path | None,
    "Folder of what was done; a run that was interrupted goes on from there, if the code is the same.",
]


@click.group()
def main() -> None:
    """Measure qrcascade and its peers."""


def command(name: str = "", title: str = "") -> Callable[[F], F]:
    """Make a command of a function that yields paragraphs and tables, which can be saved as a page.

    What it takes by position alone are arguments, all else options. In ``Annotated``, what begins with "--"
    is how the option is spelt, with "$" a variable that stands for it, and other text explains it; a type of
    click's goes before the argument's own.
    """

    def make(function: F) -> F:
        page = name or function.__name__.replace("_", "-")
        hints = get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()

        def run(save: str | None, note: str | None, **given: Any) -> None:
            own = [given.pop(one.name) for one in parameters if one.kind is one.POSITIONAL_ONLY]
            parts = itertools.chain([note or ""], function(*own, **given))
            render.publish(save or page, parts, save=save is not None, title=title)

        save = click.Option(
            ["--save"],
            is_flag=False,
            flag_value=page,
            metavar="[NAME]",
            help="Write docs/benchmarks/NAME.md.",
        )
        note = click.Option(["--note"], help="A line for the page: say here where weights are stand-ins.")
        taken = [_parameter(one, hints[one.name]) for one in parameters]
        main.add_command(
            click.Command(page, params=[*taken, save, note], callback=run, help=function.__doc__)
        )
        return function

    return make


def _parameter(given: inspect.Parameter, hint: Any) -> click.Parameter:
    """What click calls an argument of a function."""
    kind, *said = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    kind = next((one for one in get_args(kind) if NoneType in get_args(kind) and one is not NoneType), kind)
    several = get_origin(kind) is tuple
    kind = get_args(kind)[0] if several else kind
    more: dict[str, Any] = {"type": click.Choice(get_args(kind)) if get_origin(kind) is Literal else kind}
    if given.default is given.empty:
        more["required"] = True
    else:
        more["default"] = given.default
    more["type"] = next((one for one in said if isinstance(one, click.ParamType)), more["type"])
    if given.kind is given.POSITIONAL_ONLY:
        return click.Argument([given.name], **more)
    texts = [text for text in said if isinstance(text, str)]
    spelt = [text for text in texts if text.startswith("--")] or [f"--{given.name.replace('_', '-')}"]
    variable = next((text[1:] for text in texts if text.startswith("$")), None)
    text = " ".join(text for text in texts if text[0] not in "-$")
    return click.Option(
        [*spelt, given.name],
        multiple=several,
        is_flag=kind is bool,
        show_default=True,
        envvar=variable,
        show_envvar=True,
        help=text,
        **more,
    )
