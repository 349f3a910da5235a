"""Metrics for Prometheus: requests, times of requests and tiers, the queue, models, memory."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import partial

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from qrcascade import ReadResult, __version__
from qrcascade.server.queue import Queue

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_NEURAL = ("nano", "small", "medium", "large")


class Metrics:
    """The metrics of one service and its queue, in their own registry."""

    def __init__(self, queue: Queue) -> None:
        self._registry = registry = CollectorRegistry()
        counter = partial(Counter, registry=registry)
        histogram = partial(Histogram, registry=registry, buckets=_SECONDS)
        self._requests = counter(
            "qrcascade_requests",
            "Requests by endpoint, outcome, and the tier that read the best code.",
            ["endpoint", "outcome", "strategy"],
        )
        self._request_seconds = histogram(
            "qrcascade_request_seconds", "Seconds from a request's head to its answer.", ["endpoint"]
        )
        self._strategy_seconds = histogram(
            "qrcascade_strategy_seconds",
            "Seconds that a tier spent on a page, including the loading of its model.",
            ["strategy"],
        )
        self.queue_seconds = histogram("qrcascade_queue_seconds", "Seconds of waiting for a turn.")
        self._loads = counter(
            "qrcascade_model_loads",
            "Times that a model started or stopped answering, including its first answer.",
            ["model", "outcome"],
        )
        loaded = "1 if the model answered last time, 0 if it could not."
        self._loaded = Gauge("qrcascade_model_loaded", loaded, ["model"], registry=registry)
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
        return generate_latest(self._registry)


def _add_gauges(registry: CollectorRegistry, queue: Queue) -> None:
    """Add the metrics whose values are looked up on request."""
    gauge = partial(Gauge, registry=registry)
    depth = gauge("qrcascade_queue_depth", "Requests that are waiting for a turn.")
    depth.set_function(lambda: max(0, queue.inside - queue.running))
    gauge("qrcascade_readings_running", "Readings in progress.").set_function(lambda: queue.running)
    Info("qrcascade", "Version of qrcascade.", registry=registry).info({"version": __version__})
    memory = "Resident memory of the service's own process and of all its workers, in bytes."
    resident = gauge("qrcascade_resident_memory_bytes", memory, ["process"])
    resident.labels("service").set_function(lambda: psutil.Process().memory_info().rss)
    resident.labels("workers").set_function(_measure_workers)


def _measure_workers() -> int:
    resident = 0
    for worker in psutil.Process().children(recursive=True):
        # One that has just ended has no memory.
        with suppress(psutil.Error):
            resident += worker.memory_info().rss
    return resident
