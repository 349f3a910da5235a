"""``python -m tests.fuzz load --seconds 60``: atheris on one target, from the corpus on."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

CORPUS = Path(__file__).with_name("corpus")


@click.command()
@click.argument("target", type=click.Choice(["load", "maps"]))
@click.option("--seconds", default=30, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder of what broke something.")
def main(target: str, seconds: int, seed: int, keep: Path | None) -> None:
    """Fuzz a target for a while. Where atheris is not installed nothing is done."""
    if importlib.util.find_spec("atheris") is None:
        click.echo("skipped: atheris is not installed (pip install atheris; Linux only)")
        return
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["qrcascade", "PIL"]):
        from tests.fuzz.targets import TARGETS
    keep = keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    grown = tempfile.mkdtemp(prefix="corpus-")
    # The first folder is where inputs that reach something new are put.
    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=4096", "-timeout=30"]
    options += ["-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={keep}/"]
    atheris.Setup([sys.argv[0], *options, grown, str(CORPUS / target)], TARGETS[target])
    atheris.Fuzz()


main()
