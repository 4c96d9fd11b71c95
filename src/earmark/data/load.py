"""The door for sounds: a data set from whatever a user names. ``embeddings.load`` is the one for sounds and embeddings."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..core import plugins
from ..core.errors import DataError
from ..core.paths import _QUERY, is_remote, joined, located, named, spelled
from ..core.storage import Place, place
from .clips import Clip, Dataset, Excluded, writable
from .found import HIDDEN, is_hidden, is_sound
from .frames import write_tsv
from .labels import look_alikes
from .layouts import _suffixes, folder, table
from .recordings import annotate, annotations_are, given_now
from .sources import Source, is_frame, kind_of, listed, no_sounds, only_sounds, settled


def load_dataset(source: Source) -> Dataset:
    """Open a data set of sounds: from a folder, a table, a DataFrame, a list of files, ``"name:path"`` (e.g.
    ``"gtzan:/data/genres"``), or the URI of a folder, a table or a sound.

    Raises DataError if there is nothing there or nothing that can be used, and for embeddings, which are no sounds.
    """
    if isinstance(source, Dataset):
        return source
    given = given_now()
    with annotations_are(None):
        found = _sounds(source)
    return found if given is None else annotate(found, given)


def _sounds(source: Source) -> Dataset:
    source = settled(source)
    if is_frame(source):
        return _frame(source)
    if not isinstance(source, (str, Path)):
        only_sounds(source)
        return _files(listed(source))
    name, path = named(source)
    if name:
        return _built(name, _here(str(path)))
    if is_remote(source):
        return _uri(spelled(source))
    return _opened(path)


def _opened(path: Path) -> Dataset:
    if not path.exists():
        only_sounds(path)  # a pattern
        raise DataError(
            f"there is nothing at {path}. Wanted: a folder of class folders, a table (csv, tsv, parquet) with the "
            "columns path and label, or a known data set"
        )
    only_sounds(path)
    for candidate in plugins.names("datasets"):
        if _matches(candidate, path):
            return _built(candidate, path)
    if path.is_file() and path.suffix.lower() in _suffixes():
        return _files([path])
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


def _here(path: str) -> Path:
    """The place of a known data set. Raises DataError if it is in an object store."""
    found = located(path if is_remote(path) else Path(path))
    if isinstance(found, str) or is_remote(found):
        raise DataError(f"{spelled(found)}: a known data set is opened in a folder on this machine; copy it here first")
    return found.expanduser()


# ------------------------------------------------------------------------------------------------- lists
def _files(paths: list[Path]) -> Dataset:
    """Unlabelled clips of files, folders and URIs of them, each once."""
    if not any(map(is_remote, paths)):
        return folder.of_files(paths)
    clips: dict[str, Clip] = {}
    excluded: list[Excluded] = []
    for path in paths:
        found = _uri(spelled(path)) if is_remote(path) else folder.of_files([path])
        above = f"{spelled(path)}/" if is_remote(path) else ""
        excluded += (replace(one, path=above + one.path) for one in found.excluded)
        for clip in found.clips:
            name = writable(spelled(clip.path))
            clips.setdefault(name, Clip(name, clip.path))
    return Dataset("files", tuple(clips.values()), excluded=tuple(excluded))


# ------------------------------------------------------------------------------------------------- tables that lie elsewhere
def _frame(given: object) -> Dataset:
    """A DataFrame: its paths are relative to the working folder."""
    what = f"the {kind_of(given)}"
    return replace(_table(lambda file: write_tsv(given, file), "clips.tsv", what, Path), name="DataFrame")


def _table(write: Callable[[Path], object], name: str, called: str, path_of: Callable[[str], Path]) -> Dataset:
    """A table that ``write`` puts into a file here; relative paths in it are those that ``path_of`` makes of them."""
    with tempfile.TemporaryDirectory(prefix="earmark-") as here:
        file = Path(here) / name
        write(file)
        try:
            only_sounds(file)
            found = _built("table", file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), called)) from error
    clips = []
    for clip in found.clips:
        if not is_remote(clip.path) and clip.path.is_relative_to(here):
            clip = replace(clip, path=path_of(posixpath.normpath(clip.path.relative_to(here).as_posix())))
        clips.append(clip)
    return replace(found, clips=tuple(clips), notes=tuple(note.replace(str(file), called) for note in found.notes))


# ------------------------------------------------------------------------------------------------- URIs
def _uri(uri: str) -> Dataset:
    """What a URI names: a table of clips, a folder of class folders, a sound."""
    if isinstance(path := located(uri), Path):
        return _local(uri, path)
    there = place(uri)
    ending = Path(there.path).suffix.lower()
    if ending in table.SUFFIXES:
        return _remote_table(there, ending)
    only_sounds(uri)
    found = [(f.path[len(there.path) + 1 :], Path(f.name)) for f in there.below(hidden=True)]
    sounds = [(name, path) for name, path in found if is_sound(name)]
    if not sounds and ending in _suffixes():
        return Dataset(Path(there.path).name, (Clip(there.name, Path(there.name)),))
    shown = [(name, path) for name, path in sounds if not is_hidden(name)]
    if not shown and any(name.lower().endswith(".npz") for name in (there.path, *(n for n, _ in found))):
        raise no_sounds(f"{uri}: found files of embeddings")
    if not shown:
        raise DataError(
            f"{uri}: no sounds found. Wanted: a folder of class folders, a table (csv, parquet), or a sound"
        )
    hidden = tuple(Excluded(writable(name), HIDDEN) for name, _ in sounds if is_hidden(name))
    notes = folder.unread(there.name, any(name == "clips.csv" for name, _ in found))
    return _told(folder.of_names(Path(there.path).name, shown, hidden, notes))


def _local(uri: str, path: Path) -> Dataset:
    """What lies at a ``file://``, told by that name."""
    if path.is_file() and path.suffix.lower() in _suffixes():
        return Dataset("files", (Clip(writable(uri), path),))
    try:
        found = _opened(path)
    except DataError as error:
        raise DataError(str(error).replace(str(path), uri)) from error
    return replace(found, notes=tuple(note.replace(str(path), uri) for note in found.notes))


def _remote_table(there: Place, ending: str) -> Dataset:
    content = there.read()
    if content is None:
        raise DataError(f"there is no table at {there}")
    query = found[0] if (found := _QUERY.search(there.name)) else ""
    base = there.name.removesuffix(query).rpartition("/")[0]

    def path_of(inside: str) -> Path:
        above = base
        while inside.startswith("../"):
            above, inside = above.rpartition("/")[0], inside.removeprefix("../")
        return Path(joined(above + query, inside))

    name = Path(there.path).stem
    dataset = _table(lambda file: file.write_bytes(content), f"{name}{ending}", there.name, path_of)
    return replace(dataset, name=base.rpartition("/")[2]) if name in ("clips", "metadata", "labels") else dataset
