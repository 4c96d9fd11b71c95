"""What a user may hand in as data, and what it is, before anything of it is opened."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..audio.memory import is_held
from ..core import legacy
from ..core.errors import DataError
from ..core.paths import is_remote, located, named, spelled
from ..core.storage import place
from .annotation_files import is_beside
from .clips import Dataset
from .layouts import sounds_below

# Any: a DataFrame of pandas, polars or pyarrow; none of them is needed here.
Source = str | Path | Dataset | Iterable[str | Path] | Any
WANTED = "wanted a folder, a table (csv, tsv, parquet), a DataFrame, a Dataset, or a list of files"
FILES = (".npz", ".parquet", ".pq", ".csv")
_STORE, _SHARDS = "earmark.json", ("embeddings", "answers", legacy.STORE_FOLDER)


def is_frame(source: object) -> bool:
    """True for what has columns as a DataFrame has (pandas, polars, pyarrow); gone through, it gives their names."""
    if isinstance(source, (str, PathLike, Dataset)):
        return False
    return any(hasattr(type(source), name) or hasattr(source, name) for name in ("column_names", "columns", "collect"))


def settled(source: Source) -> Source:
    """The same, to be gone through as often as is wanted: a generator is a list now. Raises DataError."""
    if is_frame(source) or isinstance(source, (str, Path)) or hasattr(source, "clips") or hasattr(source, "dataset"):
        return source
    return listed(source)


def listed(source: Source) -> list[Path]:
    """Paths of a list of files. Raises DataError for what is no such list, though it may be gone through like one."""
    what = kind_of(source)
    try:
        if isinstance(source, (bytes, bytearray, Mapping)) or hasattr(source, "read"):
            raise TypeError  # gone through, they give numbers, keys, lines
        paths = [source] if isinstance(source, (str, Path)) else list(source)
    except TypeError as error:
        found = "None" if source is None else f"a value of the kind {what}"
        raise DataError(f"found {found}; {WANTED}") from error
    if is_held(source) or (paths and all(map(is_held, paths))):
        raise DataError(
            "found sounds in memory, of which nothing is known but what they sound of; wanted labelled sounds with a path "
            "(a folder, a table, a DataFrame), or SoundClassifier.fit(sounds, labels), which takes sounds in memory"
        )
    wrong = next((p for p in paths if not isinstance(p, (str, Path)) or not str(p)), None)
    if wrong is not None:
        raise DataError(f"found {what} with {_short(wrong)} in it; {WANTED}, each as text or a Path")
    return [Path(p) for p in paths]


def kind_of(source: object) -> str:
    """``list``, ``DataFrame (pandas)``: what something is, and whose."""
    module = type(source).__module__.partition(".")[0]
    name = type(source).__qualname__
    return name if module == "builtins" else f"{name} ({module})"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__qualname__})"


def is_store(source: Source) -> bool:
    """True for a folder or URI of shards."""
    if not isinstance(source, (str, Path)) or named(source)[0]:
        return False
    source = located(source)
    if is_remote(source):
        return (place(source) / _STORE).read() is not None
    folder = Path(source).expanduser()
    return (folder / _STORE).is_file() and any((folder / name).is_dir() for name in _SHARDS)


def files_of(source: Source) -> tuple[Path, ...]:
    """Files of embeddings on this machine that ``source`` names (one, several, a pattern, a folder of them), or none if
    it names something else. Raises DataError for what is no list."""
    if is_frame(source) or hasattr(source, "clips") or hasattr(source, "dataset"):
        return ()
    given: list[Path] = []
    for path in [source] if isinstance(source, (str, Path)) else listed(source):
        here = located(path)
        if is_remote(here):
            return ()
        here = Path(here).expanduser()
        pattern = not here.exists() and any(mark in here.name for mark in "*?[")
        given += [p for p in sorted(here.parent.glob(here.name)) if not is_beside(p)] if pattern else [here]
    if len(given) == 1 and given[0].is_dir():
        given = folder_of_files(given[0])
    return tuple(given) if given and all(map(holds_embeddings, given)) else ()


def folder_of_files(folder: Path) -> list[Path]:
    """The files of embeddings right in a folder in which there are no sounds; none where there are."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # told by who looks for sounds
        return []
    found = [p for p in inside if not p.name.startswith(".") and not is_beside(p)]
    found = [p for p in found if holds_embeddings(p)]
    return found if found and not sounds_below(folder) else []


def holds_embeddings(path: Path) -> bool:
    """True for a file of embeddings, by its ending and by the names of its columns."""
    kind = path.suffix.lower()
    if kind not in FILES or not path.is_file():
        return False
    if kind == ".npz":
        return True
    if kind == ".csv":
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            try:
                head = next(csv.reader(file), [])
            except csv.Error:
                return False
        return "id" in head and "v0" in head
    try:
        import pyarrow.parquet as pq

        with path.open("rb") as file:
            names = set(pq.read_schema(file).names)
        return "id" in names and bool(names & {"embedding", legacy.COLUMN})
    # What pyarrow says of damage: its errors are ValueErrors, OSErrors and RuntimeErrors.
    except (ModuleNotFoundError, OSError, ValueError, LookupError, TypeError, RuntimeError, MemoryError):
        return False


def only_sounds(source: Source) -> None:
    """Raise DataError for embeddings, in memory, in files or in a store: there are no sounds in them."""
    files = files_of(source)
    if hasattr(source, "dataset"):
        found = f"{kind_of(source)}: found embeddings"
    elif files:
        found = (
            f"{spelled(source) if isinstance(source, (str, Path)) else files[0]}: found {_counted(files)} of embeddings"
        )
    elif isinstance(source, (str, Path)) and is_store(source):
        found = f"{spelled(source)}: found a store of embeddings"
    else:
        return
    raise no_sounds(found)


def no_sounds(found: str) -> DataError:
    """What is said of embeddings where sounds are needed."""
    return DataError(
        f"{found}, and this needs sounds: {WANTED}. Embeddings can be compared, trained on, evaluated, and studied by ladder, "
        "curve and tune"
    )


def _counted(files: tuple[Path, ...]) -> str:
    return "a file" if len(files) == 1 else f"{len(files)} files"
