"""A progress bar where somebody is looking: on a terminal, and only there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONG = 60.0  # s; a shorter sound is done before anybody looks


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show ``label`` with a bar of ``total`` steps on stderr; yields a function that advances it by one."""
    if not sys.stderr.isatty() or total < 2:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=total)
        yield lambda: shown.advance(task)


@contextmanager
def seconds(label: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """The same for one long sound of ``total`` seconds (None: not known); yields a function that is told how many are done."""
    if not sys.stderr.isatty() or (total is not None and total < _LONG):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    of = "?" if total is None else f"{total:.0f}"
    told = TextColumn("{task.completed:.0f}/" + of + " s")
    columns = (TextColumn("{task.description}"), BarColumn(), told, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=total)
        yield lambda done: shown.update(task, completed=done)
