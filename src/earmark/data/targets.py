"""What each window or clip is, class by class: yes, no, or not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DataError
from ..core.renderers import Shown


class Task(StrEnum):
    """How many classes a clip or window may have at once."""

    SINGLE = "single-label"
    MULTI = "multi-label"


@dataclass(frozen=True, eq=False, repr=False)
class Targets(Shown):
    """``values`` (n, classes) float32, read-only: 1 yes, 0 no, NaN not looked at.

    Single-label targets are the special case with exactly one 1 in each line and no NaN. Raises DataError for values
    that are none of the three, and for shapes that do not fit.
    """

    classes: tuple[str, ...]
    values: NDArray[np.float32]
    task: Task = Task.MULTI

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", task(self.task))
        classes = tuple(str(c) if isinstance(c, str) else c for c in self.classes)  # np.str_ become str
        if not all(isinstance(c, str) and c for c in classes) or len(set(classes)) < len(classes):
            raise DataError(f"found the classes {classes[:10]!r}; wanted texts, each once")
        values = _values(self.values)
        if values.ndim != 2 or values.shape[1] != len(classes):
            raise DataError(f"found targets of shape {values.shape}; wanted (n, {len(classes)}): a column a class")
        strange = values[~(np.isnan(values) | (values == 0) | (values == 1))]
        if len(strange):
            raise DataError(f"found the target {strange[0]:g}; wanted 1 (yes), 0 (no) or NaN (not looked at)")
        if self.task is Task.SINGLE:
            wrong = np.flatnonzero(np.isnan(values).any(axis=1) | (np.nansum(values, axis=1) != 1))
            if len(wrong):
                raise DataError(
                    f"line {wrong[0]} of the targets is {values[wrong[0]].tolist()}; a single-label task wants exactly one "
                    "1, and 0 for the other classes"
                )
        kept = np.array(values, np.float32)
        kept.flags.writeable = False
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "values", kept)

    @classmethod
    def single(cls, labels: ArrayLike, classes: Sequence[str] | None = None) -> Targets:
        """One label each, (n,) texts; ``classes`` (default: the labels, sorted). Raises DataError for others."""
        given = np.asarray(labels)
        if given.ndim != 1 or not all(isinstance(label, str) and label for label in given.tolist()):
            raise DataError(
                f"found labels of shape {given.shape} and type {given.dtype}; wanted one text each, none empty"
            )
        names = tuple(sorted(set(given.tolist()))) if classes is None else tuple(map(str, classes))
        strangers = sorted(set(given.tolist()) - set(names))
        if strangers:
            raise DataError(f"found the label {strangers[0]!r}, which is none of the classes {', '.join(names)}")
        values = np.zeros((len(given), len(names)), np.float32)
        place = {name: i for i, name in enumerate(names)}
        values[np.arange(len(given)), [place[label] for label in given.tolist()]] = 1
        return cls(names, values, Task.SINGLE)

    @property
    def labels(self) -> NDArray[np.str_]:
        """The one label of each (n,). Raises DataError for a multi-label task."""
        if self.task is not Task.SINGLE:
            raise DataError("multi-label targets have no single labels; wanted a single-label task, or look at .values")
        if not len(self):
            return np.zeros(0, np.str_)
        return np.asarray(np.asarray(self.classes, np.str_)[self.values.argmax(axis=1)], np.str_)

    @property
    def looked_at(self) -> NDArray[np.bool_]:
        """(n, classes) True where it is known."""
        return ~np.isnan(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: int | slice | ArrayLike) -> Targets:
        """The targets of some, by numbers, a mask or a slice; of one number: targets of length one."""
        if isinstance(which, slice):
            return Targets(self.classes, self.values[which], self.task)
        index = np.atleast_1d(np.asarray(which))
        index = index.astype(np.int64) if not index.size and index.dtype != bool else index
        if index.ndim != 1 or not (index.dtype == bool or np.issubdtype(index.dtype, np.integer)):
            raise DataError(f"found an index of type {index.dtype}; wanted numbers, a mask or a slice")
        return Targets(self.classes, self.values[index], self.task)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Targets):
            return NotImplemented
        same = (self.task, self.classes) == (other.task, other.classes)
        return same and np.array_equal(self.values, other.values, equal_nan=True)

    def pooled(self, clip: NDArray[np.int64], clips: int) -> Targets:
        """Of windows -> of clips; ``clip`` (n,) says whose each is: yes if one window is, no if none can be, else NaN."""
        high = np.full((clips, len(self.classes)), -1.0)
        # Between no and yes: a window that was not looked at may hold what no other does.
        np.maximum.at(high, clip, np.nan_to_num(self.values, nan=0.5))
        return Targets(self.classes, _unknown(high), self.task)


def _unknown(high: NDArray[np.float64]) -> NDArray[np.float32]:
    """0 and 1 stay; what lies between (not looked at) and -1 (no window at all) become NaN."""
    return np.where((high == 0) | (high == 1), high, np.nan).astype(np.float32)


def _values(given: Any) -> NDArray[np.floating[Any]]:
    """As floats; float32 stay so. Raises DataError."""
    try:
        return np.asarray(given, None if getattr(given, "dtype", None) == np.float32 else np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"found targets that are no table of numbers ({error}); wanted 1, 0 and NaN") from error


def task(given: object) -> Task:
    """A task by its name. Raises DataError."""
    try:
        return Task(str(given))
    except ValueError:
        raise DataError(f"found the task {given!r}; wanted {' or '.join(Task)}") from None
