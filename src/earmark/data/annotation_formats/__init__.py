"""Annotations as programs write them. One format is one file here, with ``NAME``, ``matches(path, text)`` and ``read``.

``load_annotations`` finds out by what stands in a file which format it is, and says which recording is meant.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from ...audio import SUFFIXES, probe
from ...core.errors import AudioError, DataError
from ...core.paths import expanded
from ...core.renderers import Shown, counted
from ..annotations import Annotation, Span
from ..clips import Excluded, writable
from ..found import is_hidden, is_sound
from ..labels import tidy
from ..layouts.table import labels_are, predicted
from . import aoef, audacity, jams, raven, rttm, table, textgrid
from ._content import Content, Said, decoded
from ._content import label_column as _label_column
from ._recordings import named_by, recording_at

FORMATS: tuple[ModuleType, ...] = (textgrid, jams, aoef, raven, audacity, rttm, table)
ENDINGS = frozenset({".txt", ".csv", ".tsv", ".parquet", ".pq", ".rttm", ".json", ".aoef", ".jams", ".textgrid"})
WANTED = "a CSV with path, start, end and label, Raven selections, Audacity labels, RTTM, AOEF, JAMS or a TextGrid"
_ROUNDED = 0.05  # seconds: times are written with few digits
_LARGE = 1 << 28  # bytes: no annotations are so long


@dataclass(repr=False)
class Read(Shown):
    """What files of annotations say: ``annotations``; ``empty``, spans that were looked at and hold none; ``groups`` by
    recording; what is not read."""

    annotations: list[Annotation] = field(default_factory=list)
    empty: list[Span] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)

    def add(self, other: Read) -> None:
        """Take in what another file says."""
        self.annotations += other.annotations
        self.empty += other.empty
        self.groups |= other.groups
        self.notes += other.notes
        self.excluded += other.excluded


def load_annotations(
    path: str | Path,
    *,
    labels: Mapping[str, str] | str | Path | None = None,
    label_column: str | None = None,
    pseudo_labels: bool = False,
) -> list[Annotation]:
    """Annotations of a file, or of all files in a folder and below it, in the order in which they stand there.

    Read are Raven's selection tables, Audacity's labels, RTTM, AOEF (soundevent, whombat), JAMS, TextGrids, and tables with
    the columns path, start, end (or duration), label and, if known, low and high, as CSV, TSV or Parquet, also by the names
    that OpenSoundscape, DCASE, crowsetta and Kaleidoscope give their columns. A recording is called as the file calls it; where
    it names none, as the sound beside it, else as the file itself.

    ``labels`` gives labels other names (a dict, or a table: old in its first column, new in its second); those that become ""
    are left away. ``label_column``: the column, tier, namespace
    or key that holds the labels, where several could. ``pseudo_labels``: read predictions of a model (BirdNET's results), too.

    Raises DataError, with file and line, for what cannot be read surely.
    """
    return read(path, labels=labels, label_column=label_column, pseudo_labels=pseudo_labels).annotations


def read(
    path: str | Path,
    *,
    labels: Mapping[str, str] | str | Path | None = None,
    label_column: str | None = None,
    pseudo_labels: bool = False,
) -> Read:
    """``load_annotations``, with all that the files say besides."""
    place = expanded(path)
    with labels_are("predicted") if pseudo_labels else nullcontext(), _label_column(label_column):
        found = _folder(place) if place.is_dir() else _file(place)
    if labels:
        known = labels if isinstance(labels, Mapping) else _map(expanded(labels))
        kept = [(known.get(a.label, a.label), a) for a in found.annotations]
        found.annotations = [a if label == a.label else _renamed(a, label) for label, a in kept if label or not a.label]
    return found


def format_of(path: Path, text: str) -> ModuleType | None:
    """The format of a file, by what stands in it."""
    return next((f for f in FORMATS if f.matches(path, text)), None)


def sniffed(path: Path) -> bool:
    """True for a file that holds annotations, by its ending and by what stands in it; a table by its columns."""
    if path.suffix.lower() not in ENDINGS or path.name.startswith("."):
        return False
    try:
        text = _text(path)
        kind = format_of(path, text)
        return table.of_events(path, text) if kind is table else kind is not None
    except DataError:
        return False


def _map(path: Path) -> dict[str, str]:
    """Labels and what they are to be called. Raises DataError for a table that has not two columns, or one label twice."""
    names, found = table.held(path, _text(path))
    if len(names) < 2:
        raise DataError(
            f"{path}: found {counted(len(names), 'column')}; wanted two: labels, and what they are to be called"
        )
    known: dict[str, str] = {}
    for where, line in found:
        old, new = tidy(line[names[0]]), tidy(line[names[1]])
        if known.setdefault(old, new) != new:
            raise DataError(f"{where}: {old!r} becomes {new!r} here and {known[old]!r} above; wanted one name")
    return known


def _renamed(one: Annotation, label: str) -> Annotation:
    return Annotation(one.path, one.start, one.end, label, one.low, one.high, one.by, one.when)


def _text(path: Path) -> str:
    if path.suffix.lower() in (".parquet", ".pq"):
        return ""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: unreadable ({error.strerror or error})") from error
    if size > _LARGE:
        raise DataError(f"{path}: found {size} bytes; wanted a file of annotations, {WANTED}")
    return decoded(path)


def _file(path: Path) -> Read:
    if not path.is_file():
        raise DataError(f"{path}: found no table of annotations there; wanted {WANTED}, or a folder of such files")
    if path.suffix.lower() in SUFFIXES:
        raise DataError(f"{path}: found a sound; wanted annotations: {WANTED}")
    text = _text(path)
    kind = format_of(path, text)
    if kind is None:
        raise DataError(f"{path}: found no annotations that are known here; wanted {WANTED}")
    content: Content = kind.read(path, text)
    notes = list(content.notes)
    if kind is aoef and aoef.scored(text):
        notes += predicted(path, ["score"], bool(content.said))
    own = ""
    if any(not s.path for s in content.said) or "" in content.empty:
        own = named_by(path)
    _within(path, content.said, own)
    made = Read(notes=notes, groups={_plain(name or own): group for name, group in content.groups.items()})
    for said in content.said:
        try:
            made.annotations.append(
                Annotation(
                    _plain(said.path or own), said.start, said.end, said.label, said.low, said.high, said.by, said.when
                )
            )
        except DataError as error:
            raise DataError(f"{said.where}: {error}") from error
    made.empty += (Span(_plain(name or own)) for name in dict.fromkeys(content.empty))
    return made


def _plain(name: str) -> str:
    return writable(name.replace("\\", "/"))


def _within(path: Path, said: Iterable[Said], own: str) -> None:
    """Raise DataError for an event wholly behind the end of its recording, where that lies beside the file."""
    seconds: dict[str, float | None] = {}
    for one in said:
        name = one.path or own
        if name not in seconds:
            sound = recording_at(path, name)
            try:
                seconds[name] = None if sound is None or not is_sound(sound.name) else probe(sound).seconds
            except AudioError:
                seconds[name] = None
        last = seconds[name]
        if last is not None and one.start > last + _ROUNDED:
            raise DataError(past_the_end(one.where, one.start, one.end, name, last))


def past_the_end(where: str, start: float, end: float, name: str, last: float) -> str:
    """What is said of an event behind the end of its recording."""
    return (
        f"{where}: the event from {start:g} to {end:g} s lies past the end of {name}, which lasts {last:g} s; wanted annotations "
        "of this recording, with times in its seconds"
    )


def _folder(folder: Path) -> Read:
    """All files of annotations in a folder; what else could be text is told."""
    found, unknown = Read(), []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in ENDINGS):
        inside = path.relative_to(folder)
        if is_hidden(inside.as_posix()):
            continue
        if not sniffed(path):
            unknown.append(inside.as_posix())
            continue
        one = _file(path)
        above = inside.parent.as_posix()
        found.add(_below("" if above == "." else above, one))
    if not found.annotations and not found.empty:
        raise DataError(f"{folder}: found no file of annotations; wanted {WANTED}")
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        found.notes.append(f"{folder}: {counted(len(unknown), 'file')} hold no annotations and are not read: {shown}.")
        found.excluded += (Excluded(writable(name), "holds no annotations that are known here") for name in unknown)
    return found


def _below(above: str, one: Read) -> Read:
    """Paths as they are below the folder that was named: those of a file are relative to where it lies."""
    if not above:
        return one

    def path(name: str) -> str:
        absolute = name.startswith("/") or name[1:2] == ":" or "://" in name
        return name if absolute else posixpath.normpath(posixpath.join(above, name))

    one.annotations = [
        Annotation(path(a.path), a.start, a.end, a.label, a.low, a.high, a.by, a.when) for a in one.annotations
    ]
    one.empty = [Span(path(s.path), s.start, s.end, s.label) for s in one.empty]
    one.groups = {path(name): group for name, group in one.groups.items()}
    return one
