"""What was decided: a journal that is only ever added to, and the table that follows from it.

``review.jsonl`` has a line for each decision, with who and when, and for each undoing. Whoever opens it later goes on
from there; two servers on one folder see each other's lines, and write one after the other. ``reviewed.csv`` is the data
set as decided: written to a temporary name, then renamed. A table that a kill left behind its journal is made good when
the folder is opened.
"""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core import marks
from ..core.atomic import READABLE, whole
from ..core.errors import DataError
from ..core.locked import locked
from ..core.paths import relative
from ..data.clips import Clip, Dataset
from ..data.times import written
from .items import Item

COLUMNS = ("path", "label", "group", "fold", "start", "duration", "given_label", "given_group", "reviewed")
NAMES = ("review.jsonl", "reviewed.csv")
_BEHIND = 20  # lines by which a table may have stayed behind its journal


@dataclass(frozen=True)
class Change:
    """What becomes of a clip; None leaves a fact as it was. ``exclude`` is the reason, "" takes it back."""

    clip: str
    label: str | None = None
    group: str | None = None
    exclude: str | None = None


@dataclass(frozen=True)
class Decision:
    """A line of the journal that was not undone."""

    id: str
    item: str
    what: str
    by: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class State:
    """A clip as decided."""

    label: str | None
    group: str | None
    exclude: str = ""
    seen: bool = False


class Journal:
    """The decisions about a data set, in ``folder``. Raises DataError if files there are not a review's."""

    def __init__(self, dataset: Dataset, folder: Path, *, by: str = "") -> None:
        self.dataset = dataset
        self.folder = folder
        self.by = by
        self._ids = {clip.id for clip in dataset.clips}
        self._lock = threading.Lock()
        self._read = 0  # bytes of the journal
        self._lines: list[dict[str, Any]] = []
        self._check()
        folder.mkdir(parents=True, exist_ok=True)
        self.sync()
        self._mine = {d.id for d in self.decisions}  # whoever goes on from there may take them back
        self._catch_up()

    @property
    def log(self) -> Path:
        """The journal's file."""
        return self.folder / NAMES[0]

    @property
    def table(self) -> Path:
        """The table's file."""
        return self.folder / NAMES[1]

    def sync(self) -> None:
        """Read what others have added. A line that is half written waits for its end."""
        with self._lock:
            self._sync()

    def _sync(self) -> None:
        if not self.log.exists():
            return
        with self.log.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            added = [json.loads(line) for line in whole.splitlines() if line.strip()]
        except ValueError as error:
            raise DataError(f"{self.log} is damaged ({error}): mend or move it; nothing was changed") from error
        self._read += len(whole)
        self._lines += added

    @property
    def decisions(self) -> list[Decision]:
        """What holds, the oldest first."""
        return self._decisions(self._lines)

    def _decisions(self, lines: Sequence[Mapping[str, Any]]) -> list[Decision]:
        undone = {line["undo"] for line in lines if "undo" in line}
        return [
            Decision(
                line["id"], line["item"], line["what"], line.get("by", ""), tuple(Change(**c) for c in line["changes"])
            )
            for line in lines
            if "undo" not in line and line["id"] not in undone
        ]

    def states(self) -> dict[str, State]:
        """Each clip as decided, by its id."""
        return self._states(self.decisions)

    def _states(self, decisions: Sequence[Decision]) -> dict[str, State]:
        found = {c.id: State(c.label, c.group) for c in self.dataset.clips}
        for decision in decisions:
            for change in decision.changes:
                if change.clip not in found:  # decided on other data; kept in the journal, without effect here
                    continue
                old = found[change.clip]
                found[change.clip] = replace(
                    old,
                    seen=True,
                    label=old.label if change.label is None else change.label,
                    group=old.group if change.group is None else change.group,
                    exclude=old.exclude if change.exclude is None else change.exclude,
                )
        return found

    def decide(self, item: Item, what: str, changes: Sequence[Change]) -> Decision:
        """Add a decision. Raises DataError if it does not make sense."""
        inside = {self.dataset.clips[i].id for i in item.clips}
        for change in changes:
            if change.clip not in inside:
                raise DataError(f"found a decision about {change.clip!r}, which is not what {item.key!r} is about")
            for text in (change.label, change.group, change.exclude):
                if text is not None and (len(text) > 200 or not all(map(str.isprintable, text))):
                    raise DataError(f"found {text[:50]!r}; wanted up to 200 printable characters on one line")
            if change.label is not None and not change.label.strip():
                raise DataError("found an empty label; wanted a name, or exclude the clip")
        name = os.urandom(6).hex()
        line = {"id": name, "item": item.key, "what": what, "changes": [_told(c) for c in changes]}
        self._add(line)
        self._mine.add(name)
        return Decision(name, item.key, what, self.by, tuple(changes))

    def undo(self) -> Decision | None:
        """Take the last decision back that was made here, or had been made when this was opened; None if there is none.

        What others decide at the same time stays: only they can take it back.
        """
        self.sync()
        own = [d for d in self.decisions if d.id in self._mine]
        last = own[-1] if own else None
        if last is not None:
            self._add({"undo": last.id})
        return last

    def _add(self, line: Mapping[str, Any]) -> None:
        stamped = {**line, "by": self.by, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        content = json.dumps(stamped, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
        with self._lock, locked(self.log) as file:
            self._sync()
            file.truncate(
                self._read
            )  # the beginning of a line that a killed process left: nobody was told that it was kept
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            self._sync()
            self._write(self._text(self._lines))

    def _catch_up(self) -> None:
        """Write the table if it is missing, or is that of fewer lines: somebody was killed before it was written.

        Any other table is left until the next decision: it may be of other data, or changed by hand.
        """
        if not self.log.exists():
            return
        with self._lock, locked(self.log):
            self._sync()
            found = self.table.read_bytes() if self.table.exists() else b""
            now = self._text(self._lines)
            before = (self._text(self._lines[:-n]) for n in range(1, min(len(self._lines), _BEHIND) + 1))
            if self._lines and found != now and (not found or found in before):
                self._write(now)

    def _write(self, table: bytes) -> None:
        """The table, whole or not at all."""
        with whole(self.table, mode=READABLE, sync=True) as file:
            file.write(table)

    def _text(self, lines: Sequence[Mapping[str, Any]]) -> bytes:
        """The table that follows from lines of the journal."""
        states = self._states(self._decisions(lines))
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for clip in self.dataset.clips:
            state = states[clip.id]
            if not state.exclude:
                writer.writerow(_row(clip, state, self.folder))
        return out.getvalue().encode(errors="backslashreplace")

    def _check(self) -> None:
        own = {clip.path.resolve() for clip in self.dataset.clips}
        for path in (self.log, self.table):
            if path.resolve() in own:
                raise DataError(f"{path} is one of the data set's sounds. Choose another folder with --out")
        for path in (self.table, self.log):
            if path.exists() and path.stat().st_size and not marks.by_name(path, path.name):
                raise DataError(
                    f"{path} exists and was not written by a review. Nothing of yours is overwritten: choose another "
                    "folder with --out"
                )


def _told(change: Change) -> dict[str, str]:
    return {k: v for k, v in vars(change).items() if v is not None}


def _row(clip: Clip, state: State, folder: Path) -> list[str]:
    given = [
        (clip.label or "") if state.label != clip.label else "",
        (clip.group or "") if state.group != clip.group else "",
    ]
    part = [written(clip.start or None), written(clip.duration)]
    return [
        relative(clip.path, folder),
        state.label or "",
        state.group or "",
        clip.fold or "",
        *part,
        *given,
        "yes" if state.seen else "",
    ]
