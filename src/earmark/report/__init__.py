"""What people read and machines take: one self-contained page, figures, metrics.json, predictions.csv.

``page`` (the layout), ``style`` (the look of figures), ``words`` and ``publish`` serve every report.
"""

from .compare import write
from .results import metrics, metrics_json, predictions_csv

__all__ = ["metrics", "metrics_json", "predictions_csv", "write"]
