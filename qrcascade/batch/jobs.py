"""Reading the sources of a batch in worker processes, each source in one of them."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Generator
from queue import SimpleQueue

from qrcascade.batch.pipes import read_pipe
from qrcascade.cascade import Cascade
from qrcascade.documents import read_document
from qrcascade.documents.document import DOCUMENT
from qrcascade.errors import DocumentError, OptionError, in_words
from qrcascade.image.frame import Source
from qrcascade.isolation import Here, HungError, LostError, Worker, Workers
from qrcascade.isolation.messages import Item, Raised
from qrcascade.reading.options import DocumentKeywords
from qrcascade.report.result import ReadResult
from qrcascade.report.words import count

__all__ = ["Job", "JobReader"]

# Longest silence in seconds per page: a model may have to be fetched.
_SILENT_S = 600.0
# Allowance beyond a page's timeout, which is only checked between engine runs.
_OVERTIME_S = 60.0
# Longest wait at the end for processes that are just starting.
_STARTING_S = 5.0
# Pages in a row that cannot be rendered, after which a document is given up: some claim ten thousand.
_MOST_BROKEN = 20


class Job:
    """A source to read, and its results so far, or why it could not be read to its end.

    A ``fault`` ends the whole batch.
    """

    def __init__(self, index: int, name: str, source: Source) -> None:
        self.index, self.name, self.source = index, name, source
        self.results: list[ReadResult] = []
        self.error: str | None = None
        self.fault: Exception | None = None


class JobReader:
    """Reads each job in a worker process, which a thread waits for, and puts it into ``done``.

    No further page of a source is begun after ``limit_s`` seconds.
    """

    def __init__(
        self, cascade: Cascade, keywords: DocumentKeywords, threads: int, limit_s: float | None = None
    ) -> None:
        self.done: SimpleQueue[Job] = SimpleQueue()
        timeout = keywords.get("timeout")
        self._patience_s = _SILENT_S if timeout is None else timeout + _OVERTIME_S
        self._limit_s = math.inf if limit_s is None else limit_s
        self._asked = cascade, keywords
        self._workers = Workers(self._asked, threads=threads)
        self._busy: set[Worker] = set()
        self._threads: set[threading.Thread] = set()
        self._is_closed = False

    def begin(self, job: Job) -> None:
        """Begin to read a job; one that has an error already is done."""
        if job.error is not None:
            self.done.put(job)
            return
        # Daemons, since a program that ends does not wait for what is still being read.
        thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run(self, job: Job) -> None:
        _leave_interrupts_to_others()
        try:
            worker = self._workers.take(None)
            self._busy.add(worker)
            if self._is_closed or not self._read(job, worker):
                worker.close()
            else:
                self._workers.give_back(worker)
            self._busy.discard(worker)
            if self._is_closed:
                self._workers.close()
        except Exception as error:
            job.fault = error
        self._threads.discard(threading.current_thread())
        self.done.put(job)

    def _read(self, job: Job, worker: Worker) -> bool:
        """Read a job; return whether the worker can go on."""
        try:
            worker.begin(read_pages, job.source, *self._asked, self._limit_s)
            while isinstance(message := worker.receive(time.monotonic() + self._patience_s), Item):
                job.results.append(message.item)
        except HungError:
            job.error = f"its worker process was stopped: silent for {self._patience_s:g} s"
            return False
        except LostError as lost:
            job.error = f"its worker process ended ({lost})"
            return False
        except Exception as error:
            job.error = f"the source cannot be sent to a worker process: {in_words(error)}"
            return True
        if isinstance(message, Raised):
            if isinstance(message.error, OptionError):
                raise message.error
            job.error = message.text if message.error is None else str(message.error)
        return True

    def close(self) -> None:
        """End every process, whatever it is doing."""
        self._is_closed = True
        for worker in tuple(self._busy):
            worker.kill()
        # A process that is just starting is ended by the thread that starts it.
        end = time.monotonic() + _STARTING_S
        for thread in tuple(self._threads):
            thread.join(max(0.0, end - time.monotonic()))
        self._workers.close()


def _leave_interrupts_to_others() -> None:
    """Block SIGINT in this thread and the processes that it starts: they would print tracebacks."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        # It unblocks SIGINT when it starts, which happens with the first process.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def read_pages(
    _here: Here, source: Source, cascade: Cascade, keywords: DocumentKeywords, limit_s: float
) -> Generator[ReadResult, None, None]:
    """Read a source in the worker, page by page, until too much time has passed or too much is broken."""
    end = time.monotonic() + limit_s
    source = read_pipe(source, cascade.limits, keywords.get("timeout"))
    broken = 0
    for number, result in enumerate(read_document(source, cascade=cascade, **keywords), 1):
        if number > 1 and time.monotonic() > end:
            done = count(number - 1, "page")
            raise DocumentError(f"timed out: read {done} within {limit_s:g} s, and not the rest")
        yield result
        is_broken = any(attempt.strategy == DOCUMENT for attempt in result.attempts)
        broken = broken + 1 if is_broken else 0
        if broken == _MOST_BROKEN:
            raise DocumentError(f"given up: {broken} pages in a row could not be rendered")
