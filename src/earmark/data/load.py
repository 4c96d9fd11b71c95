"""The door for sounds: a data set from whatever a user names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..core import plugins
from ..core.errors import DataError
from ..core.paths import _QUERY, is_remote, joined, named, relative
from ..core.storage import Place, place
from .clips import Clip, Dataset, Excluded, writable
from .found import HIDDEN, is_hidden, is_sound
from .labels import look_alikes
from .layouts import _suffixes, folder, table

Source = str | Path | Dataset | Iterable[str | Path]


def load_dataset(source: Source, *, pseudo_labels: bool = False) -> Dataset:
    """Open a data set from a folder, a table, a list of files, or ``"name:path"`` (e.g. ``"gtzan:/data/genres"``).

    What is there and not used stands in ``excluded``. ``pseudo_labels``: take labels that are a model's predictions, too
    (a table with a column score or confidence). Raises DataError if there is nothing there or nothing that can be used.
    """
    if pseudo_labels:
        with table.labels_are("predicted"):
            return load_dataset(source)
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, (str, Path)):
        return folder.of_files(listed(source))
    name, path = named(source)
    if name:
        return _built(name, path)
    if not path.exists():
        raise DataError(
            f"there is nothing at {path}. Wanted: a folder of class folders, a table (csv, tsv, parquet) with the "
            "columns path and label, or a known data set"
        )
    for candidate in plugins.names("datasets"):
        if _matches(candidate, path):
            return _built(candidate, path)
    return _built("folder" if path.is_dir() else "table", path)


def _matches(name: str, path: Path) -> bool:
    """True if a data set says that it is what lies at ``path``. One of another package that fails has said nothing."""
    matches = getattr(plugins.module("datasets", name), "matches", None)
    try:
        return matches is not None and bool(matches(path))
    except Exception:
        if plugins.package("datasets", name) is None:
            raise
        return False


def listed(source: Iterable[str | Path]) -> list[Path]:
    """Paths of a list of files. Raises DataError for what is no such list, though it may be gone through like one."""
    kind = type(source)
    module = kind.__module__.partition(".")[0]
    what = kind.__qualname__ if module == "builtins" else f"{kind.__qualname__} ({module})"
    wanted = "wanted a folder, a table (csv, tsv, parquet), a Dataset, or a list of files"
    if hasattr(source, "columns") or hasattr(source, "column_names"):  # gone through, it gives names of columns
        writers = {"to_csv": '.to_csv("clips.csv", index=False)', "write_csv": '.write_csv("clips.csv")'}
        how = next((f" (yours has {call})" for name, call in writers.items() if hasattr(source, name)), "")
        raise DataError(f'found a {what}; {wanted}. Write it to a file{how} and give its name, "clips.csv"')
    try:
        if isinstance(source, (bytes, bytearray, Mapping)) or hasattr(source, "read"):
            raise TypeError  # gone through, they give numbers, keys, lines
        paths = list(source)
    except TypeError as error:
        found = "None" if source is None else f"a value of the kind {what}"
        raise DataError(f"found {found}; {wanted}") from error
    wrong = next((p for p in paths if not isinstance(p, (str, Path)) or not str(p)), None)
    if wrong is not None:
        raise DataError(f"found {what} with {_short(wrong)} in it; {wanted}, each as text or a Path")
    return [Path(p) for p in paths]


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__qualname__})"


def _built(name: str, path: Path) -> Dataset:
    dataset: Dataset = plugins.build("datasets", name, path=path)
    if not dataset.clips:
        gone = "; ".join(f"{one.path}: {one.reason}" for one in dataset.excluded[:3])
        told = f" (excluded: {gone})" if gone else ""
        raise DataError(f"{path}: no sounds found{told}. Known endings: {', '.join(sorted(_suffixes()))}")
    return _told(dataset)


def _told(dataset: Dataset) -> Dataset:
    """With notes on names that may be one."""
    alike = look_alikes(dataset.labels, "labels") + look_alikes(dataset.groups, "groups")
    return replace(dataset, notes=(*dataset.notes, *alike)) if alike else dataset


def open_sounds(data: str) -> Dataset:
    """``load_dataset``, also for what lies in an object store: a table of clips, a folder of class folders, a sound.

    Raises DataError.
    """
    if not is_remote(data):
        return load_dataset(data)
    there = place(data)
    ending = Path(there.path).suffix.lower()
    if ending in table.SUFFIXES:
        return _table(there, ending)
    found = [(f.path[len(there.path) + 1 :], Path(f.name)) for f in there.below(hidden=True)]
    sounds = [(name, path) for name, path in found if is_sound(name)]
    if not sounds and ending in _suffixes():
        return Dataset(Path(there.path).name, (Clip(there.name, Path(there.name)),))
    hidden = tuple(Excluded(writable(name), HIDDEN) for name, _ in sounds if is_hidden(name))
    notes = folder.unread(there.name, any(name == "clips.csv" for name, _ in found))
    shown = [(name, path) for name, path in sounds if not is_hidden(name)]
    if not shown:
        raise DataError(
            f"{data}: no sounds found. Wanted: a folder of class folders, a table (csv, parquet), or a sound"
        )
    return _told(folder.of_names(Path(there.path).name, shown, hidden, notes))


def _table(there: Place, ending: str) -> Dataset:
    content = there.read()
    if content is None:
        raise DataError(f"there is no table at {there}")
    parent = there.name[: len(there.name) - len(query[0])] if (query := _QUERY.search(there.name)) else there.name
    parent = parent.rpartition("/")[0] + (query[0] if query else "")
    with tempfile.TemporaryDirectory() as here:
        file = Path(here) / f"{Path(there.path).stem}{ending}"
        file.write_bytes(content)
        try:
            found = load_dataset(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), there.name)) from error
    clips = []
    for clip in found.clips:
        path = clip.path
        if not is_remote(path):
            path = Path(joined(parent, relative(path, Path(here))))
        clips.append(Clip(clip.id, path, clip.label, clip.group, clip.fold, clip.start, clip.duration))
    notes = tuple(note.replace(str(file), there.name) for note in found.notes)
    return Dataset(Path(parent.split("?")[0]).name, tuple(clips), notes=notes)
