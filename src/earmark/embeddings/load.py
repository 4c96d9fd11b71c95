"""The door: whatever a user names as data, as sounds (``Dataset``) or as embeddings that are there already (``Embedded``)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..core.errors import AudioError, DataError
from ..core.paths import is_remote, located, named, spelled
from ..core.storage import at_hand, place
from ..data import load as sounds
from ..data.annotation_files import ANNOTATIONS, SPANS, is_beside, read_file
from ..data.annotations import Annotated, Annotation, Span, annotated_by
from ..data.clips import Dataset
from ..data.copies import Copies
from ..data.layouts import _suffixes
from ..data.layouts.table import labels_are
from ..data.sources import FILES, files_of, holds_embeddings, is_store, settled
from ..data.sources import Source as Sounds
from ..data.targets import Task
from . import ready
from .embedded import Embedded
from .store import MEMORY, Folder, open_store

Source = Sounds | Embedded | Folder
_One = TypeVar("_One", Annotation, Span)


def load_dataset(
    source: Source,
    annotations: str | Path | Iterable[Annotation] | None = None,
    annotated: str | Path | Iterable[Span] | None = None,
    *,
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

    ``annotations`` of recordings (``Annotation``, or a CSV with the columns recording, start, end, label) make the task
    multi-label. ``annotated`` says where somebody looked: ``"all"``, ``Span`` or a CSV of them. ``pseudo_labels``: labels
    of a table may be a model's predictions; one with a column score or confidence is refused without. ``copies="table"``:
    only the very same samples count as copies, and what sounds alike is as far apart as the groups say ("sound", the
    default, listens). Of a store that is larger than ``memory`` bytes, whole clips are drawn with ``seed``, which is noted.

    Raises DataError if there is nothing there or nothing that can be used; a sound that cannot be read is told by those
    who read it.
    """
    with labels_are("predicted") if pseudo_labels else nullcontext():
        found = opened(source)
    if copies is not None and isinstance(found, Dataset):
        found = replace(found, copies=Copies.of(copies))
    if annotations is not None or annotated is not None:
        if not isinstance(found, Dataset):
            raise DataError("annotations speak of sounds, and found embeddings; wanted recordings: a folder or a table")
        return _annotated(found, annotations, annotated)
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


def _annotated(
    dataset: Dataset,
    annotations: str | Path | Iterable[Annotation] | None,
    annotated: str | Path | Iterable[Span] | None,
) -> Dataset:
    """A multi-label data set. Raises DataError for annotations of recordings that the data do not have."""
    told = _given(annotations, Annotation)
    looked: Annotated = "all" if annotated == "all" else annotated_by(_given(annotated, Span))
    there = {c.recording_id for c in dataset.clips}
    strange = sorted({a.path for a in told} - there)
    if strange:
        raise DataError(
            f"{dataset.name}: found annotations of {len(strange)} recordings that the data do not have, e.g. {strange[0]!r}; "
            f"wanted names of recordings as the data have them, e.g. {min(there)!r}"
        )
    return replace(dataset, task=Task.MULTI, annotations=told, annotated=looked)


def _given(source: str | Path | Iterable[_One] | None, kind: type[_One]) -> tuple[_One, ...]:
    columns = ANNOTATIONS if kind is Annotation else SPANS
    if source is None:
        return ()
    if isinstance(source, (str, Path)):
        path = Path(located(source)).expanduser()
        if path.suffix.lower() != ".csv" or not path.is_file():
            raise DataError(f"{source}: found no table of annotations there; wanted a CSV with {', '.join(columns)}")
        return read_file(path, kind)
    found = tuple(source)
    wrong = next((one for one in found if not isinstance(one, kind)), None)
    if wrong is not None:
        raise DataError(f"found {wrong!r:.80} among the annotations; wanted {kind.__name__}, or a CSV of them")
    return found
