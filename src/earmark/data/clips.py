"""Clips and data sets: records about sounds, with no audio in them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError
from ..core.frames import frame
from ..core.paths import spelled
from ..core.renderers import Columns, Shown, counted, shortened
from .annotations import Annotated, Annotation, Span
from .copies import Copies, usual
from .labels import tidy
from .overlap import targets_of
from .sides import side
from .targets import Targets, Task, task
from .times import marks
from .windows import Windows


def writable(text: str) -> str:
    """A name from a disk as text that every file can hold: bytes that are no UTF-8 become ``\\udcff``."""
    return text.encode(errors="backslashreplace").decode()


# What pandas, R, spreadsheets and databases write where there is nothing.
_NOTHING = frozenset({"", "nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat"})


def known(text: str | None) -> str | None:
    """A group or a fold by the name that counts, or None where a table says nothing.

    Blanks are trimmed, ``nan``, ``None``, ``NULL``, ``N/A`` are nothing, and ``3.0`` is ``3``: a column of numbers
    with one empty cell is written so. What stands in the table stays in ``Clip``.
    """
    name = tidy(text)
    if name.casefold() in _NOTHING:
        return None
    whole, point, rest = name.partition(".")
    return whole if point and whole.isdecimal() and rest and not rest.strip("0") else name


def known_fold(text: str | None) -> str | None:
    """``known``; ``01`` is ``1``, too, as folds are counted, and the sides of a split are train, valid and test."""
    name = known(text)
    return str(int(name)) if name and name.isdecimal() else name and (side(name) or name)


def picked(index: Any, count: int) -> list[int]:
    """Numbers out of ``count`` by a number, numbers, a slice or a mask (count,). Raises IndexError.

    >>> picked(-1, 3), picked([2, 0], 3), picked([True, False, True], 3), picked(slice(1, None), 3)
    ([2], [2, 0], [0, 2], [1, 2])
    """
    if isinstance(index, str) or (isinstance(index, tuple) and len(index) != 1):
        raise IndexError(f"found {index!r:.60}; wanted a number, a list of numbers, a slice or a mask of {count}")
    wanted = index if isinstance(index, slice) else np.asarray(index)
    if isinstance(wanted, np.ndarray) and not wanted.size and wanted.dtype != bool:
        return []
    try:
        return [int(i) for i in np.atleast_1d(np.arange(count)[wanted]).ravel()]
    except IndexError as error:
        raise IndexError(f"{error}; wanted numbers below {count}, or a mask of {count}") from error


@dataclass(frozen=True, slots=True, repr=False)
class Clip(Shown):
    """One labelled sound: a file, or ``duration`` seconds of it from ``start``.

    ``group`` is what must not be cut apart when evaluating (artist, recording session, speaker).
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

    def __post_init__(self) -> None:
        path: Any = self.path
        if isinstance(path, str):  # as it is typed; what reads it wants a Path
            object.__setattr__(self, "path", Path(path))

    @property
    def recording_id(self) -> str:
        """Id of the sound that this is, or is cut from: its own id without the times of the cut."""
        own = [m for m in marks(self.start, self.duration) if m and self.id.endswith(m)]
        return self.id.removesuffix(own[0]) if own else self.id


def by_path(clip: Clip) -> Clip:
    """The clip called by its file, wherever that was named, and its part."""
    return replace(clip, id=writable(spelled(clip.path)) + clip.id.removeprefix(clip.recording_id))


@dataclass(frozen=True, slots=True, repr=False)
class Excluded(Shown):
    """A file that could not be used, and why. Never dropped in silence."""

    path: str
    reason: str


