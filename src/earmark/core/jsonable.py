"""Values as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any, digits: int | None = None) -> Any:
    """NumPy numbers to Python's, what is not finite to None, whatever JSON does not know to text.

    ``digits``: decimals that numbers are rounded to; None: as they are.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v, digits) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v, digits) for v in value]
    if isinstance(value, float):  # also NumPy's double, which rounds as NumPy does
        rounded = value if digits is None or not math.isfinite(value) else round(value, digits)
        return float(rounded) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item(), digits)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
