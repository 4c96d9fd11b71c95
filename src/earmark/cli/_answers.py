"""Answers of a model as a table for eyes, as CSV or as JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..core import excel, terminal
from ..core.columns import column_of, joined

if TYPE_CHECKING:
    from ..models.branch import Prediction
    from ..models.model import Model

NUMBERS = 7  # characters of a time or a score, in a table


@dataclass
class Unknown:
    """How many answers are "unknown"; ``what``: sounds or pieces."""

    what: str
    known: bool = True  # whether the model can tell
    count: int = 0
    of: int = 0

    def counting(self, answers: Iterable[Prediction]) -> Iterator[Prediction]:
        """The answers, counted as they go by."""
        for a in answers:
            self.add(a.unknown and not a.reason)
            yield a

    def add(self, unknown: bool | None) -> None:
        """One more answer."""
        self.count, self.of = self.count + bool(unknown), self.of + 1

    def tell(self) -> None:
        """Say it on stderr, of more than one answer."""
        if self.known and self.of > 1:
            means = ": unlike the training sounds. Their labels mean little, their sets promise nothing"
            click.echo(f"{self.count} of {self.of} {self.what} unknown{means if self.count else ''}", err=True)


def write(answers: Iterable[Prediction], model: Model, form: str, times: bool, out: TextIO) -> None:
    """Write answers as ``form``: table, csv or jsonl. ``times``: each has a start and an end."""
    if form == "table":
        _table(list(answers), times, out)
        return
    columns = ["path", *(["start", "end"] if times else []), "label", *(["unknown"] if model.novelty else []), "score"]
    columns += ["set"] if model.calibration else []
    if form == "csv":
        out.write(excel.beginning())
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*columns, *(["reason"] if times else []), *map(column_of, model.classes)])
    for a in answers:
        line = {c: getattr(a, c) for c in columns} | {"score": round(a.score, 6)}
        scores = {c: round(a.scores[c], 6) for c in model.classes}
        if form == "csv":
            line |= {"set": joined(a.set)} if "set" in line else {}
            writer.writerow([*line.values(), *([a.reason] if times else []), *scores.values()])
        else:
            line |= {"set": list(a.set)} if "set" in line else {}
            line |= {"reason": a.reason} if a.reason else {}
            out.write(json.dumps({**line, "scores": scores}, ensure_ascii=False) + "\n")


def _table(answers: list[Prediction], times: bool, out: TextIO) -> None:
    """Whole words, over several lines where they need them; of pieces, which are many, one line each."""
    from rich.text import Text

    console, table = terminal.console(out), terminal.table()
    labels = [a.words for a in answers]
    paths = [a.path for a in answers]
    widths: dict[str, int] = {}
    if times:
        room = console.width - 3 * NUMBERS - 10  # between six columns
        widths["label"] = min(max(map(len, ["label", *labels])), room // 2)
        widths["path"] = min(max(map(len, ["path", *paths])), (room - widths["label"]) * 2 // 3)
        widths["also possible"] = room - widths["label"] - widths["path"]
    for column in ["path", *(["start", "end"] if times else []), "label", "score", "also possible"]:
        right: Any = "right" if column in ("start", "end", "score") else "left"
        if times:
            table.add_column(
                column, justify=right, no_wrap=True, overflow="ellipsis", max_width=widths.get(column, NUMBERS)
            )
        else:
            table.add_column(column, justify=right, overflow="fold")
    for a, path, label in zip(answers, paths, labels, strict=True):
        when = ["" if at is None else f"{at:.2f}" for at in (a.start, a.end)] if times else []
        most = widths.get("path", len(path))
        table.add_row(
            path if len(path) <= most else f"…{path[len(path) - most + 1 :]}",  # what tells names apart is at their end
            *when,
            Text(label, "yellow" if a.unknown else ""),
            "" if a.reason else f"{a.score:.2f}",
            ", ".join(s for s in a.set if s != a.label),
        )
    console.print(table)
