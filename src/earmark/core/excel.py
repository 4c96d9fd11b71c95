"""CSV for Excel, which takes a file for UTF-8 only if it begins with a byte order mark.

Earmark's CSVs have none, as most programs want them; what is asked for by ``--bom`` begins with it. Earmark reads both.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar

from .meanwhile import meanwhile

_ASKED: ContextVar[bool] = ContextVar("bom", default=False)


def marked() -> AbstractContextManager[None]:
    """Meanwhile, CSVs are written for Excel.

    >>> with marked():
    ...     beginning()
    '\\ufeff'
    """
    return meanwhile(_ASKED, True)


def beginning() -> str:
    """What a CSV begins with: a byte order mark where one is asked for, else nothing."""
    return "\ufeff" if _ASKED.get() else ""
