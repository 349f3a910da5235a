"""The command line: ``qrcascade read``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from qrcascade import Cascade, QRCascadeError, ReadResult, read_document
from qrcascade.batch import page_error, row_name
from qrcascade.batch.pipes import read_pipe
from qrcascade.cascade import Preset
from qrcascade.cli.files import expand, place_in
from qrcascade.cli.parameters import check_loudness, complain, reading
from qrcascade.errors import reason
from qrcascade.image.formats import SUFFIXES
from qrcascade.image.frame import Source
from qrcascade.report.words import count, escape, to_json

__all__ = ["read"]

# Why a reading ended, in words.
_ENDS = {
    "settled": "nothing left to look for",
    "expected": "all expected codes read",
    "exhausted": "everything tried",
    "timeout": "out of time",
}


@click.command(short_help="Print the codes in files and folders.")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|FOLDER|GLOB|- ...")
@click.option(
    "--text", "as_text", is_flag=True, help="Print nothing but the text of each code, escaped, one per line."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per page, with every attempt.")
@click.option(
    "--explain", is_flag=True, help="Explain on standard error what was tried, and why a code was not read."
)
@click.option(
    "--draw",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Save each page in this folder, with what was found drawn on it.",
)
@reading
def read(
    sources: tuple[str, ...],
    preset: Preset,
    as_text: bool,
    as_json: bool,
    explain: bool,
    folder: Path | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Print one line per code: file, text, confidence, strategy, milliseconds, page.

    Pictures, PDFs, and pictures with several pages are read; folders are searched for them, and - is a file
    on standard input. Hidden files and folders are skipped. Unprintable characters and backslashes in names
    and texts are escaped, as in JSON.

    The exit code is 0 if a code was read in every file, 1 if some had none, 2 if some could not be opened,
    and 130 if you interrupt it.
    """
    if as_text and as_json:
        raise click.UsageError("--text and --json exclude each other")
    check_loudness(quiet, verbose)
    if folder is not None:
        _make_folder(folder)
    printer = _Printer(as_text, as_json, explain, folder, quiet, verbose)
    cascade = Cascade.preset(preset)
    worst = 0
    for source in sources:
        files = 0
        for file in ["-"] if source == "-" else expand(source, printer.folder, printer.quiet):
            files += 1
            worst = max(worst, _read_file(file, printer, cascade, options))
        if not files:
            complain(f"no picture or document in {source!r}")
            worst = max(worst, 1)
    if printer.drawn:
        printer.tell(f"{count(len(printer.drawn), 'drawing')} saved in {str(folder)!r}")
    sys.exit(worst)


def _make_folder(folder: Path) -> None:
    if folder.suffix.lower() in SUFFIXES and not folder.is_dir():
        raise click.UsageError(f"--draw takes a folder, not the name of a picture: {str(folder)!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot save in {str(folder)!r}: {error.strerror}") from error


def _read_file(file: str, printer: _Printer, cascade: Cascade, options: dict[str, Any]) -> int:
    """Read a file and print what is in it; return the exit code."""
    results: list[ReadResult] = []
    try:
        source: Source = sys.stdin.buffer if file == "-" else file
        source = read_pipe(source, cascade.limits, options["timeout"])
        for result in read_document(source, cascade=cascade, **options):
            _show(printer, file, result)
            results.append(replace(result, picture=None))
    except BrokenPipeError:
        # Nobody reads on; click ends quietly.
        raise
    except (QRCascadeError, OSError) as error:
        printer.show_error(file, error)
        return 2
    return _sum_up(file, results, printer, options["timeout"])


def _show(printer: _Printer, file: str, result: ReadResult) -> None:
    """Print a page; end the program if it cannot be written."""
    try:
        printer.show(file, result)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"cannot write: {reason(error)}")
        sys.exit(2)


