"""A Celery worker that reads pictures: ``celery --app tasks worker --pool threads --concurrency 2``."""

import os
from typing import Any

from celery import Celery

import qrcascade

broker = os.environ.get("BROKER_URL", "redis://localhost")
app = Celery("tasks", broker=broker, backend=os.environ.get("BACKEND_URL", broker))
# This starts nothing yet: worker processes start with the first reading.
cascade = qrcascade.Cascade.preset("light", isolation="process")


@app.task(autoretry_for=(qrcascade.WorkerError,), retry_backoff=True, max_retries=3)
def read(path: str) -> dict[str, Any]:
    """Read a picture that the worker can reach, too: the queue carries only its path."""
    try:
        return cascade.read(path, timeout=30.0).to_dict()
    except qrcascade.ImageError as error:
        # Trying again would not make it a picture.
        return {"codes": [], "error": str(error)}
