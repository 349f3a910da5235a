"""Work in other processes: what ends one of them is an error of that work, and nothing more.

`process` spawns one, `messages` pass between, `worker` is what runs in it, `workers` calls it and keeps some
ready; `executor` runs a reading's steps there. Documents and batches use the same workers.
"""

from __future__ import annotations

from qrcascade.isolation.executor import WorkerExecutor
from qrcascade.isolation.worker import CAN_CAP_MEMORY, Here
from qrcascade.isolation.workers import HungError, LostError, Worker, Workers

__all__ = ["CAN_CAP_MEMORY", "Here", "HungError", "LostError", "Worker", "WorkerExecutor", "Workers"]