def _sum_up(file: str, results: list[ReadResult], printer: _Printer, timeout: float) -> int:
    """Tell what was not read in a file, and why; return the exit code."""
    errors = [(result.page, error) for result in results if (error := page_error(result)) is not None]
    for page, error in errors:
        complain(f"{_quote(file)}, page {page}: {error}")
    for note in dict.fromkeys(note for result in results for note in result.notes):
        printer.tell(f"note on {_quote(file)}: {note}")
    late = [f"timed out after {timeout:g} s"] if any(result.timed_out for result in results) else []
    if not any(results):
        located = sum(len(result.regions) for result in results)
        read = count(sum(len(result.codes) for result in results), "code")
        is_refused = any(result.codes for result in results)
        found = f"{read} read but not accepted" if is_refused else f"{located} located, none read"
        what = "no accepted code" if is_refused else "no code"
        printer.tell(f"{what} in {_quote(file)} ({'; '.join([*late, found, *printer.find_news(results)])})")
    elif late:
        printer.tell(f"{late[0]}: {_quote(file)} may hold more")
    return 2 if errors else 0 if any(results) else 1


def _quote(file: str) -> str:
    return repr(click.format_filename(file))


@dataclass(frozen=True, slots=True)
class _Printer:
    """What to print, and how."""

    as_text: bool
    as_json: bool
    explain: bool
    folder: Path | None
    quiet: bool
    verbose: bool
    # What was told: an engine or tier that is missing here is missing for every file.
    told: set[str] = field(default_factory=set)
    drawn: list[Path] = field(default_factory=list)

    def show(self, file: str, result: ReadResult) -> None:
        """Print a page."""
        explanation = result.explain() if self.explain else ""
        if self.as_json:
            more = {"explanation": explanation} if self.explain else {}
            named = {"file": row_name(file), "error": page_error(result)}
            click.echo(to_json({**named, **result.to_dict(), **more}))
        else:
            for line in self._lines(file, result):
                click.echo(line)
            if explanation:
                lines = (escape(line, backslash=False) for line in explanation.split("\n"))
                click.echo("\n".join([f"{escape(file)}, page {result.page}:", *lines]), err=True)
        if self.folder is not None and page_error(result) is None:
            self._draw(self.folder, file, result)
        if self.verbose:
            ms = f"{result.elapsed_s * 1000:,.0f} ms"
            done = (
                f"{count(len(result.attempts), 'attempt')} in {ms}, {_ENDS.get(result.ended, result.ended)}"
            )
            complain(f"{_quote(file)}, page {result.page}: {count(len(result.texts), 'code')}, {done}")

    def show_error(self, file: str, error: Exception) -> None:
        """Print why a file could not be read."""
        if self.as_json:
            click.echo(to_json({"file": row_name(file), "error": str(error), "page": None}))
        is_named = file == "-" or repr(file) in str(error)
        complain(error if is_named else f"{_quote(file)}: {error}")

    def tell(self, message: str) -> None:
        """Print a remark."""
        if not self.quiet:
            complain(message)

    def find_news(self, results: list[ReadResult]) -> list[str]:
        """Return the errors of engines and tiers, and a hint, that were not told before."""
        errors = [error for result in results for error in result.errors]
        hints = [] if self.explain else ["--explain says why"]
        news = [said for said in dict.fromkeys([*errors, *hints]) if said not in self.told]
        self.told.update(news)
        return news

    def _lines(self, file: str, result: ReadResult) -> Iterator[str]:
        for code in result.codes:
            if not code.accepted:
                continue
            if self.as_text:
                yield escape(code.text)
                continue
            figures = (
                f"{code.confidence:.3f}",
                code.strategy,
                f"{result.elapsed_s * 1000:.0f}",
                str(code.page),
            )
            yield "\t".join([escape(file), escape(code.text), *figures])

    def _draw(self, folder: Path, file: str, result: ReadResult) -> None:
        target = place_in(folder, "standard-input" if file == "-" else os.fspath(file))
        target = target.with_name(f"{target.name}.page{result.page}.png")
        target.unlink(missing_ok=True)
        result.draw().save(target)
        self.drawn.append(target)
