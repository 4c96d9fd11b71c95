"""Columns as a DataFrame; pandas is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import MissingExtraError


def frame(columns: Mapping[str, Any]) -> Any:
    """A pandas DataFrame of columns (n,). Raises MissingExtraError if pandas is not installed."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pandas":
            raise
        raise MissingExtraError("a DataFrame", "pandas") from error
    return pandas.DataFrame(dict(columns))