@dataclass(frozen=True, repr=False)
class Dataset(Shown):
    """Named clips with their licence and source.

    ``annotations`` stand apart from the clips: they name recordings (``Clip.recording_id``). ``annotated``: where somebody
    looked; None: nothing is known of it, so an annotation says yes and nothing says no.
    """

    name: str
    clips: tuple[Clip, ...]
    licence: str = "unknown"
    citation: str = ""
    excluded: tuple[Excluded, ...] = ()
    notes: tuple[str, ...] = ()  # what whoever evaluates by these clips should know
    task: Task = Task.SINGLE
    annotations: tuple[Annotation, ...] = ()
    annotated: Annotated = None
    copies: Copies = field(default_factory=usual)  # who says which clips hold one recording

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", task(self.task))
        object.__setattr__(self, "copies", Copies.of(self.copies))
        if self.annotated not in (None, "all"):
            if isinstance(self.annotated, str) or not all(isinstance(s, Span) for s in self.annotated or ()):
                raise DataError(f"{self.name}: found annotated={self.annotated!r}; wanted None, 'all' or spans")
            object.__setattr__(self, "annotated", tuple(self.annotated or ()))
        repeated = [i for i, n in Counter(c.id for c in self.clips).items() if n > 1]
        if repeated:
            raise DataError(
                f"{self.name}: {len(repeated)} clips are listed more than once, e.g. {repeated[0]!r}. "
                "Each clip (path, start, duration) must stand once: delete the repeated lines."
            )

    def __len__(self) -> int:
        return len(self.clips)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    def __getitem__(self, index: Any) -> Dataset:
        """A part of the data: clips by number, numbers, slice or mask (n,), in that order. Raises IndexError, DataError.

        >>> data = Dataset("two", (Clip("a", Path("a.wav"), "cat"), Clip("b", Path("b.wav"), "dog")))
        >>> data[[1]], data[data.labels == "cat"].classes
        (Dataset('two', 1 clip of 1 class), ('cat',))
        """
        return replace(self, clips=tuple(self.clips[i] for i in picked(index, len(self.clips))))

    @property
    def labels(self) -> NDArray[np.object_]:
        """The label of each clip (n,), or None."""
        return np.array([c.label for c in self.clips], dtype=object)

    def _line(self) -> str:
        told = [
            f"{shortened(self.name)!r}",
            f"{counted(len(self.clips), 'clip')} of {counted(len(self.classes), 'class', 'classes')}",
        ]
        known_groups = {g for g in self.groups if g}
        told += [counted(len(known_groups), "group")] if known_groups else []
        told += [f"{len(self.excluded)} excluded"] if self.excluded else []
        return ", ".join(told)

    def _columns(self) -> Columns:
        columns: dict[str, Any] = {
            "id": [c.id for c in self.clips],
            "path": [spelled(c.path) for c in self.clips],
            "label": [c.label for c in self.clips],
            "group": [c.group for c in self.clips],
            "fold": [c.fold for c in self.clips],
            "start": [c.start for c in self.clips],
            "duration": [c.duration for c in self.clips],
        }
        return {n: c for n, c in columns.items() if n in ("id", "path", "label") or any(c)}

    def to_frame(self) -> Any:
        """A pandas DataFrame, a line a clip. Raises MissingExtraError if pandas is not installed."""
        return frame(self._columns())

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels, sorted; of a multi-label task those of the annotations, too."""
        found = {c.label for c in self.clips if c.label is not None}
        if self.task is Task.MULTI:
            found |= {a.label for a in self.annotations if a.label}
            found |= {s.label for s in self.annotated or () if isinstance(s, Span) and s.label is not None}
        return tuple(sorted(found))

    @property
    def targets(self) -> Targets:
        """What each clip is, class by class (n, classes): of a multi-label task as the annotations say of its time.

        Raises DataError for a single-label clip without a label.
        """
        if self.task is Task.SINGLE:
            return Targets.single(self.labels)
        ends = [math.inf if c.duration is None else c.start + c.duration for c in self.clips]
        windows = Windows(
            np.array([c.recording_id for c in self.clips], np.str_),
            np.array([c.start for c in self.clips]),
            np.array(ends),
        )
        return targets_of(windows, self.annotations, self.annotated, self.classes)

    @property
    def has_groups(self) -> bool:
        """True if groups are known, of one clip at least. A clip that has none is a group of its own."""
        return any(self.groups)

    @property
    def has_folds(self) -> bool:
        """True if the data came with folds or a split, for one clip at least."""
        return any(self.folds)

    @cached_property
    def groups(self) -> tuple[str | None, ...]:
        """The group of each clip by the name that counts (see ``known``), or None."""
        return tuple(known(c.group) for c in self.clips)

    @cached_property
    def folds(self) -> tuple[str | None, ...]:
        """The published fold of each clip by the name that counts (see ``known_fold``), or None."""
        return tuple(known_fold(c.fold) for c in self.clips)

    def without(self, excluded: Iterable[Excluded], ids: Iterable[str]) -> Dataset:
        """The data set less the clips ``ids``, with ``excluded`` added to its account."""
        gone = set(ids)
        kept = tuple(c for c in self.clips if c.id not in gone)
        told = self.annotations
        if told:  # those of recordings of which nothing is left go, too
            lost = {c.recording_id for c in self.clips if c.id in gone} - {c.recording_id for c in kept}
            told = tuple(a for a in told if a.path not in lost)
        return replace(self, clips=kept, excluded=(*self.excluded, *excluded), annotations=told)
