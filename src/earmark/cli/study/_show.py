"""What the ladder, the curve and the stress test have in common on the terminal: a table, sentences, and a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from ...core import terminal
from .. import _options as opt

if TYPE_CHECKING:
    from rich.text import Text


def show(
    found: Any,
    report: ModuleType,
    out: Path | None,
    as_json: bool,
    *,
    force: bool = False,
    about: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    lines: Iterable[str],
    warnings: Iterable[Text] = (),
    named: bool = True,
) -> None:
    """Write the report of ``found`` to ``out``, and print JSON, or a table with sentences below it.

    ``report``: the module that draws it (``write``, ``as_json``). ``named``: the first column holds names, not
    numbers.
    """
    written = report.write(found, out, force=force) if out else None
    if as_json:
        click.echo(json.dumps(report.as_json(found), ensure_ascii=False, indent=1, allow_nan=False))
        return
    from rich.text import Text

    console = terminal.console()
    console.print(Text(found.dataset.name, "bold"), f": {found.recipe.name}, {about}", sep="")
    table = terminal.table()
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if named and i == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in lines:
        console.print(f"  {line}")
    for warning in warnings:
        console.print(warning)
    opt.tell(console, found.notes)
    if written:
        console.print(f"Report: {written}", soft_wrap=True)
