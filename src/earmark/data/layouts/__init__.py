"""Where clips come from. One source is one file, found by its name.

A file here has:

``build(path, **params) -> Dataset``
    reads the records (never the audio); raises DataError.
``matches(path) -> bool``  (optional)
    True if what lies at ``path`` is surely this data set; asked in turn when the user names no source.
``LAYOUT: dict[str, str]``
    a tiny example as it lies on disk: file name -> text (``""`` for a sound). Shown in the docs, used by the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ...core import plugins
from ..clips import Dataset
from ...core.errors import DataError


def open_dataset(source: str | Path | Dataset | Iterable[str | Path]) -> Dataset:
    """Open a data set from a folder, a table, a list of files, or ``"name:path"`` (e.g. ``"gtzan:/data/genres"``).

    Raises DataError if there is nothing there or nothing that can be used.
    """
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, (str, Path)):
        check_list(source)
        from .folder import of_files

        return of_files([Path(p) for p in source])
    name, path = named(source)
    if name:
        return _built(name, path)
    if not path.exists():
        raise DataError(
            f"there is nothing at {path}. Wanted: a folder of class folders, a table (csv, tsv, parquet) with the "
            "columns path and label, or a known data set"
        )
    for candidate in plugins.names("datasets"):
        matches = getattr(plugins.module("datasets", candidate), "matches", None)
        if matches is not None and matches(path):
            return _built(candidate, path)
    return _built("folder" if path.is_dir() else "table", path)


def check_list(source: object) -> None:
    """Raise DataError for what is no list of paths: a DataFrame would be taken for files called as its columns."""
    kind = type(source).__name__
    if hasattr(source, "columns") or hasattr(source, "to_csv") or hasattr(source, "schema"):
        raise DataError(
            f"found a table in memory ({kind}); wanted a file. Write it down and name that: "
            'frame.to_csv("clips.csv", index=False), with the columns path and label'
        )
    if isinstance(source, (Mapping, bytes, bytearray)) or hasattr(source, "dtype") or not isinstance(source, Iterable):
        raise DataError(
            f"found an object of the kind {kind}; wanted a folder, a table (csv, tsv, parquet), a list of paths of sounds, or "
            "a known data set"
        )


def named(source: str | Path) -> tuple[str | None, Path]:
    """``"gtzan:/data/genres"`` as the name of a data set and a path; no name where none is given."""
    name, colon, rest = str(source).partition(":")
    if colon and name in plugins.names("datasets"):
        return name, Path(rest)
    return None, Path(source).expanduser()


def _built(name: str, path: Path) -> Dataset:
    dataset: Dataset = plugins.build("datasets", name, path=path)
    if not dataset.clips:
        raise DataError(f"{path}: no sounds found. Known endings: {', '.join(sorted(_suffixes()))}")
    return dataset


def _suffixes() -> frozenset[str]:
    from ...audio import SUFFIXES

    return SUFFIXES


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below ``folder``, sorted; hidden ones and what cannot be listed are passed over."""
    suffixes = _suffixes()
    found = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes and not p.name.startswith("."))
    return sorted(p for p in found if not p.is_dir())
