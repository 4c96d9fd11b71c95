"""Progress where somebody is looking: bars on a terminal and in a notebook, and nothing anywhere else."""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from itertools import count
from typing import Any

from . import terminal

Advance = Callable[[str, int, int | None], None]
"""Told what is done, how much of it, and of how much (None: nobody knows)."""

_EVERY = 0.2  # seconds between two pictures in a notebook

_LONG = 60.0  # s; a shorter sound is done before anybody looks


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show ``label`` with a bar of ``total`` steps; yields a function that advances it by one."""
    if total < 2:
        yield lambda: None
        return
    with bars() as advance:
        if advance is None:
            yield lambda: None
            return
        told, steps = advance, count(1)
        told(label, 0, total)
        yield lambda: told(label, next(steps), total)


@contextmanager
def bars(*, sizes: bool = False) -> Iterator[Advance | None]:
    """Bars by their labels, which vanish at the end; None where nobody is looking. ``sizes``: what is counted is bytes."""
    if in_notebook() and (display := _display()) is not None:
        with _in_notebook(display, sizes) as advance:
            yield advance
    elif in_notebook() or sys.stderr.isatty():
        with _on_terminal(sizes) as advance:
            yield advance
    else:
        yield None


def in_notebook() -> bool:
    """True in the kernel of a notebook, not in IPython on a terminal."""
    found = getattr(sys.modules.get("IPython"), "get_ipython", None) or getattr(builtins, "get_ipython", None)
    shell = found() if callable(found) else None
    return shell is not None and (hasattr(shell, "kernel") or type(shell).__name__ == "ZMQInteractiveShell")


def _display() -> Any:
    """IPython's module that shows things, which whoever is in a notebook has; None if it is not there."""
    try:
        return import_module("IPython.display")
    except ImportError:
        return None


@contextmanager
def _in_notebook(display: Any, sizes: bool) -> Iterator[Advance]:
    """Bars as HTML in the output of the cell: any notebook shows them, without an extension."""
    known: dict[str, tuple[int, int | None]] = {}
    handle = display.display(display.HTML(""), display_id=True)
    last = 0.0

    def advance(label: str, done: int, total: int | None) -> None:
        nonlocal last
        known[label] = done, total
        if time.monotonic() - last > _EVERY or not done or done == total:
            last = time.monotonic()
            handle.update(display.HTML("".join(_html(one, *state, sizes) for one, state in list(known.items()))))

    try:
        yield advance
    finally:
        handle.update(display.HTML(""))


def _html(label: str, done: int, total: int | None, sizes: bool) -> str:
    told = [f"{n / 1e6:.1f} MB" if sizes else str(n) for n in (done, total) if n is not None]
    amount = f' max="{total}" value="{done}"' if total else ""
    return f"<div>{escape(label)} <progress{amount}></progress> {' of '.join(told)}</div>"


@contextmanager
def _on_terminal(sizes: bool) -> Iterator[Advance]:
    """Bars on stderr."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    ends = (DownloadColumn(), TransferSpeedColumn()) if sizes else (MofNCompleteColumn(), TimeRemainingColumn())
    console = terminal.console(stderr=True, forced=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *ends)
    with Progress(*columns, console=console, transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def advance(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = shown.add_task(label, total=total)
            shown.update(tasks[label], completed=done, total=total)

        yield advance


@contextmanager
def seconds(label: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """The same for one long sound of ``total`` seconds (None: not known); yields a function that is told how many are done."""
    if total is not None and total < _LONG:
        yield lambda _: None
        return
    with bars() as advance:
        if advance is None:
            yield lambda _: None
            return
        told, of = advance, None if total is None else round(total)
        yield lambda done: told(f"{label}, seconds", round(done), of)
