"""CSV for Excel, which takes a file for UTF-8 only if it begins with a byte order mark.

Earmark's CSVs have none, as most programs want them; what is asked for by ``--bom`` begins with it. Earmark reads both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED: ContextVar[bool] = ContextVar("bom", default=False)


@contextmanager
def marked() -> Iterator[None]:
    """Meanwhile, CSVs are written for Excel.

    >>> with marked():
    ...     beginning()
    '\\ufeff'
    """
    before = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(before)


def beginning() -> str:
    """What a CSV begins with: a byte order mark where one is asked for, else nothing."""
    return "\ufeff" if _ASKED.get() else ""
