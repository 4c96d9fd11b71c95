"""A table of clips: CSV, TSV or Parquet with the columns path, label and, if known, group, fold or split, start, and
end or duration.

Names of columns may be in capitals. Seconds may be called as other programs call them (``times``). What is not read is
told in a note. Paths are relative to the table; `s3://bucket/a.wav` lies in an object store. Empty labels mean "not
labelled". A line with start and end is a clip of its own, so no two of one sound may overlap with different labels. A
column ``score`` or ``confidence`` says that labels are predictions: see ``labels_are``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ...core.errors import DataError
from ...core.meanwhile import meanwhile
from ..clips import Clip, Dataset, writable
from ..labels import tidy
from ..lines import read as read  # for those who know tables
from ..times import Part, Times, names, times_of

LAYOUT = {
    "clips.csv": "path,label,group,fold\na.wav,dog,Rex,1\nb.wav,dog,Ben,2\nc.wav,cat,Tom,1\nd.wav,cat,Kit,2\n",
    "a.wav": "",
    "b.wav": "",
    "c.wav": "",
    "d.wav": "",
}
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
COLUMNS = ("path", "label", "group", "fold", "split", "start", "end", "duration")
PREDICTED = ("score", "confidence")
_EMBEDDINGS = ({"id", "v0"}, {"id", "embedding"}, {"id", "row"})  # what files of embeddings have (and had in 0.1)
_ROUNDED = 0.011  # seconds: tables are rounded, to hundredths at worst

Reading = Literal["given", "predicted", "unread"]
_READING: ContextVar[Reading] = ContextVar("reading", default="given")


def labels_are(reading: Reading) -> AbstractContextManager[None]:
    """How labels of tables are read meanwhile: as ``"given"`` by somebody (those with scores are refused), also as
    ``"predicted"`` by a model, or ``"unread"``: they do not matter.
    """
    return meanwhile(_READING, reading)


def build(path: Path) -> Dataset:
    """Clips of a table. Raises DataError for a missing column or a value that cannot be read, with its line."""
    if path.is_dir():
        path = path / "clips.csv"
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path}: found a file ending in {path.suffix!r}; wanted a table ({', '.join(SUFFIXES)}) or a folder"
        )
    head: dict[str, str] = {}
    found = list(read(path, lambda columns: head.update(_columns(columns, path))))
    lines = [(number, {head[name]: value for name, value in line.items()}) for number, line in found]
    times = times_of(list(head.values()), lines, path)
    notes = (*times.notes, *_unread(path, head, times), *predicted(path, head, any(n.get("label") for _, n in lines)))
    return Dataset(_name(path), _clips(path, lines, times), notes=notes)


def _columns(found: Sequence[str], path: Path) -> dict[str, str]:
    """The names of columns as they stand there -> as they are known here. Raises DataError."""
    plain = {name: name.strip().casefold() for name in found}
    known = {name: word if word in (*COLUMNS, *PREDICTED) else name for name, word in plain.items()}
    for word in COLUMNS:
        same = [name for name in found if known[name] == word]
        if len(same) > 1:
            raise DataError(
                f"{path}: the columns {' and '.join(map(repr, same))} are both {word!r}; wanted one: delete or rename the other"
            )
    if any(columns <= set(plain.values()) for columns in _EMBEDDINGS):
        raise DataError(
            f"{path}: is a file of embeddings, as `earmark embed` writes them, and no table of clips. Learn from it with recipes "
            "called embeddings/HEAD (`earmark compare FILE -r embeddings/lda`), or give the sounds that it was made of"
        )
    if "path" not in known.values():
        raise DataError(
            f"{path}: found the columns {', '.join(found) or 'none'}; wanted path and label, and optionally group, "
            "fold or split, start, end or duration"
        )
    return known


def _unread(path: Path, head: Mapping[str, str], times: Times) -> tuple[str, ...]:
    """A note about the columns that mean nothing here."""
    seconds = {c for columns in times.columns.values() for c in columns}
    read = {*COLUMNS, *PREDICTED, *seconds, *times.unread}
    other = [name for name, known in head.items() if known not in read]
    if {"fold", "split"} <= set(head.values()):
        other += [name for name, known in head.items() if known == "split"]
    if not other:
        return ()
    shown = ", ".join(map(repr, other[:8])) + (f" and {len(other) - 8} more" if len(other) > 8 else "")
    return (f"{path}: not read, for {'it means' if len(other) == 1 else 'they mean'} nothing here: {shown}.",)


def predicted(path: Path, head: Iterable[str], labelled: bool, columns: Sequence[str] = PREDICTED) -> tuple[str, ...]:
    """A note if labels are a model's, by the ``columns`` of their table. Raises DataError if those were not asked for."""
    known = {name.strip().casefold() for name in columns}
    column = next((name for name in head if name.strip().casefold() in known), None)
    if column is None or not labelled or _READING.get() == "unread":
        return ()
    if _READING.get() == "predicted":
        return (
            f"{path}: the labels are predictions of a model (column {column!r}): figures say how well it is imitated, not "
            "how right it is.",
        )
    raise DataError(
        f"{path}: the column {column!r} says that the labels are predictions of a model, not what somebody heard. Wanted: "
        "labels that somebody gave; delete the column if these were checked. To use predictions all the same, say "
        "--pseudo-labels (in Python: load_dataset(…, pseudo_labels=True))"
    )


