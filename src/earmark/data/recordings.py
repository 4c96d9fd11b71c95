"""Recordings with annotations, as a data set: whose each annotation is, what was looked at, and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..audio import probe
from ..core.errors import AudioError, DataError
from ..core.meanwhile import meanwhile
from ..core.paths import is_remote, located
from ..core.renderers import counted
from . import annotation_formats as formats
from .annotation_formats._recordings import is_of
from .annotation_formats.spans import read_spans
from .annotations import EVERY, Annotated, Annotation, Span, annotated_by
from .clips import Clip, Dataset, Excluded
from .joins import matched
from .labels import look_alikes
from .recorders import info_of
from .sides import fold_of_folder
from .targets import Task

Annotations = str | Path | Iterable[Annotation] | None
Looked = str | Path | Iterable[Span] | None
_ROUNDED = 0.05  # seconds: times are written with few digits


@dataclass(frozen=True)
class Given:
    """What a user says of recordings besides where they are."""

    annotations: Annotations = None
    annotated: Looked = None
    labels: Mapping[str, str] | str | Path | None = None
    label_column: str | None = None


_GIVEN: ContextVar[Given | None] = ContextVar("annotations", default=None)


def annotations_are(given: Given | None) -> AbstractContextManager[None]:
    """Data that are opened meanwhile have these annotations."""
    return meanwhile(_GIVEN, given)


def given_now() -> Given | None:
    """What ``annotations_are`` says."""
    return _GIVEN.get()


def annotate(dataset: Dataset, given: Given) -> Dataset:
    """A multi-label data set of recordings. Raises DataError for annotations of recordings that the data do not have, and
    for such as lie past the end of theirs.
    """
    read = _read(given)
    looked = given.annotated
    spans = () if looked is None or looked == "all" else _spans(looked)
    return _joined(
        dataset, read, spans, everything=looked == "all", strict=not isinstance(given.annotations, (str, Path))
    )


def beside(dataset: Dataset) -> Dataset:
    """With the annotations that lie beside the recordings and are called alike; the same data where there are none.

    Labelled data stay as they are: what lies beside them may be anything.
    """
    if dataset.task is Task.MULTI or len({c.label for c in dataset.clips if c.label}) > 1:
        return dataset
    found, files = formats.Read(), 0
    for folder, clips in _by_folder(dataset.clips).items():
        for file, clip in _files(folder, clips):
            one = formats.read(file)
            files += 1
            found.add(_renamed(one, clip.recording_id, file))
    if not files:
        return dataset
    found.notes.append(
        f"{counted(files, 'file')} of annotations beside the recordings {'is' if files == 1 else 'are'} read, for they are called "
        "alike; --annotations names others."
    )
    return _joined(dataset, found, (), everything=False, strict=True)


def _by_folder(clips: Iterable[Clip]) -> dict[Path, list[Clip]]:
    found: dict[Path, list[Clip]] = {}
    for clip in clips:
        if not is_remote(clip.path) and not clip.start and clip.duration is None:
            found.setdefault(clip.path.parent, []).append(clip)
    return found


def _files(folder: Path, clips: Iterable[Clip]) -> Iterator[tuple[Path, Clip]]:
    """Files of annotations of recordings in a folder: each goes with the recording of the longest name that fits."""
    try:
        names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in formats.ENDINGS)
    except OSError:
        return
    stems: dict[str, list[Clip]] = {}
    for clip in clips:
        stems.setdefault(clip.path.stem, []).append(clip)
    for name in names:
        cuts = [name[:end] for end in range(len(name), 0, -1) if name[end : end + 1] in ("", ".", "_", "-", " ")]
        fits = next((of for cut in cuts if (of := [c for c in stems.get(cut, ()) if is_of(name, c.path.name)])), [])
        if len(fits) == 1 and formats.sniffed(folder / name):
            yield folder / name, fits[0]


def _renamed(one: formats.Read, name: str, file: Path) -> formats.Read:
    """All that a file beside a recording says, as said of that recording. Raises DataError if it speaks of several."""
    names = {a.path for a in one.annotations} | {s.path for s in one.empty}
    if len(names) > 1:
        raise DataError(
            f"{file}: found annotations of {len(names)} recordings, and lies beside one of its name ({name}); wanted those of "
            "this one, or say --annotations with this file"
        )
    one.annotations = [replace(a, path=name) for a in one.annotations]
    one.empty = [replace(s, path=name) for s in one.empty]
    one.groups = dict.fromkeys([name] if one.groups else [], next(iter(one.groups.values()), ""))
    return one


def _read(given: Given) -> formats.Read:
    if given.annotations is None:
        return formats.Read()
    if isinstance(given.annotations, (str, Path)):
        place = located(given.annotations)
        if is_remote(place):
            raise DataError(f"{place}: annotations are read from this machine; copy them here first")
        return formats.read(place, labels=given.labels, label_column=given.label_column)
    return formats.Read(_all(given.annotations, Annotation))


def _spans(looked: Looked) -> tuple[Span, ...]:
    if isinstance(looked, (str, Path)):
        return read_spans(Path(located(looked)).expanduser())
    return tuple(_all(looked or (), Span))


def _all(given: Iterable[Any], kind: type[Any]) -> list[Any]:
    found = list(given)
    wrong = next((one for one in found if not isinstance(one, kind)), None)
    if wrong is not None:
        raise DataError(f"found {wrong!r:.80} among the annotations; wanted {kind.__name__}, or a file of them")
    return found


def _joined(
    dataset: Dataset, read: formats.Read, spans: tuple[Span, ...], *, everything: bool, strict: bool
) -> Dataset:
    """The data with annotations and spans under the names of their recordings."""
    ours = sorted({c.recording_id for c in dataset.clips})
    theirs = [a.path for a in read.annotations] + [s.path for s in (*read.empty, *spans) if s.path != EVERY]
    names = matched(ours, dict.fromkeys(theirs), dataset.name)
    strange = sorted(set(theirs) - names.keys())
    if strange and (strict or not names):
        raise DataError(
            f"{dataset.name}: found annotations of {len(strange)} recordings that the data do not have, e.g. {strange[0]!r}; "
            f"wanted names of recordings as the data have them, e.g. {min(ours, default='none')!r}"
        )
    told = tuple(replace(a, path=names[a.path]) for a in read.annotations if a.path in names)
    seen = [
        s if s.path == EVERY else replace(s, path=names[s.path])
        for s in (*read.empty, *spans)
        if s.path in {*names, EVERY}
    ]
    looked: Annotated = "all" if everything else annotated_by(tuple(seen))
    groups = {names[name]: group for name, group in read.groups.items() if name in names}
    clips, more = _clips(dataset, groups, {a.label for a in told})
    found = replace(
        dataset,
        clips=clips,
        task=Task.MULTI,
        annotations=told,
        annotated=looked,
        excluded=(
            *dataset.excluded,
            *read.excluded,
            *(Excluded(name, "annotated, and no recording of the data") for name in strange),
        ),
    )
    _within(found)
    return replace(found, notes=(*dataset.notes, *read.notes, *more, *_notes(found, strange)))


def _clips(dataset: Dataset, groups: Mapping[str, str], heard: set[str]) -> tuple[tuple[Clip, ...], list[str]]:
    """Clips without labels, with groups: those of the data, else of the annotations, else what recorders say."""
    labels = {c.label for c in dataset.clips if c.label}
    notes = []
    if labels:
        shown = ", ".join(map(repr, sorted(labels)[:3])) + (" …" if len(labels) > 3 else "")
        notes.append(f"Labels of whole recordings ({shown}) are not used: the annotations say what is heard in them.")
    clips = tuple(replace(c, label=None, group=c.group or groups.get(c.recording_id)) for c in dataset.clips)
    if any(c.group for c in clips):
        return clips, notes

    def is_site(folder: str) -> bool:
        return folder not in heard and not fold_of_folder(folder)  # a folder that is a label is no site

    infos = {c.path: info_of(str(c.path), None if is_remote(c.path) else c.path, is_site) for c in clips}
    told = {path: group for path, info in infos.items() if (group := info.group) is not None}
    notes += (f"{path}: {info.note}." for path, info in infos.items() if info.note)
    if len(set(told.values())) < 2:
        return clips, notes
    notes.append(
        f"{counted(len(set(told.values())), 'group')} of {counted(len(told), 'recording')} are made of site and night, as the "
        f"recorders' names and metadata say, e.g. {min(told.values())!r}. A column 'group' overrules them."
    )
    return tuple(replace(c, group=told.get(c.path)) for c in clips), notes


def _notes(found: Dataset, strange: list[str]) -> Iterator[str]:
    """What whoever learns from these annotations should know."""
    if strange:
        yield f"{counted(len(strange), 'recording')} are annotated and not among the data, e.g. {strange[0]!r}."
    if found.annotated is None:
        yield (
            "Nothing says where somebody looked, so time without annotations is not known to hold none of the classes. If all of it "
            "was gone through, say --annotated all, else give the spans that were (path,start,end)."
        )
    if unnamed := sum(1 for a in found.annotations if not a.label):
        yield f"{unnamed} of {len(found.annotations)} annotations have no label: what they cover counts as not looked at."
    heard = {a.path for a in found.annotations}
    looked = {s.path for s in found.annotated or () if isinstance(s, Span)}
    silent = {c.recording_id for c in found.clips} - heard - looked
    if silent and found.annotated != "all" and EVERY not in looked:
        yield f"{counted(len(silent), 'recording')} have no annotations and count as not looked at, e.g. {min(silent)!r}."
    yield from look_alikes([a.label for a in found.annotations], "labels of annotations")


def _within(found: Dataset) -> None:
    """Raise DataError for an annotation wholly behind the end of its recording."""
    paths = {c.recording_id: c.path for c in found.clips if not is_remote(c.path)}
    seconds: dict[str, float | None] = {}
    for one in found.annotations:
        if one.path not in seconds:
            try:
                seconds[one.path] = probe(str(paths[one.path])).seconds if one.path in paths else None
            except AudioError:  # told by who reads it
                seconds[one.path] = None
        last = seconds[one.path]
        if last is not None and one.start > last + _ROUNDED:
            where = f"{found.name}, {one.label or 'an annotation'}"
            raise DataError(formats.past_the_end(where, one.start, one.end, one.path, last))
