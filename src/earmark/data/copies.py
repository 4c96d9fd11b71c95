"""Who says which clips are copies of one recording: their sound, or whoever made the table."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from enum import StrEnum

from ..core.errors import DataError
from ..core.meanwhile import meanwhile


class Copies(StrEnum):
    """What counts as a copy of a clip, which no split may cut apart from it."""

    SOUND = "sound"  # what sounds as one recording
    TABLE = "table"  # the same samples alone: what merely sounds alike is as far apart as the groups of the table say

    @classmethod
    def of(cls, name: str) -> Copies:
        """By its name. Raises DataError."""
        try:
            return cls(name)
        except ValueError:
            raise DataError(f"found copies={name!r}; wanted one of {', '.join(cls)}") from None


_DEFAULT: ContextVar[Copies] = ContextVar("copies", default=Copies.SOUND)


def copies_by(name: str) -> AbstractContextManager[None]:
    """Data sets that are made meanwhile have copies by this. Raises DataError."""
    return meanwhile(_DEFAULT, Copies.of(name))


def usual() -> Copies:
    """What a data set has that says nothing of it."""
    return _DEFAULT.get()
