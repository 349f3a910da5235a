"""Pictures as files and items of pytest, and reading them."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from qrcascade import Cascade, QRCascadeError, ReadResult, read_document
from qrcascade.pytest_plugin.baseline import Baseline
from qrcascade.pytest_plugin.configuration import EVERY, Options
from qrcascade.pytest_plugin.corpus import Case, Corpus
from qrcascade.pytest_plugin.outcome import Outcome
from qrcascade.report.explain import explain_unread
from qrcascade.report.words import escape

__all__ = ["REPORTED", "CorpusRun"]

REPORTED = "qrcascade_outcome"
"""Attribute of a test report with the outcome, which xdist transfers."""
_SAVED_SIDE = 1600


class CorpusRun:
    """The part of the plugin that collects and reads, in every process that runs tests."""

    def __init__(
        self, config: pytest.Config, options: Options, corpus: Corpus, baseline: Baseline | None
    ) -> None:
        self.options = options
        self._config = config
        self._before = {} if baseline is None else baseline.pictures
        self._gone = [] if baseline is None else baseline.list_gone(corpus.cases)
        self._files: dict[Path, list[Case]] = {}
        for case in corpus.cases.values():
            self._files.setdefault((corpus.folder / case.file).resolve(), []).append(case)
        self._parents = {parent for file in self._files for parent in file.parents}

    @functools.cached_property
    def _unblocked(self) -> set[Path]:
        """Folders between an argument and a picture that ``norecursedirs`` excludes."""
        patterns = self._config.getini("norecursedirs")
        arguments = [Path(argument.split("::")[0]).resolve() for argument in self._config.args]
        return {
            folder
            for folder in self._parents
            if any(fnmatch(folder.name, p) or fnmatch(str(folder), f"*{os.sep}{p}") for p in patterns)
            and any(folder != path and folder.is_relative_to(path) for path in arguments)
        }

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Let pytest enter those folders, but collect only the pictures in them."""
        if not self._unblocked:
            return None
        path = collection_path.resolve()
        if path in self._unblocked:
            return False
        beside = path not in self._parents and path not in self._files and self._unblocked & {*path.parents}
        return True if beside else None

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect the file if it is a picture of the corpus."""
        cases = self._files.get(file_path.resolve())
        if cases is None:
            return None
        return PictureFile.from_parent(parent, **self._describe_file(file_path, cases))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add a test that fails for each picture that is gone, if all others were collected."""
        collected = sum(isinstance(item, PictureItem) for item in items)
        if self.options.update or collected < sum(map(len, self._files.values())):
            return
        for key in self._gone:
            path = self.options.corpus / key.partition("#page=")[0]
            parent = PictureFile.from_parent(session, **self._describe_file(path, []))
            items.append(GoneItem.from_parent(parent, key=key))

    def _describe_file(self, path: Path, cases: list[Case]) -> dict[str, Any]:
        found: dict[str, Any] = {"path": path, "cases": cases, "reading": self}
        if not str(path).isprintable():
            relative = Path(os.path.relpath(path, self._config.rootpath))
            found["nodeid"] = escape(relative.as_posix(), backslash=False)
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Add the outcome of a picture to its report."""
        report = yield
        if call.when == "call" and isinstance(item, PictureItem) and item.outcome is not None:
            setattr(report, REPORTED, asdict(item.outcome))
        return report

    @functools.cached_property
    def cascade(self) -> Cascade:
        """The cascade, warmed up so that the time of the first picture includes no loading."""
        import numpy as np

        blank = np.full((640, 640), 255, np.uint8)
        self.options.cascade.read(blank)
        _read_bare(blank)
        return self.options.cascade

    @functools.cached_property
    def folder(self) -> Path:
        """Folder for annotated pictures: in pytest's cache, else a new temporary one."""
        cache = getattr(self._config, "cache", None)
        return Path(tempfile.mkdtemp(prefix="qrcascade-")) if cache is None else cache.mkdir("qrcascade")

    def read(self, path: Path, case: Case) -> Outcome:
        """Read a picture, time that and bare zxing-cpp, and return the outcome."""
        expect = case.codes or None if self.options.expect == "truth" else self.options.expect
        before = self._before.get(case.key)
        cascade, page = self.cascade, case.page or 1
        try:
            file = path.read_bytes()
            timeout, formats = self.options.timeout, self.options.formats
            how: dict[str, Any] = {"expect": expect, "timeout": timeout, "formats": formats}
            (result,) = read_document(file, pages=[page], cascade=cascade, **how)
        except (QRCascadeError, OSError) as error:
            known, lost = before is not None, before or ()
            return Outcome(case.key, case.tags, known=known, lost=lost, broken=str(error))
        outcome = Outcome.judge(case, result, before, bare_ms=_time_bare(file, page - 1))
        if outcome.is_sound:
            return outcome
        why = tuple(explain_unread(result)) if outcome.short else ()
        if case.page is None and result.pages and result.pages > 1:
            why += (f"Only page 1 of {result.pages} was read: name the others in a manifest.",)
        drawn, plain = self._save(case, result)
        return replace(outcome, why=why, drawn=str(drawn), plain=str(plain))

    def find_excuse(self, outcome: Outcome) -> str:
        """Return why a picture that was not read does not fail; "" if it does."""
        if outcome.wrong or outcome.broken or (outcome.timed_out and self.options.update):
            return ""
        if self.options.update:
            return "not read; the baseline will record that"
        if outcome.lost:
            return ""
        if outcome.known:
            return "not read in the baseline either"
        floor = next((tag for tag in (*outcome.tags, EVERY) if tag in self.options.floors), None)
        return "" if floor is None else f"not read; the floor of {floor!r} decides"

    def _save(self, case: Case, result: ReadResult) -> tuple[Path, Path]:
        """Save the picture with what was found, and as it is; return the two paths."""
        from PIL import Image

        assert result.picture is not None
        drawn = self.folder / f"{case.key.replace('#', '-')}.jpg"
        plain = drawn.with_suffix(".plain.jpg")
        drawn.parent.mkdir(parents=True, exist_ok=True)
        for image, path in ((result.draw(), drawn), (Image.fromarray(result.picture.color), plain)):
            image.thumbnail((_SAVED_SIDE, _SAVED_SIDE))
            image.save(path, quality=85)
        return drawn, plain


