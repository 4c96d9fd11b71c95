"""What silence gives away: how well the quietest quarter of a second of each clip tells the classes apart.

Nothing of the class should be left there, so what is found are recorders, rooms, codecs and cuts; or sounds that never
pause. The level is removed; a linear discriminant learns from MFCC statistics, out of fold, with groups and copies whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.quietest import SECONDS, quietest
from ..audio.transforms import Change
from ..backbones.base import load_backbone
from ..core.spec import Part
from ..core.text import between, percent
from ..data.cache import Cache
from ..data.clips import Clip
from ..embeddings.make import embed
from ..metrics.intervals import Interval
from ..metrics.shares import share
from . import labels

BACKBONE = Part.of("mfcc", {"seconds": SECONDS, "sample_rate": 44100})
_CHANGE = Change("quietest 1", lambda samples, rate, _: quietest(samples, rate))


@dataclass(frozen=True)
class Silence:
    """Share of ``clips`` whose class the quietest moment tells, beside the ``majority`` class's."""

    accuracy: Interval
    majority: float
    clips: int

    @property
    def found(self) -> bool:
        """Above the majority class, by the interval."""
        return self.accuracy.low > self.majority

    @property
    def text(self) -> str:
        """In words."""
        seen = f"{percent(self.accuracy.value)} of the clips ({between(self.accuracy.low, self.accuracy.high)}; majority class {percent(self.majority)})"
        if not self.found:
            return f"The quietest quarter of a second tells the class of {seen}: no more than chance explains."
        return (
            f"The quietest quarter of a second of each clip, its level removed, tells the class of {seen}: recorders, rooms and "
            "codecs may give the class away, and a model learns them all the same. Some of it is true foreground: sounds that "
            "never pause have no silence."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "found": self.found}


def silence(
    clips: Sequence[Clip],
    units: NDArray[np.str_],
    *,
    cache: Cache | None = None,
    workers: int | None = None,
    seed: int = 0,
) -> Silence | None:
    """What the quietest moments of labelled clips tell; ``units`` (clips,) stay whole. None where that cannot be evaluated."""
    found = embed(clips, load_backbone(BACKBONE), cache=cache, workers=workers, change=_CHANGE)
    place = {clip.id: i for i, clip in enumerate(clips)}
    at = np.array([place[i] for i in found.ids], np.int64)
    names, whole = np.array([str(clips[i].label) for i in at]), units[at]
    classes, y = np.unique(names, return_inverse=True)
    if len(classes) < 2 or not labels.enough(names, whole):
        return None
    proba = labels.out_of_fold(found.vectors("mean"), y, whole, labels.MODELS["lda"], seed=seed)
    right = (proba.argmax(axis=1) == y).astype(float)
    accuracy = share(right, np.ones(len(y)), whole, seed=seed)
    return Silence(accuracy, float(np.bincount(y).max() / len(y)), len(y))
