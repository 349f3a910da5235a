"""Metrics for Prometheus: requests, times of requests and tiers, the queue, models, memory."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from qrcascade import ReadResult, __version__
from qrcascade.server.queue import Queue

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_NEURAL = ("nano", "small", "medium", "large")


class Metrics:
    """The metrics of one service, in their own registry.

    Parameters
    ----------
    queue : Queue
        The queue whose depth is reported.
    """

    def __init__(self, queue: Queue) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "qrcascade_requests",
            "Requests by endpoint, outcome, and the tier that read the best code.",
            ["endpoint", "outcome", "strategy"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "qrcascade_request_seconds",
            "Seconds from a request's head to its answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._strategy_seconds = Histogram(
            "qrcascade_strategy_seconds",
            "Seconds that a tier spent on a page, including the loading of its model.",
            ["strategy"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "qrcascade_queue_seconds", "Seconds of waiting for a turn.", buckets=_SECONDS, registry=registry
        )
        self._loaded = Gauge(
            "qrcascade_model_loaded",
            "1 if the model answered last time, 0 if it could not.",
            ["model"],
            registry=registry,
        )
        self._loads = Counter(
            "qrcascade_model_loads",
            "Times that a model started or stopped answering, including its first answer.",
            ["model", "outcome"],
            registry=registry,
        )
        self._answers: dict[str, bool] = {}
        _add_gauges(registry, queue)

    def count_request(self, endpoint: str, outcome: str, strategy: str, seconds: float) -> None:
        """Count a finished request."""
        self._requests.labels(endpoint, outcome, strategy).inc()
        self._request_seconds.labels(endpoint).observe(seconds)

    def count_page(self, result: ReadResult) -> None:
        """Record the time that each tier spent on a page, and whether the models answer."""
        took: dict[str, float] = defaultdict(float)
        for attempt in result.attempts:
            took[attempt.strategy] += attempt.elapsed_s
        for strategy, seconds in took.items():
            self._strategy_seconds.labels(strategy).observe(seconds)
        for name in _NEURAL:
            looks = [a for a in result.attempts if (a.strategy, a.kind) == (name, "detect")]
            if looks:
                self._note_model(name, all(look.error is None for look in looks))

    def _note_model(self, name: str, answers: bool) -> None:
        """Record whether a model works; a change counts as a load or a failed load."""
        self._loaded.labels(name).set(answers)
        if self._answers.get(name) != answers:
            self._answers[name] = answers
            self._loads.labels(name, "loaded" if answers else "failed").inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)


def _add_gauges(registry: CollectorRegistry, queue: Queue) -> None:
    """Add the metrics whose values are looked up on request."""
    depth = Gauge("qrcascade_queue_depth", "Requests that are waiting for a turn.", registry=registry)
    depth.set_function(lambda: max(0, queue.inside - queue.running))
    running = Gauge("qrcascade_readings_running", "Readings in progress.", registry=registry)
    running.set_function(lambda: queue.running)
    Gauge("qrcascade_info", "Version of qrcascade.", ["version"], registry=registry).labels(__version__).set(
        1
    )
    registry.register(_Memory())


class _Memory(Collector):
    """Collector of the resident memory of the service and its workers, where there is a ``/proc``."""

    def collect(self) -> Iterable[Metric]:
        own = os.getpid()
        resident = GaugeMetricFamily(
            "qrcascade_resident_memory_bytes",
            "Resident memory of the service's own process and of all its workers, in bytes.",
            labels=["process"],
        )
        if (Path("/proc") / str(own) / "statm").is_file():
            resident.add_metric(["service"], _resident(own))
            resident.add_metric(["workers"], sum(map(_resident, _descendants(own))))
        yield resident


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0  # The process has ended.
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in found:
            yield child
            yield from _descendants(child)
