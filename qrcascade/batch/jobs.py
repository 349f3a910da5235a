"""One worker process of a batch: it reads one source at a time, and says so page by page."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from qrcascade.cascade import Cascade
from qrcascade.documents import read_document
from qrcascade.errors import OptionError, WorkerError
from qrcascade.image.frame import Source
from qrcascade.isolation import Here, LostError, Worker
from qrcascade.isolation.messages import Item, Raised, Value
from qrcascade.reading.options import DocumentKeywords
from qrcascade.report.result import ReadResult

__all__ = ["BatchWorker", "Job"]

# Seconds without a sign of life, first of starting, then for a page: a model may have to be fetched.
_START_S, _SILENT_S = 120.0, 600.0
# What a page may take beyond its timeout, which is only looked at between engine runs.
_OVERTIME_S = 60.0


class Job:
    """A source that a worker reads, and what it has read so far.

    Parameters
    ----------
    index : int
        Its number in the batch, from 0.
    name : str
        What it is called.
    source : path, bytes, ndarray or PIL.Image.Image
        To be sent to the worker.

    Attributes
    ----------
    results : list of ReadResult
        Of its pages.
    error : str or None
        What ended it.
    """

    def __init__(self, index: int, name: str, source: Source) -> None:
        self.index, self.name, self.source = index, name, source
        self.results: list[ReadResult] = []
        self.error: str | None = None


class BatchWorker:
    """One worker process.

    Parameters
    ----------
    cascade : Cascade
        What reads; sent once.
    keywords : mapping
        Of `read_document`.
    threads : int
        How many it may use.

    Attributes
    ----------
    job : Job or None
        What it reads.
    is_ready : bool
        Whether it has started.
    """

    def __init__(self, cascade: Cascade, keywords: DocumentKeywords, threads: int) -> None:
        self.job: Job | None = None
        self.is_ready = False
        timeout = keywords.get("timeout")
        self._patience_s = _SILENT_S if timeout is None else timeout + _OVERTIME_S
        self._until = time.monotonic() + _START_S
        self._asked = cascade, keywords
        self._worker = Worker(self._asked, threads=threads)

    @property
    def connection(self) -> Any:
        """To wait for."""
        return self._worker.connection

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a job."""
        return self.is_ready and self.job is None

    @property
    def left_s(self) -> float:
        """Seconds until it should have said something."""
        return max(0.0, self._until - time.monotonic())

    @property
    def has_ended(self) -> bool:
        """Whether it is closed, or lost."""
        return bool(self.connection.closed)

    def begin(self, job: Job) -> bool:
        """Send a job; False where its source cannot be sent, which is its error then."""
        self._until = time.monotonic() + self._patience_s
        try:
            self._worker.begin(read_pages, job.source, *self._asked)
        except LostError:
            # The next `hear` says so.
            pass
        except Exception as error:
            job.error = f"it cannot be sent to a worker process: {type(error).__name__}: {error}"
            return False
        self.job = job
        return True

    def hear(self) -> Job | None:
        """Take in one message; return the job where that was its last.

        Raises
        ------
        OptionError
            If an option means nothing.
        WorkerError
            If the process ended while it started.
        """
        try:
            message = self._worker.receive(time.monotonic())
        except LostError as lost:
            return self._lose(f"the worker process that read it ended ({lost})", str(lost))
        self._until = time.monotonic() + self._patience_s
        if not self.is_ready:
            self.is_ready = True
            return None
        assert self.job is not None
        if isinstance(message, Item):
            self.job.results.append(message.item)
            return None
        assert isinstance(message, Value | Raised)
        done, self.job = self.job, None
        if isinstance(message, Raised):
            if isinstance(message.error, OptionError):
                raise message.error
            done.error = message.text if message.error is None else str(message.error)
        return done

    def end_silent(self) -> Job | None:
        """End the process, since it has not said anything in time; return the job that it was at."""
        silent = f"silent for {self._patience_s:g} s"
        return self._lose(f"the worker process that read it was ended: {silent}", silent)

    def _lose(self, error: str, how: str) -> Job:
        self.close()
        if self.job is None:
            raise WorkerError(
                f"a worker process did not start ({how}); a program that reads in several "
                'processes needs its start under `if __name__ == "__main__":`'
            )
        lost, self.job = self.job, None
        lost.error = error
        return lost

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._worker.close()


def read_pages(
    _here: Here, source: Source, cascade: Cascade, keywords: DocumentKeywords
) -> Generator[ReadResult, None, None]:
    """Read a source in the worker, page by page."""
    yield from read_document(source, cascade=cascade, **keywords)
