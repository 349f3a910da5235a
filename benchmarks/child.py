"""``python child.py OPTIONS``: reads files with the checkout that is on the path, and says what that took.

The options are JSON. A line in is a file's path, a line out a JSON object; nothing comes of an empty line
once the cascade is ready. All names of qrcascade are public ones that other checkouts have, too.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from typing import Any

import cv2


def _serve(preset: Any, isolation: Any = None, expect: Any = None, document: bool = False) -> None:
    """Answer lines until there are no more."""
    wall_clock = time.perf_counter
    if isolation is None:
        # Which is what attempts are timed by, however it is imported.
        time.perf_counter = time.process_time
    import qrcascade

    with qrcascade.Cascade.preset(preset, isolation=isolation) as cascade:
        for line in sys.stdin:
            path = line.rstrip("\n")
            wall, cpu = wall_clock(), time.process_time()
            if document:
                results = [*qrcascade.read_document(path, cascade=cascade)] if path else []
            else:
                results = [cascade.read(path, expect=expect)] if path else []
            wall, cpu = wall_clock() - wall, time.process_time() - cpu
            spent: defaultdict[str, float] = defaultdict(float)
            for attempt in (attempt for result in results for attempt in result.attempts):
                spent[f"{attempt.strategy}: {attempt.engine} {attempt.kind}"] += attempt.elapsed_s
            texts = sorted(text for result in results for text in result.texts)
            answer = {"wall": wall, "cpu": cpu, "spent": spent, "texts": texts}
            print(json.dumps({**answer, "found": sum(map(bool, results))}), flush=True)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    _serve(**json.loads(sys.argv[1]))
