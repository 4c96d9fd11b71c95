"""The door: whatever a user names as data, as sounds (``Dataset``) or as embeddings that are there already (``Embedded``)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from ..core.errors import AudioError, DataError
from ..core.paths import is_remote, located, named, spelled
from ..core.storage import at_hand, place
from ..data import load as sounds
from ..data.annotation_files import is_beside
from ..data.clips import Dataset
from ..data.copies import Copies
from ..data.layouts import _suffixes
from ..data.layouts.table import labels_are
from ..data.recordings import Annotations, Given, Looked, annotate, annotations_are, beside, given_now
from ..data.sources import FILES, files_of, holds_embeddings, is_store, settled
from ..data.sources import Source as Sounds
from ..data.targets import Task
from . import ready
from .embedded import Embedded
from .store import MEMORY, Folder, open_store

Source = Sounds | Embedded | Folder


def load_dataset(
    source: Source,
    annotations: Annotations = None,
    annotated: Looked = None,
    *,
    labels: Mapping[str, str] | str | Path | None = None,
    label_column: str | None = None,
    pseudo_labels: bool = False,
    copies: str | None = None,
    memory: int = MEMORY,
    seed: int = 0,
) -> Dataset | Embedded:
    """Open what ``source`` names: sounds as a ``Dataset``, embeddings as ``Embedded``.

    ==============================  ====================================================================================
    a folder                        of class folders; of files of embeddings; a store that ``embed`` wrote
    a file                          a table of clips (csv, tsv, parquet), or of embeddings (npz, parquet, csv)
    a DataFrame                     of pandas, polars or pyarrow, with the columns of a table; paths are relative to the
                                    working folder, and its index means nothing
    a list                          of paths and URIs of sounds, or of files of embeddings
    ``"gtzan:/data/genres"``        a known data set and its place
    ``"file://…"``, ``"s3://…"``    any of these folders and files in an object store, as far as pyarrow or fsspec know it
    ==============================  ====================================================================================

    ``annotations`` of recordings make the task multi-label: ``Annotation``, or what ``load_annotations`` reads, with its
    ``labels`` and ``label_column``; of unlabelled sounds those that lie beside them and are called alike are read by
    themselves. ``annotated`` says where somebody looked: ``"all"``, ``Span`` or a table of them (path, start, end[, label]).
    ``pseudo_labels``: labels of a table may be a model's predictions; one with a column score or confidence is refused
    without. ``copies="table"``: only the very same samples count as copies, and what sounds alike is as far apart as the
    groups say ("sound", the default, listens). Of a store that is larger than ``memory`` bytes, whole clips are drawn with
    ``seed``, which is noted.

    Raises DataError if there is nothing there or nothing that can be used; a sound that cannot be read is told by those
    who read it.
    """
    with labels_are("predicted") if pseudo_labels else nullcontext():
        if annotations is None and annotated is None:
            if labels is not None or label_column is not None:
                raise DataError("labels and label_column say how to read annotations; wanted annotations=…, too")
            found = opened(source)
        else:
            with annotations_are(Given(annotations, annotated, labels, label_column)):
                found = opened(source)
    if copies is not None and isinstance(found, Dataset):
        found = replace(found, copies=Copies.of(copies))
    return read(found, memory=memory, seed=seed) if isinstance(found, Folder) else found


def load_embeddings(
    source: Source, table: str | Path | None = None, *, memory: int = MEMORY, seed: int = 0
) -> Embedded:
    """Embeddings of a file or a store; ``table`` gives other labels, groups and folds. Raises DataError for sounds."""
    found = opened(source)
    if isinstance(found, Dataset):
        raise DataError(f"{source}: found sounds; wanted embeddings: a store or a file that `earmark embed` wrote")
    if table is not None:
        found = found.told(Path(located(table)))
    return read(found, memory=memory, seed=seed) if isinstance(found, Folder) else found


def read(folder: Folder, *, memory: int = MEMORY, seed: int = 0) -> Embedded:
    """A store, as far as it fits into ``memory`` bytes."""
    found, note = folder.read(memory=memory, seed=seed)
    return replace(found, notes=(*found.notes, note) if note else found.notes)


def opened(source: Source) -> Dataset | Embedded | Folder:
    """What ``load_dataset`` gives, but of a store only who is in it: nothing is drawn or read yet."""
    given = given_now()
    with annotations_are(None):  # what follows opens the sounds themselves
        found = _opened(source)
    if given is None:
        return beside(found) if isinstance(found, Dataset) and not isinstance(source, Dataset) else found
    if not isinstance(found, Dataset):
        raise DataError("annotations speak of sounds, and found embeddings; wanted recordings: a folder or a table")
    # What has its annotations already goes through the door again with the same ones.
    return found if found.task is Task.MULTI and isinstance(source, Dataset) else annotate(found, given)


def _opened(source: Source) -> Dataset | Embedded | Folder:
    if isinstance(source, (Dataset, Embedded, Folder)):
        return source
    source = settled(source)
    if isinstance(source, (str, Path)) and is_store(source):
        return open_store(spelled(located(source)))
    if isinstance(source, (str, Path)) and isinstance(uri := located(source), str) and is_remote(uri):
        return sounds.load_dataset(source) if named(source)[0] else _remote(uri)
    files = files_of(source)
    if not files:
        return sounds.load_dataset(source)
    found = ready.read(files)
    if isinstance(source, (str, Path)) and (folder := Path(located(source))).is_dir():
        found = replace(found, dataset=replace(found.dataset, name=folder.name or found.dataset.name))
    return found


def _remote(uri: str) -> Dataset | Embedded:
    """Sounds or files of embeddings in an object store. The files are fetched to be read."""
    there = place(uri)
    single = Path(there.path).suffix.lower() in FILES
    files = [there] if single else there.below(deep=False)
    files = [p for p in files if Path(p.path).suffix.lower() in FILES and not is_beside(Path(p.path))]
    if files and (single or not any(Path(p.path).suffix.lower() in _suffixes() for p in there.below())):
        try:
            here = {at_hand(Path(p.name)): p.name for p in files if p.exists()}
        except AudioError as error:
            raise DataError(f"{uri}: {error.reason}") from error
        held = [path for path in here if holds_embeddings(path)]
        if held:
            try:
                return ready.read(held)
            except DataError as error:
                told = str(error)
                for path, name in here.items():
                    told = told.replace(str(path), name)
                raise DataError(told) from error
    return sounds.load_dataset(uri)


def sounds_of(source: Source) -> list[Path]:
    """The sounds on this machine that a source names; none for embeddings. Raises DataError as opening it does."""
    if source is None:
        return []
    if isinstance(source, (tuple, list)) and len(source) == 1:
        return sounds_of(source[0])
    if isinstance(source, (str, Path)) and is_remote(located(source)) and named(source)[0] is None:
        return []
    found = opened(source)
    return [c.path for c in found.clips if not is_remote(c.path)] if isinstance(found, Dataset) else []
