"""What people read and machines take: one self-contained page, figures, metrics.json, predictions.csv.

``page`` (the layout), ``style`` (the look of figures), ``words`` and ``publish`` serve every report. Names are imported
on first use: ``words`` needs the core only, the pages need the ``train`` extra.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compare import write
    from .results import metrics, metrics_json, predictions_csv

__all__ = ["metrics", "metrics_json", "predictions_csv", "write"]

_WHERE = {"metrics": "results", "metrics_json": "results", "predictions_csv": "results", "write": "compare"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'earmark.report' has no attribute {name!r}")
    value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value