class PictureFile(pytest.File):
    """A picture file, with an item for each of its pages in the corpus."""

    def __init__(self, *, cases: list[Case], reading: CorpusRun, **others: Any) -> None:
        super().__init__(**others)
        self._cases, self._reading = cases, reading

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the items."""
        for case in self._cases:
            yield PictureItem.from_parent(self, case=case, reading=self._reading)


class _Item(pytest.Item):
    """A test of one picture. If it fails, its line in pytest's summary begins with ``message``."""

    message = ""

    def __init__(self, *, key: str, **others: Any) -> None:
        # The file's name, as JUnit's readers show it without the path.
        super().__init__(name=escape(PurePosixPath(key).name, backslash=False), **others)
        self._key = key

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the heading of a failure, with the picture's name."""
        # Not the name itself: pytest would take its last part for an attribute.
        return self.path, None, f"picture {escape(self._key)}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Replace the message of a failure that this plugin raised, which begins with "Failed:"."""
        shown: Any = super().repr_failure(excinfo, style)
        crash = getattr(shown, "reprcrash", None)
        if crash is not None and isinstance(excinfo.value, pytest.fail.Exception):
            crash.message = self.message or crash.message
        return shown


class PictureItem(_Item):
    """One picture to read."""

    def __init__(self, *, case: Case, reading: CorpusRun, **others: Any) -> None:
        super().__init__(key=case.key, **others)
        self.outcome: Outcome | None = None
        self._case, self._reading = case, reading
        # Let -k select by tag.
        self.extra_keyword_matches.update(case.tags)

    def runtest(self) -> None:
        """Read the picture; fail if it is not read as it should be."""
        self.outcome = outcome = self._reading.read(self.path, self._case)
        if outcome.is_sound or (outcome.is_read and self._reading.options.update):
            return
        lines = list(outcome.lines())
        self.message = "\n".join([outcome.cause, *lines])
        if excuse := self._reading.find_excuse(outcome):
            # Under --runxfail this does nothing, and the test fails.
            pytest.xfail(excuse)
        pytest.fail("\n".join(lines), pytrace=False)


class GoneItem(_Item):
    """A picture that the baseline has and the corpus no longer has."""

    message = "gone from the corpus, but in the baseline: put it back, or update the baseline"

    def runtest(self) -> None:
        """Fail."""
        pytest.fail(self.message, pytrace=False)


def _read_bare(source: Any) -> None:
    import zxingcpp

    zxingcpp.read_barcodes(source, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))


def _time_bare(file: bytes, frame: int) -> float | None:
    """Return the milliseconds of bare zxing-cpp with decoding; None if it cannot open the picture."""
    import io

    from PIL import Image

    start = time.perf_counter()
    try:
        with Image.open(io.BytesIO(file)) as image:
            image.seek(frame)
            _read_bare(image)
    except Exception:
        return None
    return (time.perf_counter() - start) * 1000
