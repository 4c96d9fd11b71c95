"""Selection tables of Raven: a selection stands there once for each view; times may run on through several files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...core.errors import DataError
from ._columns import Column, Columns
from ._content import Content, Said, is_nothing, labels_in, ordered
from .table import groups_of, held, label_of, one_group

NAME = "Raven selections"
# What Raven writes by itself; what else stands there is the annotator's own.
_OWN = ("selection", "view", "channel", "begin", "end", "file", "delta", "peak", "avg", "max", "min", "low", "high", "center",
        "bw", "dur", "energy", "sample", "time", "freq", "q1", "q3", "rms", "inband", "agg", "length", "spcc", "clip", "occupancy",
        "overlap", "date", "record", "snr", "pfc", "leq", "sel", "notes", "comment", "quality", "sex", "age")  # fmt: skip
Line = Mapping[str, str]


def matches(_: Path, text: str) -> bool:
    """True if the first line has Raven's times and tabs or commas between."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return "Begin Time (s)" in first and ("End Time (s)" in first or "Delta Time (s)" in first)


def read(path: Path, text: str) -> Content:
    """Raises DataError, with the line and column, for what cannot be read and for labels that several columns could hold."""
    names, found = held(path, text)
    label = label_of(path, _columns(names, found), names, found)
    notes = []
    content = Content()
    told = []
    per_file = _offsets(path, names, found)
    for where, line in _once(names, found, label):
        start, end, recording = _times(line, where, per_file)
        low, high = (Column.of(n).hertz(line.get(n), where) for n in ("Low Freq (Hz)", "High Freq (Hz)"))
        if low is not None and high is not None and high < low:
            raise DataError(
                f"{where}: High Freq (Hz) is {high:g} and Low Freq (Hz) {low:g}; wanted the lower one first"
            )
        told.append((recording, tuple(groups_of(Columns.find(names), line))))
        for one in labels_in(line.get(label.name) if label else None):
            content.said.append(Said(recording, start, end, one, low, high, where))
    if label is None and found:
        notes.append(f"{path}: found no column of labels; its {len(content.said)} events have none.")
    content.groups, content.notes = one_group(told, path), notes
    if not found:
        content.empty.append("")
    return content


def _columns(names: Sequence[str], found: Sequence[tuple[str, Line]]) -> Columns:
    """Columns of which labels are those that are usually called so, else the annotator's own that hold something."""
    columns = Columns.find(names)
    if columns.labels:
        return columns
    own = [Column.of(n) for n in columns.other if not Column.of(n).plain.startswith(_OWN) and "(" not in n]
    return Columns(
        columns.of, tuple(c for c in own if any(not is_nothing(line[c.name]) for _, line in found)), columns.other
    )


def _once(names: Sequence[str], found: Sequence[tuple[str, Line]], label: Column | None) -> list[tuple[str, Line]]:
    """One line for a selection: of its views and channels the first, a spectrogram before a waveform.

    Its label is that of the first view that has one. Selections are one if number, file and times are.
    """
    keys = [
        n
        for n in ("Selection", "Begin File", "Begin Path", "Begin Time (s)", "End Time (s)", "Delta Time (s)")
        if n in names
    ]
    keys += [] if "Selection" in names else [n for n in ("Low Freq (Hz)", "High Freq (Hz)") if n in names]
    same: dict[tuple[str, ...], list[tuple[str, Line]]] = defaultdict(list)
    for where, line in found:
        same[tuple(line[k] for k in keys)].append((where, line))
    kept = []
    for views in same.values():
        _, best = min(views, key=lambda one: not one[1].get("View", "").casefold().startswith("spectrogram"))
        text = next((line[label.name] for _, line in views if not is_nothing(line[label.name])), "") if label else ""
        for where, line in views:
            if (line.get("View"), line.get("Channel")) == (best.get("View"), best.get("Channel")):
                own = line.get(label.name) if label else None
                kept.append((where, {**line, label.name: text} if label and is_nothing(own) else line))
    return kept


def _offsets(path: Path, names: Sequence[str], found: Sequence[tuple[str, Line]]) -> bool:
    """True if times of files are in ``File Offset (s)``. Raises DataError where times run on through files and it is missing."""
    if "File Offset (s)" in names:
        return True
    file = next((n for n in ("Begin Path", "Begin File") if n in names), None)
    of: dict[str, list[float]] = defaultdict(list)
    for where, line in found:
        if file and line[file]:
            of[line[file]].append(_seconds(line, "Begin Time (s)", where))
    spans = [(min(times), max(times)) for times in of.values()]
    if len(of) > 1 and all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False)):
        raise DataError(
            f"{path}: found selections of {len(of)} files, and times that may run on through all of them; wanted the column "
            "'File Offset (s)' (Raven: Choose Measurements), which says where in its file each begins"
        )
    return False


def _times(line: Line, where: str, per_file: bool) -> tuple[float, float, str]:
    begin = _seconds(line, "Begin Time (s)", where)
    if not is_nothing(line.get("End Time (s)")):
        end = _seconds(line, "End Time (s)", where)
        ordered(begin, end, where, "End Time (s)")
    else:
        end = begin + _seconds(line, "Delta Time (s)", where)
    file, whole = line.get("Begin File", "").strip(), line.get("Begin Path", "").strip().replace("\\", "/")
    recording = whole if whole and (not file or whole.rpartition("/")[2] == file) else file
    if per_file and not is_nothing(line["File Offset (s)"]):
        offset = _seconds(line, "File Offset (s)", where)
        begin, end = offset, round(offset + end - begin, 9)
    return begin, end, recording


def _seconds(line: Line, name: str, where: str) -> float:
    if is_nothing(line.get(name)):
        raise DataError(f"{where}: {name} is empty; wanted seconds")
    return Column.of(name).time(line[name], where, None)
