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
from qrcascade.cascade import Cascade, Preset, choose_cascade
from qrcascade.documents.document import DOCUMENT, split_keywords
from qrcascade.errors import ImageError, OptionError, in_words
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits, is_count
from qrcascade.image.sources import describe, read_content
from qrcascade.reading.options import DocumentKeywords
from qrcascade.report.result import ReadResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Record",
    "check_sources",
    "page_error",
    "processors",
    "read_groups",
    "read_many",
    "row_name",
]

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
    preset: Preset | None = None,
    cascade: Cascade | None = None,
    document_timeout: float | None = None,
    **keywords: Unpack[DocumentKeywords],
) -> Iterator[Record]:
    """Read many pictures and documents in worker processes; a crash or a hang is the error of one record.

    Parameters
    ----------
    sources : iterable of path, bytes, binary file, PIL.Image.Image or ndarray
        Prefer paths: other sources are sent to the worker whole.
    workers : int, optional
        Number of processes; by default one per processor.
    ordered : bool
        Yield results in the order of their sources, not as they arrive.
    preset, cascade : str and Cascade, optional
        As for `read_document`. A cascade must not have isolation: the workers have it.
    document_timeout : float, optional
        Seconds after which no further page of a document is begun; its last record then says so.
    **keywords
        As for `read_document`; if ``accept`` is a function, it must be possible to pickle it.

    Yields
    ------
    Record
        One per page, without its picture; those of a source follow each other.

    Raises
    ------
    OptionError
        If an option is invalid or cannot be sent to another process, or ``sources`` is a single source.
    """
    how: dict[str, Any] = {"workers": workers, "ordered": ordered, "document_timeout": document_timeout}
    return _flatten(read_groups(sources, cascade=choose_cascade(cascade, preset), **how, **keywords))


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
    document_timeout: float | None = None,
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
    cascade = choose_cascade(cascade, None)
    if cascade.isolation is not None:
        raise OptionError("a batch has its own worker processes: give it a cascade without isolation")
    split_keywords(keywords, others=("workers", "ordered", "document_timeout"))
    if document_timeout is not None and not document_timeout > 0:
        raise OptionError(f"document_timeout must be None or a positive number, got {document_timeout!r}")
    try:
        pickle.dumps((cascade, keywords))
    except Exception as error:
        why = f"it must be possible to pickle cascade and accept: {in_words(error)}"
        raise OptionError(why) from error
    reader = JobReader(cascade, keywords, threads, document_timeout)
    return _read_in_turn(reader, sources, cascade.limits, workers, ordered)


def check_sources(sources: object, name: str = "sources") -> None:
    """Raise an `OptionError` if this is one source, whose characters or rows would be taken for many."""
    shape = np.shape(sources) if isinstance(sources, np.ndarray) else ()
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    is_one = isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Frame) or is_picture
    if is_one or hasattr(sources, "read") or not isinstance(sources, Iterable):
        # Unlike Path.is_dir, this takes any text.
        is_folder = isinstance(sources, str | os.PathLike) and os.path.isdir(sources)  # noqa: PTH112
        hint = "; Path(folder).rglob('*.jpg') lists a folder" if is_folder else ""
        raise OptionError(
            f"{name} must be a list or another iterable of pictures, got {describe(sources)}{hint}"
        )


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
    pages = [Record(*head, result.page, result, page_error(result), rows) for result in job.results]
    if job.error is not None:
        pages.append(Record(*head, None, None, job.error, rows))
    return tuple(pages)


def page_error(result: ReadResult) -> str | None:
    """Return why a document's page could not be rendered, if so."""
    return next((a.error for a in result.attempts if a.strategy == DOCUMENT), None)


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
