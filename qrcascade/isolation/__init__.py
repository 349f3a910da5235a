"""Work in other processes: if one of them crashes, that is an error of its work and nothing more.

`worker` starts a process and calls functions in it; `server` runs there; `messages` pass between them;
`workers` keeps some ready; `executor` runs a reading's steps in one. Documents and batches use them too.
"""

from __future__ import annotations

from qrcascade.isolation.executor import WorkerExecutor
from qrcascade.isolation.server import CAN_CAP_MEMORY, Here
from qrcascade.isolation.worker import HungError, LostError, Worker
from qrcascade.isolation.workers import Workers

__all__ = ["CAN_CAP_MEMORY", "Here", "HungError", "LostError", "Worker", "WorkerExecutor", "Workers"]
