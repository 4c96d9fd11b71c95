"""The door for sounds: a data set from whatever a user names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..core import plugins
from ..core.errors import DataError
from ..core.paths import _QUERY, is_remote, joined, named
from ..core.storage import Place, place
from .clips import Clip, Dataset
from .layouts import _suffixes, table

Source = str | Path | Dataset | Iterable[str | Path]


def open_dataset(source: Source) -> Dataset:
    """Open a data set from a folder, a table, a list of files, or ``"name:path"`` (e.g. ``"gtzan:/data/genres"``).

    Raises DataError if there is nothing there or nothing that can be used.
    """
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, (str, Path)):
        check_list(source)
        from .layouts.folder import of_files

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


def _built(name: str, path: Path) -> Dataset:
    dataset: Dataset = plugins.build("datasets", name, path=path)
    if not dataset.clips:
        raise DataError(f"{path}: no sounds found. Known endings: {', '.join(sorted(_suffixes()))}")
    return dataset


def open_sounds(data: str) -> Dataset:
    """``open_dataset``, also for what lies in an object store: a table of clips, a folder of class folders, a sound.

    Raises DataError.
    """
    if not is_remote(data):
        return open_dataset(data)
    there = place(data)
    ending = Path(there.path).suffix.lower()
    if ending in table.SUFFIXES:
        return _table(there, ending)
    found = there.below()
    inside = [f.path[len(there.path) + 1 :] for f in found]
    from ..audio import SUFFIXES

    clips = tuple(
        Clip(name, Path(f.name), name.split("/")[0] if "/" in name else None)
        for f, name in zip(found, inside, strict=True)
        if Path(name).suffix.lower() in SUFFIXES
    )
    if not clips and ending in SUFFIXES:
        clips = (Clip(there.name, Path(there.name)),)
    if not clips:
        raise DataError(
            f"{data}: no sounds found. Wanted: a folder of class folders, a table (csv, parquet), or a sound"
        )
    return Dataset(Path(there.path).name, clips)


def _table(there: Place, ending: str) -> Dataset:
    content = there.read()
    if content is None:
        raise DataError(f"there is no table at {there}")
    parent = there.name[: len(there.name) - len(query[0])] if (query := _QUERY.search(there.name)) else there.name
    parent = parent.rpartition("/")[0] + (query[0] if query else "")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{Path(there.path).stem}{ending}"
        file.write_bytes(content)
        try:
            found = open_dataset(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), there.name)) from error
    clips = []
    for clip in found.clips:
        path = clip.path
        if not is_remote(path):
            path = Path(joined(parent, os.path.relpath(path, folder)))
        clips.append(Clip(clip.id, path, clip.label, clip.group, clip.fold, clip.start, clip.duration))
    return Dataset(Path(parent.split("?")[0]).name, tuple(clips))
