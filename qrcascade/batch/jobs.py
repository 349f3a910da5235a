"""One worker process of a batch, which reads one source at a time and reports each page."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from qrcascade.cascade import Cascade
from qrcascade.documents import read_document
from qrcascade.errors import OptionError, WorkerError, in_words
from qrcascade.image.frame import Source
from qrcascade.isolation import Here, LostError, Worker
from qrcascade.isolation.messages import Item, Raised, Value
from qrcascade.reading.options import DocumentKeywords
from qrcascade.report.result import ReadResult

__all__ = ["BatchWorker", "Job"]

# Longest silence in seconds, while starting and per page: a model may have to be fetched.
_START_S, _SILENT_S = 120.0, 600.0
# Allowance beyond a page's timeout, which is only checked between engine runs.
_OVERTIME_S = 60.0


class Job:
    """A source for a worker to read, and its results so far, or why it could not be read to its end."""

    def __init__(self, index: int, name: str, source: Source) -> None:
        self.index, self.name, self.source = index, name, source
        self.results: list[ReadResult] = []
        self.error: str | None = None


class BatchWorker:
    """One worker process of a batch, which the cascade and keywords of `read_document` are sent to once.

    ``job`` is the one in progress; ``is_ready`` says whether the process has started.
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
        """The connection to wait on."""
        return self._worker.connection

    @property
    def is_idle(self) -> bool:
        """Whether the worker waits for a job."""
        return self.is_ready and self.job is None

    @property
    def left_s(self) -> float:
        """Seconds until the worker counts as hung."""
        return max(0.0, self._until - time.monotonic())

    @property
    def has_ended(self) -> bool:
        """Whether the process is closed or lost."""
        return bool(self.connection.closed)

    def begin(self, job: Job) -> bool:
        """Send a job; return False, and set its error, if its source cannot be sent."""
        self._until = time.monotonic() + self._patience_s
        try:
            self._worker.begin(read_pages, job.source, *self._asked)
        except LostError:
            # The next `receive` reports it.
            pass
        except Exception as error:
            job.error = f"the source cannot be sent to a worker process: {in_words(error)}"
            return False
        self.job = job
        return True

    def receive(self) -> Job | None:
        """Receive one message; return the job if that was its last.

        Raises `OptionError` if an option is invalid, and `WorkerError` if the process ended while starting.
        """
        try:
            message = self._worker.receive(time.monotonic())
        except LostError as lost:
            return self._lose(f"its worker process ended ({lost})", str(lost))
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
        """Stop the process, which has been silent for too long; return its job."""
        silent = f"silent for {self._patience_s:g} s"
        return self._lose(f"its worker process was stopped: {silent}", silent)

    def _lose(self, error: str, how: str) -> Job:
        self.close()
        if self.job is None:
            raise WorkerError(
                f"a worker process did not start ({how}); a program that reads in several "
                'processes must start under `if __name__ == "__main__":`'
            )
        lost, self.job = self.job, None
        lost.error = error
        return lost

    def close(self) -> None:
        """Stop the process, whatever it is doing."""
        self._worker.close()


def read_pages(
    _here: Here, source: Source, cascade: Cascade, keywords: DocumentKeywords
) -> Generator[ReadResult, None, None]:
    """Read a source in the worker, page by page."""
    yield from read_document(source, cascade=cascade, **keywords)
