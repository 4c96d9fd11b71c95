"""Read a ``.pth`` checkpoint that holds NumPy numbers beside its tensors, without pickle's powers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray

from earmark.core.errors import WeightsError
from earmark.core.text import first_line

# What NumPy's arrays and scalars are pickled with; files written by NumPy 1 call the module by its old name.
_ALLOWED: list[Any] = [
    np.ndarray,
    np.dtype,
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"},
    *(
        (part, f"{module}.{part.__name__}")
        for part in (multiarray._reconstruct, multiarray.scalar)
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    ),
]


def load(path: Path) -> Any:
    """What ``torch.save`` wrote, on the CPU. Raises WeightsError when it holds more than numbers and containers."""
    with torch.serialization.safe_globals(_ALLOWED):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            reason = first_line(error)
            raise WeightsError(f"{path}: not a checkpoint that can be read safely ({reason})") from error
