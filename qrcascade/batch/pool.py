"""Reading many sources in worker processes, with only a few in memory at a time."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qrcascade.batch.jobs import Job, JobReader
from qrcascade.cascade import Cascade
from qrcascade.documents.document import DOCUMENT, split_keywords
from qrcascade.errors import ImageError, OptionError, in_words
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits, is_count
from qrcascade.image.sources import describe, read_content
from qrcascade.reading.options import DocumentKeywords
from qrcascade.report.result import ReadResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Record", "check_sources", "processors", "read_groups", "read_many", "row_name"]

# With `ordered`, at most this many sources per worker wait for an earlier one.
_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one page of one source; true if a code was read and accepted.

    Parameters
    ----------
    index : int
        The source's number in the batch, from 0.
    source : str
        The path as given, or a description of any other source.
    page : int or None
        Page number, from 1; None if ``error`` concerns the whole source, whose last record this is.
    result : ReadResult or None
        The result; None if the source could not be opened or its worker process ended.
    error : str or None
        Error of the page or the source.
    rows : int
        Number of records of the source; they follow each other.
    """

    index: int
    source: str
    page: int | None
    result: ReadResult | None
    error: str | None = None
    rows: int = 1

    def __bool__(self) -> bool:
        return bool(self.result)

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON: "file", "page", "rows", "error", and everything in the result."""
        head = {"file": row_name(self.source), "page": self.page, "rows": self.rows, "error": self.error}
        return head if self.result is None else {**head, **self.result.to_dict()}


def row_name(source: str) -> str:
    """Return a source's name in a form that JSON can hold, whatever bytes a path has."""
    return source.encode("utf-8", "backslashreplace").decode()


def read_many(
    sources: Iterable[Source],
    *,
    workers: int | None = None,
    ordered: bool = False,
    cascade: Cascade | None = None,
    **keywords: Unpack[DocumentKeywords],
) -> Iterator[Record]:
    """Read many pictures and documents in worker processes.

    Each process loads its models once. Sources are taken from the iterable as workers become free, and
    results are yielded as they arrive, so memory does not grow with the number of sources. A source that
    crashes or hangs its worker process gives a record with an error, and another continues with the next.
    The workers end when the iterator is exhausted, closed or deleted.

    Parameters
    ----------
    sources : iterable of path, bytes, binary file, PIL.Image.Image or ndarray
        What to read. Prefer paths: other sources are sent to the worker whole.
    workers : int, optional
        Number of processes; by default one per processor that this process may use.
    ordered : bool
        Whether to yield results in the order of their sources, which keeps some of them waiting.
    cascade : Cascade, optional
        Cascade that reads; by default the "thorough" preset. It must not have isolation: the workers have it.
    **keywords
        As for `read_document`. ``accept`` must be a pattern, or a function that can be pickled.

    Yields
    ------
    Record
        One per page; a picture has one page. Records of one source follow each other. Their results have no
        picture.

    Raises
    ------
    OptionError
        If an option is invalid or cannot be sent to another process, or ``sources`` is a single source.
    """
    return _flatten(read_groups(sources, workers=workers, ordered=ordered, cascade=cascade, **keywords))


def _flatten(groups: Generator[tuple[Record, ...]]) -> Iterator[Record]:
    with contextlib.closing(groups):
        yield from itertools.chain.from_iterable(groups)


def read_groups(
    sources: Iterable[Source],
    *,
    workers: int | None = None,
    ordered: bool = False,
    cascade: Cascade | None = None,
    threads: int | None = None,
    **keywords: Unpack[DocumentKeywords],
) -> Generator[tuple[Record, ...]]:
    """Read like `read_many`, and yield all records of a source together.

    ``threads`` is the number of threads per worker; by default the workers share the processors.
    """
    check_sources(sources)
    workers = processors() if workers is None else workers
    if not is_count(workers):
        raise OptionError(f"workers must be None or a positive integer, got {workers!r}")
    threads = max(1, processors() // workers) if threads is None else threads
    if not is_count(threads):
        raise OptionError(f"threads must be None or a positive integer, got {threads!r}")
    cascade = Cascade.preset() if cascade is None else cascade
    if cascade.isolation is not None:
        raise OptionError("a batch has its own worker processes: give it a cascade without isolation")
    split_keywords(keywords)
    try:
        pickle.dumps((cascade, keywords))
    except Exception as error:
        why = f"it must be possible to pickle cascade and accept: {in_words(error)}"
        raise OptionError(why) from error
    reader = JobReader(cascade, keywords, threads)
    return _read_in_turn(reader, sources, cascade.limits, workers, ordered)


def check_sources(sources: object) -> None:
    """Raise an `OptionError` if this is one source, whose characters or rows would be taken for many."""
    shape = np.shape(sources) if isinstance(sources, np.ndarray) else ()
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    is_one = isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Frame) or is_picture
    if is_one or hasattr(sources, "read") or not isinstance(sources, Iterable):
        raise OptionError(f"sources must be a list or another iterable of sources, got {describe(sources)}")


def _read_in_turn(
    reader: JobReader, sources: Iterable[Source], limits: Limits, number: int, is_ordered: bool
) -> Generator[tuple[Record, ...]]:
    """Yield the records of each source, of which ``number`` are read at a time."""
    # The sources first: they may resume after their end.
    jobs = map(partial(_make_job, limits), sources, itertools.count())
    held: dict[int, Job] = {}
    running = drawn = following = 0
    try:
        while True:
            while running < number and not (is_ordered and drawn >= following + _AHEAD * number):
                if (job := next(jobs, None)) is None:
                    break
                reader.begin(job)
                running, drawn = running + 1, drawn + 1
            if following in held:
                yield _records(held.pop(following))
                following += 1
                continue
            if not running:
                return
            job = reader.done.get()
            running -= 1
            if job.fault is not None:
                raise job.fault
            held[job.index if is_ordered else following] = job
    finally:
        reader.close()


def _make_job(limits: Limits, source: Source, index: int) -> Job:
    is_path = isinstance(source, str | os.PathLike)
    job = Job(index, str(source) if is_path else describe(source), source)
    if not is_path and hasattr(source, "read"):
        try:
            job.source = read_content(source, limits)
        except ImageError as error:
            job.error = str(error)
    return job


def _records(job: Job) -> tuple[Record, ...]:
    rows = len(job.results) + (job.error is not None)
    head = job.index, job.name
    pages = [Record(*head, result.page, result, _page_error(result), rows) for result in job.results]
    if job.error is not None:
        pages.append(Record(*head, None, None, job.error, rows))
    return tuple(pages)


def _page_error(result: ReadResult) -> str | None:
    """Return why a document's page could not be rendered, if so."""
    return next((a.error for a in result.attempts if a.strategy == DOCUMENT), None)


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
