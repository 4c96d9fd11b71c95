"""Windows: which seconds of which recording each embedding is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DataError
from ..core.renderers import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Windows(Shown):
    """``recording`` (n,) ids; ``start`` and ``end`` (n,) seconds in the recording, ``[start, end)``; NaN: not known.

    Raises DataError for lengths that differ, negative times, and ends that are not after their starts.
    """

    recording: NDArray[np.str_]
    start: NDArray[np.float64]
    end: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, kind in (("recording", np.str_), ("start", np.float64), ("end", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        shapes = self.recording.shape, self.start.shape, self.end.shape
        if len(set(shapes)) > 1 or self.start.ndim != 1:
            raise DataError(
                f"found recordings, starts and ends of shapes {shapes}; wanted (n,) each, all of one length"
            )
        wrong = np.flatnonzero((self.end <= self.start) | (self.start < 0) | np.isinf(self.start))
        if len(wrong):
            i = wrong[0]
            raise DataError(
                f"window {i} of {self.recording[i]!r} is from {self.start[i]:g} to {self.end[i]:g} s; wanted seconds from 0 "
                "on, and an end after the start"
            )

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: slice | ArrayLike) -> Windows:
        """Some of them, by numbers, a mask or a slice."""
        index: Any = which if isinstance(which, slice) else np.atleast_1d(np.asarray(which))
        return Windows(self.recording[index], self.start[index], self.end[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Windows):
            return NotImplemented
        times = ((self.start, other.start), (self.end, other.end))
        return np.array_equal(self.recording, other.recording) and all(
            np.array_equal(a, b, equal_nan=True) for a, b in times
        )
