"""Many predictions at once: a list that shows itself in one line and goes to a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.columns import column_of, joined
from ..core.renderers import Columns, Tabular, counted
from ..data.clips import Excluded
from .branch import Prediction

_FACTS = ("path", "label", "score", "unknown", "set", "start", "end", "reason", "excluded")


class Predictions(Tabular, list[Prediction | Excluded]):
    """A list of what a model says of sounds, and of those it could not use.

    >>> Predictions([Prediction("a.wav", "dog", 0.9, {"cat": 0.1, "dog": 0.9})])
    Predictions(1 sound: 1 dog)
    """

    def _line(self) -> str:
        labels = [one.label or one.reason for one in self if isinstance(one, Prediction)]
        counts = sorted({label: labels.count(label) for label in labels}.items(), key=lambda item: (-item[1], item[0]))
        told = [f"{n} {label}" for label, n in counts[:5]] + (["…"] if len(counts) > 5 else [])
        gone = len(self) - len(labels)
        told += [f"{gone} excluded"] if gone else []
        return counted(len(self), "sound") + (f": {', '.join(told)}" if told else "")

    def _columns(self) -> Columns:
        """A line each: path, label, score, unknown, set (joined by |), start, end, reason (why there is no label), excluded (why),
        and the score of every class (``core.columns``).
        """
        found: dict[str, list[Any]] = {name: [] for name in _FACTS}
        classes = dict.fromkeys(c for one in self if isinstance(one, Prediction) for c in one.scores)
        scores: dict[str, list[float | None]] = {c: [] for c in classes}
        for one in self:
            said = one if isinstance(one, Prediction) else None
            for name in _FACTS[1:-1]:
                found[name].append(getattr(said, name, None) if name != "set" else joined(said.set) if said else None)
            found["path"].append(one.path)
            found["excluded"].append(one.reason if isinstance(one, Excluded) else None)
            for c, column in scores.items():
                column.append(said.scores.get(c) if said else None)
        kept = {
            n: c
            for n, c in found.items()
            if n not in ("start", "end", "reason", "excluded") or any(v not in (None, "") for v in c)
        }
        return kept | {column_of(c): column for c, column in scores.items()}


def to_frame(predictions: Iterable[Prediction | Excluded] | Prediction | Any) -> Any:
    """A pandas DataFrame of predictions (one, a list, a stream), or of what has a ``to_frame`` of its own.

    A line a sound: path, label, score, unknown, set, and the score of every class. Raises MissingExtraError if pandas is
    not installed.

    >>> said = [Prediction("a.wav", "dog", 0.9, {"cat": 0.1, "dog": 0.9})]
    >>> to_frame(said)["label"].tolist()                                      # doctest: +SKIP
    ['dog']
    """
    if isinstance(predictions, (Prediction, Excluded)):
        predictions = [predictions]
    if hasattr(predictions, "to_frame"):
        return predictions.to_frame()
    return Predictions(predictions).to_frame()
