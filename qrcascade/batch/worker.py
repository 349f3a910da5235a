"""A worker process, and the parent's side of it: one source at a time, a message for every page."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from multiprocessing.connection import Connection
from typing import Any

from qrcascade.cascade import Cascade
from qrcascade.documents import read_document
from qrcascade.errors import OptionError, QRCascadeError, WorkerError
from qrcascade.frame import Source
from qrcascade.isolation.process import Spawned, settle
from qrcascade.results import ReadResult

__all__ = ["Job", "Worker"]

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


class Worker:
    """One worker process.

    Parameters
    ----------
    payload : bytes
        The pickled cascade and options of `read_document`.
    threads : int
        How many it may use.
    timeout : float, optional
        Seconds that a page may take.

    Attributes
    ----------
    connection : Connection
        To wait for.
    job : Job or None
        What it reads.
    """

    def __init__(self, payload: bytes, threads: int, timeout: float | None) -> None:
        self.job: Job | None = None
        self.ready = False
        self._patience_s = _SILENT_S if timeout is None else timeout + _OVERTIME_S
        self._until = time.monotonic() + _START_S
        self._process = Spawned(_main, payload, threads, name="qrcascade batch")
        self.connection = self._process.connection

    @property
    def idle(self) -> bool:
        """Whether it waits for a job."""
        return self.ready and self.job is None

    @property
    def left_s(self) -> float:
        """Seconds until it should have said something."""
        return max(0.0, self._until - time.monotonic())

    def begin(self, job: Job) -> bool:
        """Send a job; False where its source cannot be sent, which is its error then."""
        try:
            sent = pickle.dumps(job.source)
        except Exception as error:
            job.error = f"it cannot be sent to a worker process: {type(error).__name__}: {error}"
            return False
        self.job, self._until = job, time.monotonic() + self._patience_s
        with contextlib.suppress(OSError):
            # Where it has ended, the next `hear` says so.
            self.connection.send_bytes(sent)
        return True

    def hear(self) -> Job | None:
        """Take in one message; the job, where that was its last.

        Raises
        ------
        OptionError
            If an option means nothing.
        WorkerError
            If it ended while it started.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._lost(f"the worker process that read it ended ({self._process.end()})")
        self._until = time.monotonic() + self._patience_s
        if isinstance(message, OptionError):
            raise message
        if not self.ready:
            self.ready = True
            return None
        assert self.job is not None
        if isinstance(message, ReadResult):
            self.job.results.append(message)
            return None
        done, self.job = self.job, None
        done.error = message
        return done

    def silent(self) -> Job | None:
        """End it, since it has not said anything in time; the job that it was at."""
        return self._lost(f"the worker process that read it was ended: silent for {self._patience_s:g} s")

    def _lost(self, error: str) -> Job:
        self.close()
        if self.job is None:
            raise WorkerError(
                f"a worker process did not start ({self._process.end()}); a program that reads in several "
                'processes needs its start under `if __name__ == "__main__":`'
            )
        lost, self.job = self.job, None
        lost.error = error
        return lost

    @property
    def ended(self) -> bool:
        """Whether it is closed, or lost."""
        return self.connection.closed

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._process.close()


def _main(connection: Connection[Any, Any], payload: bytes, threads: int) -> None:
    settle()
    # Before torch is loaded; numpy has been.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(threads)
    cascade, options = pickle.loads(payload)
    with contextlib.suppress(EOFError, OSError):
        connection.send(None)
        while True:
            source = pickle.loads(connection.recv_bytes())
            connection.send(_read(connection, source, cascade, options))


def _read(
    connection: Connection[Any, Any], source: Source, cascade: Cascade, options: dict[str, Any]
) -> str | OptionError | None:
    """Send a result a page; what went wrong at last."""
    try:
        for result in read_document(source, cascade=cascade, **options):
            connection.send(result)
    except OptionError as error:
        return error
    except QRCascadeError as error:
        return str(error)
    except (EOFError, OSError) as error:
        if connection.closed:
            raise
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
