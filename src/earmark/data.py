"""Clips and data sets: records about sounds, with no audio in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import DataError


def writable(text: str) -> str:
    """A name from a disk as text that every file can hold: bytes that are no UTF-8 become ``\\udcff``."""
    return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled sound: a file, or ``duration`` seconds of it from ``start``.

    ``group`` is what must not be cut apart when judging (artist, recording session, speaker).
    ``fold`` is the published fold or split ("1" … "5", or "train", "valid", "test", "removed").
    ``recording`` is one name for all clips that hold the same recording; None: no other clip holds this one's.
    """

    id: str
    path: Path
    label: str | None = None
    group: str | None = None
    fold: str | None = None
    start: float = 0.0
    duration: float | None = None
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A file that could not be used, and why. Never dropped in silence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Named clips with their licence and source."""

    name: str
    clips: tuple[Clip, ...]
    licence: str = "unknown"
    citation: str = ""
    excluded: tuple[Excluded, ...] = ()
    notes: tuple[str, ...] = ()  # what whoever judges by these clips should know

    def __post_init__(self) -> None:
        repeated = [i for i, n in Counter(c.id for c in self.clips).items() if n > 1]
        if repeated:
            raise DataError(
                f"{self.name}: {len(repeated)} clips are listed more than once, e.g. {repeated[0]!r}. "
                "Each clip (path, start, duration) must stand once: delete the repeated lines."
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels, sorted."""
        return tuple(sorted({c.label for c in self.clips if c.label is not None}))

    @property
    def has_groups(self) -> bool:
        """True if every clip has a known group."""
        return bool(self.clips) and all(c.group for c in self.clips)

    @property
    def has_folds(self) -> bool:
        """True if the data came with folds or a split."""
        return bool(self.clips) and all(c.fold for c in self.clips)

    def without(self, excluded: Iterable[Excluded], ids: Iterable[str]) -> Dataset:
        """The data set less the clips ``ids``, with ``excluded`` added to its account."""
        gone = set(ids)
        kept = tuple(c for c in self.clips if c.id not in gone)
        return replace(self, clips=kept, excluded=(*self.excluded, *excluded))
