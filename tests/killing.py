"""A process that dies at a step of its work on files: at each step in turn, or for want of room."""

from __future__ import annotations

import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator

EVENTS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "sqlite3.connect"})


def killed_at_each_step(work: Callable[[], object]) -> Iterator[int]:
    """Do ``work`` in a child that is killed (SIGKILL) before its first step on files; yield; then before its second …

    Ends after the first child that comes to its end by itself, for which it yields too.
    """
    step = 0
    while True:
        status = _child(work, lambda step=step: _kill_before(step))
        yield step
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0, "the work failed without being killed"
            return
        step += 1


def without_room(work: Callable[[], object], size: int) -> bool:
    """Do ``work`` in a child in which no file may grow beyond ``size`` bytes; True if it came to its end."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return os.WEXITSTATUS(_child(work, limit)) == 0


def _kill_before(step: int) -> None:
    count = 0

    def hook(event: str, _: object) -> None:
        nonlocal count
        if event in EVENTS:
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    sys.addaudithook(hook)


def _child(work: Callable[[], object], first: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forks where threads may be: the child uses none of them
        child = os.fork()
    if child == 0:
        try:
            first()
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]
