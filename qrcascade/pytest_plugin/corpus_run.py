"""A run over a corpus: what is registered with pytest, and the summary at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qrcascade import OptionError
from qrcascade.profile.measure import versions
from qrcascade.pytest_plugin import report_page
from qrcascade.pytest_plugin.baseline import Baseline
from qrcascade.pytest_plugin.configuration import Options, resolve_path
from qrcascade.pytest_plugin.corpus import Corpus
from qrcascade.pytest_plugin.items import REPORTED, CorpusRun
from qrcascade.pytest_plugin.outcome import Outcome
from qrcascade.pytest_plugin.summary import COLUMNS, Summary
from qrcascade.report.words import count, escape

__all__ = ["Closer", "start"]


def start(config: pytest.Config) -> None:
    """Register the part that collects and reads and, except in a worker of xdist, the part that sums up.

    Do nothing if only the ini file names the corpus, and the arguments name tests elsewhere. Raises
    `pytest.UsageError` if an option, the corpus or the baseline is invalid.
    """
    corpus = resolve_path(config, "qr_corpus")
    paths = [Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args]
    # If the arguments name pictures, run just those; do not collect the corpus twice.
    is_named = any(path.is_relative_to(corpus) or corpus.is_relative_to(path) for path in paths)
    elsewhere = config.args_source is config.ArgsSource.ARGS and not config.option.qr_corpus
    if elsewhere and not is_named:
        return
    try:
        _register(config)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from error
    if not is_named:
        config.args.append(str(corpus))


def _register(config: pytest.Config) -> None:
    options = Options.from_config(config)
    corpus = Corpus.load(options.corpus)
    baseline = Baseline.load(options.baseline)
    reading = CorpusRun(config, options, corpus, baseline)
    config.pluginmanager.register(reading, "qrcascade-reading")
    if hasattr(config, "workerinput"):
        return
    closing = Closer(options, corpus, baseline, config.option.verbose)
    if baseline is not None and not options.update and closing.summary().is_of_another_run:
        raise OptionError(
            f"{str(options.baseline)!r} is {baseline}, but this run uses {options.preset!r} with "
            f"expect={options.expect!r}: name another file with --qr-baseline, or update it with "
            "--qr-update-baseline"
        )
    unknown = {*options.floors} - {tally.tag for tally in closing.summary().tallies()}
    if unknown:
        raise OptionError(
            f"qr_floor in pytest's configuration: no picture has the tag {', '.join(sorted(unknown))!r}"
        )
    config.pluginmanager.register(closing, "qrcascade-closing")
    shutil.rmtree(reading.folder, ignore_errors=True)


class Closer:
    """The part of the plugin that gathers outcomes and sums up, once even if several processes read."""

    def __init__(
        self, options: Options, corpus: Corpus, baseline: Baseline | None, verbosity: int = 0
    ) -> None:
        self._options, self._corpus, self._baseline = options, corpus, baseline
        self._verbosity = verbosity
        self._outcomes: dict[str, Outcome] = {}
        self._versions = dict(versions())
        self._written: list[str] = []

    def summary(self) -> Summary:
        """Return the summary so far."""
        outcomes = {key: self._outcomes[key] for key in self._corpus.cases if key in self._outcomes}
        return Summary(self._options, self._corpus, self._baseline, outcomes, self._versions)

    def pytest_report_header(self) -> str | list[str]:
        """Return a line about the corpus, the preset and the baseline, if pytest is to be verbose."""
        if self._verbosity < 1:
            return []
        options = self._options
        expect = "" if options.expect is None else f", expect {options.expect}"
        before = "" if self._baseline is not None else " (none yet)"
        names = f"preset {options.preset}{expect}, baseline {options.baseline}{before}"
        return f"qr corpus: {options.corpus}, {count(len(self._corpus.cases), 'picture')}, {names}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of a picture."""
        found = getattr(report, REPORTED, None)
        if found is not None:
            outcome = Outcome.from_dict(found)
            self._outcomes[outcome.key] = outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Check the floors and the budget, and write the baseline and the report."""
        summary = self.summary()
        if not summary.outcomes:
            return
        if next(summary.failures(), None) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        try:
            self._write(summary)
        except OSError as error:
            self._written.append(f"not written: {error}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write(self, summary: Summary) -> None:
        if (baseline := summary.update_baseline()) is not None:
            baseline.save(self._options.baseline)
            part = "" if summary.is_whole else f", {len(summary.outcomes)} of its pictures"
            self._written.append(f"baseline written: {self._options.baseline}{part}")
        if self._options.report is not None:
            report_page.write(summary, self._options.report)
            self._written.append(f"report written: {self._options.report}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what fails the run and what changed; with ``-v`` also the table and further remarks."""
        summary, out = self.summary(), terminalreporter
        if not summary.outcomes:
            return
        failures, is_verbose = list(summary.failures()), self._verbosity > 0
        notes = [*summary.changes(), *(summary.notes() if is_verbose else ()), *self._written]
        if not failures and not summary.corpus.orphans and self._verbosity < 0:
            return
        out.section(f"QR corpus {escape(self._options.corpus.name)}, preset {self._options.preset}")
        if failures or is_verbose:
            self._print_table(summary, out)
        else:
            read = sum(outcome.is_read for outcome in summary.outcomes.values())
            out.line(f"{read:,} of {count(len(summary.outcomes), 'picture')} read")
        for line in failures:
            out.line(line, red=True, bold=True)
        for line in notes:
            out.line(escape(line, backslash=False))

    @staticmethod
    def _print_table(summary: Summary, out: pytest.TerminalReporter) -> None:
        rows = [COLUMNS, *(tally.cells() for tally in summary.tallies())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            out.line("  ".join([row[0].ljust(widths[0]), *numbers]))
