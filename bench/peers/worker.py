"""What all workers have in common: they wait for tasks on stdin, one JSON a line, and tell how long each took.

A worker runs in an environment of its own, often without Earmark. It loads and warms up once; between its turns it
does nothing, so that workers can take turns on one machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(tasks: dict[str, Callable[..., Any]]) -> None:
    """Answer tasks ``{"task": name, …}`` with ``{"seconds": …, "cpu": …, "result": …}`` until stdin ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    print(json.dumps("ready"), file=out, flush=True)
    for line in sys.stdin:
        given = json.loads(line)
        task = tasks[given.pop("task")]
        began, cpu = time.perf_counter(), time.process_time()
        result = task(**given)
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "result": result}
        print(json.dumps(took), file=out, flush=True)
