"""A worker that takes paths from a queue until it gets None."""

from queue import Queue
from typing import Any

import qrcascade


def work(paths: "Queue[str | None]", results: "Queue[dict[str, Any]]") -> None:
    """Read one picture after another; run it in several threads to read several at a time."""
    with qrcascade.Cascade.preset("light", isolation="process") as cascade:
        while (path := paths.get()) is not None:
            try:
                results.put({"path": path, **cascade.read(path, timeout=30.0).to_dict()})
            except qrcascade.ImageError as error:
                results.put({"path": path, "codes": [], "error": str(error)})
