"""Programs that take turns: each in its own process and environment, started once, timed in turn."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"


def environment(threads: int) -> dict[str, str]:
    """Every library under the same number of threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **{name: str(threads) for name in names}}


class Worker:
    """A program of ``peers/`` that waits for tasks."""

    def __init__(self, python: Path | str, program: str, *arguments: object, threads: int) -> None:
        command = [str(python), str(PEERS / program), *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(threads),
        )
        self.heard = self._answer(command)

    def _answer(self, what: Any) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended without an answer: {what}")
        return json.loads(line)

    def ask(self, task: str, **given: Any) -> dict[str, Any]:
        """Do a task; ``{"seconds", "cpu", "result"}``."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"task": task, **given}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = self._answer(f"{self.process.args} {task}")
        return answer

    def close(self) -> None:
        """End the program."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@contextmanager
def started(workers: Mapping[str, Worker]) -> Any:
    """The workers, ended afterwards."""
    try:
        yield workers
    finally:
        for one in workers.values():
            one.close()


def turns(tasks: Mapping[str, Any], rounds: int) -> dict[str, list[float]]:
    """Seconds of each task (a function that gives them) in each round; every round has all of them, one after the other."""
    took: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds):
        order = list(tasks) if number % 2 == 0 else list(reversed(tasks))
        for name in order:
            took[name].append(tasks[name]())
    return took


def run(command: Sequence[object], threads: int, **more: Any) -> tuple[float, float]:
    """(seconds, peak MiB) of a whole process. Raises SystemExit when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(threads) | more
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def median(values: Iterable[float]) -> float:
    """Median."""
    return statistics.median(values)


def ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """Median over rounds of a / b: both were measured in the same round, under the same load."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def memory() -> float:
    """Peak memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