def _clips(path: Path, lines: Sequence[tuple[int, dict[str, str]]], times: Times) -> tuple[Clip, ...]:
    clips: dict[tuple[str, float, float | None], tuple[int, Clip]] = {}
    parts: list[tuple[str, Part]] = []
    folds = "fold" if any("fold" in line for _, line in lines) else "split"
    for number, line in lines:
        part = times.part(line, f"{path}, line {number}")
        clip = _clip(line, number, path, part, folds)
        # "a.wav" and "sub/../a.wav" are one file: with two labels, or on both sides of a split, it would lie.
        key = os.path.normpath(clip.path.absolute()), clip.start, clip.duration
        if key in clips:
            first, other = clips[key]
            labels = "" if clip.label == other.label else f" with the labels {other.label!r} and {clip.label!r}"
            raise DataError(
                f"{path}: the clip {clip.id!r} is listed more than once, in lines {first} and {number}{labels}. Each clip "
                "(path, start, duration) must stand once: delete one of the lines"
            )
        clips[key] = number, clip
        parts.append((clip.id.removesuffix(part.name), part))
    if _READING.get() == "given":
        _check_apart(path, clips)
    both = zip((clip for _, clip in clips.values()), names(parts), strict=True)
    return tuple(clip if clip.id == name else replace(clip, id=name) for clip, name in both)


def _check_apart(path: Path, clips: Mapping[tuple[str, float, float | None], tuple[int, Clip]]) -> None:
    """Raise DataError where two clips of one sound overlap in time and have different labels."""
    of: dict[str, list[tuple[float, float, int, Clip]]] = defaultdict(list)
    for (file, start, duration), (number, clip) in clips.items():
        if clip.label is not None:
            of[file].append((start, float("inf") if duration is None else start + duration, number, clip))
    for same in of.values():
        last: dict[str | None, tuple[float, int, Clip]] = {}  # the two labels whose clips last longest
        for start, end, number, clip in sorted(same, key=lambda one: one[:3]):
            for before, first, other in last.values():
                if other.label != clip.label and before > start + _ROUNDED:
                    raise DataError(_overlapping(path, (first, other), (number, clip)))
            if end > last.get(clip.label, (0.0,))[0]:
                last[clip.label] = end, number, clip
            last = dict(sorted(last.items(), key=lambda one: -one[1][0])[:2])


def _overlapping(path: Path, one: tuple[int, Clip], two: tuple[int, Clip]) -> str:
    (a, first), (b, second) = sorted((one, two), key=lambda known: known[0])
    return (
        f"{path}: lines {a} and {b}, {first.id!r} and {second.id!r}, overlap in time and have the labels {first.label!r} and "
        f"{second.label!r}; a clip has one label. Wanted, for clips: lines (path,start,end,label) of one sound that do not "
        "overlap. If several sounds may be heard at once, these are annotations: give the recordings as data, and this table "
        "with --annotations"
    )


def _name(path: Path) -> str:
    """`clips.csv` says nothing: the folder's name does."""
    return writable(path.resolve().parent.name if path.stem in ("clips", "metadata", "labels") else path.stem)


def _clip(line: Mapping[str, str], number: int, table: Path, part: Part, fold: str) -> Clip:
    where = f"{table}, line {number}"
    if not line.get("path"):
        raise DataError(f"{where}: the path is empty")
    if "\0" in line["path"]:
        raise DataError(f"{where}: the path {line['path'][:80]!r} holds a zero byte, which no path can")
    remote = "://" in line["path"]  # in an object store
    return Clip(
        id=(line["path"] if remote else Path(line["path"]).as_posix()) + part.name,
        path=Path(line["path"]) if remote else table.parent / line["path"],
        label=tidy(line.get("label")) or None,
        group=line.get("group") or None,
        fold=line.get(fold) or None,
        start=part.start,
        duration=part.duration,
    )
