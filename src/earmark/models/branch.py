"""What a model is made of, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Backbone, Floats, Net
from ..core.renderers import Columns, Shown, shortened
from ..embeddings.pooling import Pooling, seen

Scores = NDArray[np.float64]
NOTHING = "nothing to hear"  # of a piece in which only silence or a constant is left for the backbone


@dataclass(frozen=True, repr=False)
class Prediction(Shown):
    """What a model says of a sound, or of the part from ``start`` to ``end`` seconds.

    Where there is nothing to hear, ``label`` is empty, all scores are 0, and ``reason`` says so.
    """

    path: str
    label: str
    score: float  # calibrated probability of ``label``
    scores: Mapping[str, float]  # of every class; they sum to 1
    set: tuple[str, ...] = ()  # labels that cannot be excluded at the model's error rate; never empty if calibrated
    unknown: bool = False  # unlike the sounds the model was trained on: the label means little
    start: float | None = None
    end: float | None = None
    reason: str = ""  # why there is no label

    def _line(self) -> str:
        when = "" if self.start is None or self.end is None else f", {self.start:g} to {self.end:g} s"
        if self.reason:
            return f"{shortened(self.path)!r}{when}: {self.reason}"
        unknown = ", unknown" if self.unknown else ""
        return f"{shortened(self.path)!r}{when}: {shortened(self.label)!r} {self.score:.3f}{unknown}"

    def _columns(self) -> Columns:
        best = sorted(self.scores, key=lambda c: -self.scores[c])
        return {"class": best, "score": [self.scores[c] for c in best]}


@dataclass(frozen=True)
class Branch:
    """Backbones, how their embeddings are pooled, and the head as ONNX."""

    backbones: tuple[Backbone, ...]
    pool: Pooling
    head: Net

    def window_scores(self, embeddings: Sequence[Floats]) -> Scores:
        """Embeddings of each backbone for one sound -> scores (n, classes) of what the head sees of it."""
        return self.score(seen(embeddings, self.pool))

    def score(self, inputs: Floats) -> Scores:
        """What the head sees (n, …) -> its scores (n, classes)."""
        batch = 2**20 // inputs[0].size  # big embeddings go on through a net, whose memory grows with the batch
        return np.asarray(self.head(inputs, max(1, min(1024, batch))), np.float64)
