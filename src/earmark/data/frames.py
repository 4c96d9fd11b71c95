"""DataFrames of pandas, polars and pyarrow as tables: by what they have, so that none of them is imported."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from .sources import WANTED, kind_of


def write_tsv(given: Any, out: Path) -> None:
    """Write a DataFrame as a table of texts, without its index. Raises DataError for what only looks like a DataFrame."""
    try:
        names, columns = _columns(given.collect() if hasattr(given, "collect") else given)
        lines = list(zip(*[[_text(value) for value in column] for column in columns], strict=True))
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        raise DataError(f"found a {kind_of(given)} whose columns cannot be read; {WANTED}") from error
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(lines)


def _columns(given: Any) -> tuple[list[str], list[Sequence[Any]]]:
    """Names and values of the columns, as plain values of Python."""
    if hasattr(given, "column_names"):  # pyarrow
        return list(given.column_names), [column.to_pylist() for column in given.columns]
    names = [str(name) for name in given.columns]
    if hasattr(given, "iloc"):  # pandas, where several columns may have one name
        return names, [given.iloc[:, i].tolist() for i in range(len(names))]
    return names, [given[name].to_list() for name in names]  # polars


def _text(value: Any) -> str:
    """A cell as a table would have it; nothing for None, NaN, NaT and NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return ""
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
