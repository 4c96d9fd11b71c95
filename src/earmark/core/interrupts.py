"""Work that can be stopped: Ctrl-C and SIGTERM end a command within a second, wherever it is.

The main thread gets a KeyboardInterrupt. Threads of a ``pool`` get one at their next ``check()``, so that what they have
opened is closed and what they have begun to write is removed. Code that never looks (a long product, a library that
takes the exception for its own) has ``GRACE`` seconds; then the process ends, and what is unfinished is removed.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType

GRACE = 0.5  # seconds for what works to end by itself
_TIDY = 0.4  # seconds more for what is to be removed at the end of a process
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class _Asked:
    """Whether this process was asked to stop, by what, and what is said of it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.by: int = signal.SIGINT
        self.kept = ""
        self.serving = False
        self.told = False


class _Mine(threading.local):
    """Of a thread: the events after which its work is wanted no more."""

    left: tuple[threading.Event, ...] = ()


_asked, _mine = _Asked(), _Mine()


def asked() -> bool:
    """True once the process was asked to stop."""
    return _asked.event.is_set()


def check() -> None:
    """Raise KeyboardInterrupt if the work of this thread is wanted no more. Long work calls it every now and then."""
    if _asked.event.is_set() or any(event.is_set() for event in _mine.left):
        raise KeyboardInterrupt


def keeps(what: str, *, serving: bool = False) -> None:
    """Say what a command keeps if it is stopped, and how to resume: one sentence, the last one counts.

    ``serving``: a server's usual end is SIGTERM, so that is no failure.
    """
    _asked.kept, _asked.serving = what, serving


@contextmanager
def pool(workers: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Threads (default: one per processor) that end with whoever uses them.

    If the block is left by an exception, or by a generator that is not read to its end, what waits is dropped and what is
    at work ends at its next ``check()``.
    """
    left = threading.Event()
    inherited = (*_mine.left, left)

    def begin() -> None:
        _mine.left = inherited

    threads = ThreadPoolExecutor(workers or os.cpu_count() or 1, initializer=begin)
    try:
        yield threads
    except BaseException:
        left.set()
        raise
    finally:
        threads.shutdown(wait=True, cancel_futures=left.is_set())


@contextmanager
def handled() -> Iterator[None]:
    """Take Ctrl-C and SIGTERM as described above while this is open, unless whoever started the process ignores them."""
    keeps("")
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    theirs = (signal.default_int_handler, signal.SIG_DFL)
    before = {one: now for one in _NAMES if (now := signal.getsignal(one)) in theirs}
    if before:
        _watch()
    for one in before:
        signal.signal(one, _stop)
    try:
        yield
    finally:
        if not asked():
            for one, handler in before.items():
                signal.signal(one, handler)


def again() -> None:
    """Take the signals back that a library has taken for itself meanwhile."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGTERM, _stop)


def status() -> int:
    """The exit status of a command that was stopped: 130 after Ctrl-C, 143 after SIGTERM (of a server 0)."""
    return 0 if _asked.serving and _asked.by == signal.SIGTERM else 128 + _asked.by


def said() -> str:
    """What is told of it, once: "" if it was told already, or if it is a server's usual end, of which its log tells."""
    if _asked.told or status() == 0:
        return ""
    _asked.told = True
    name = _NAMES.get(signal.Signals(_asked.by), "a signal")
    kept = _asked.kept or "nothing half-written is left. The same command starts anew"
    return f"Stopped by {name}: {kept}."


def _stop(number: int, _: FrameType | None) -> None:
    if asked():  # in a hurry
        _end()
    _asked.by = number
    _asked.event.set()
    raise KeyboardInterrupt


@cache
def _watch() -> None:
    """Start the thread that ends the process where nothing else does."""
    with suppress(RuntimeError):  # no more threads here: then without
        threading.Thread(target=_wait, name="earmark-interrupts", daemon=True).start()


def _wait() -> None:
    _asked.event.wait()
    threading.Event().wait(GRACE)
    last = threading.Timer(_TIDY, _end)
    last.daemon = True
    last.start()
    with suppress(Exception):
        sys.stdout.flush()
    with suppress(Exception):
        atexit._run_exitfuncs()  # removes temporary folders and files; ends what libraries have started
    _end()


def _end() -> None:
    shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides the cursor
    line = said()
    with suppress(OSError):
        os.write(2, f"{shown}{line}\n".encode(errors="backslashreplace") if line else shown.encode())
    os._exit(status())
