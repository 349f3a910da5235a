"""Reading in worker processes: what ends one of them is an attempt with an error, and nothing more.

The cascade's loop stays where it is. `process` is any worker process, `handle` one of a cascade's and
`pool` all of them, `worker` is what runs in them, `reading` is one picture read by one of them, and by the
next where that ends; `messages` and `pixels` pass between.
"""

from __future__ import annotations

from qrcascade.isolation.handle import Hung, Lost, Worker
from qrcascade.isolation.messages import Session
from qrcascade.isolation.pixels import Inbox, Outbox, Sent
from qrcascade.isolation.pool import Workers
from qrcascade.isolation.reading import Reading
from qrcascade.isolation.worker import CAN_CAP_MEMORY

__all__ = [
    "CAN_CAP_MEMORY",
    "Hung",
    "Inbox",
    "Lost",
    "Outbox",
    "Reading",
    "Sent",
    "Session",
    "Worker",
    "Workers",
]
