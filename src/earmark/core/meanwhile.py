"""What holds for a while: said far above, asked far below, and not handed through everything between.

For what a command or a function says of all that is opened while it runs, such as how labels of tables are meant. A
thread that is started meanwhile knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def meanwhile(variable: ContextVar[T], value: T) -> Iterator[None]:
    """``variable`` is ``value`` within this block.

    >>> volume = ContextVar("volume", default=1)
    >>> with meanwhile(volume, 11):
    ...     volume.get()
    11
    >>> volume.get()
    1
    """
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)
