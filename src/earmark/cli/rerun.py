"""earmark rerun"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _options as opt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..studies.rerun import Difference, Rerun

PLACE = ("shelf", 4)
_SHOWN = 10


@click.command(short_help="Repeat a comparison from its report and say what differs.")
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--data", help="The data, if they no longer lie where the report says.")
@opt.out_option("Folder for the report of this run.", required=False)
@opt.force_option
@opt.pseudo_labels_option
@opt.cached
@opt.json_option
def command(
    report: Path,
    data: str | None,
    out: Path | None,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Do a comparison again from its REPORT (the folder, or its metrics.json), and say what differs.

    The same data, versions and seed give the same numbers, to the last digit; times are not compared. The exit status is 1
    if the data or a number differs. Other versions alone are only told, and so is rounding: another processor or number
    of threads may change a number by 1e-6 at most.

    \b
    Examples:
      earmark rerun out
      earmark rerun out/metrics.json --data moved/clips.csv --no-cache
    """
    from ..core.outputs import COMPARISON
    from ..studies.rerun import places, rerun

    if out is not None:
        opt.may_write(
            out,
            COMPARISON,
            report,
            report.parent if report.is_file() else None,
            data=data or places(report),
            force=force,
        )
    found = rerun(report, source=data, cache=opt.open_cache(cache_folder, no_cache))
    if out:
        from ..report.compare import write

        write(found.comparison, out, force=force)
    _show(found, as_json)
    if not found.same:
        raise SystemExit(1)


def _show(found: Rerun, as_json: bool) -> None:
    kinds = {
        "data": found.data,
        "versions": found.versions,
        "numbers": found.numbers,
        "rounding": found.rounding,
    }
    if as_json:
        told = {k: [{"where": d.where, "then": d.then, "now": d.now} for d in ds] for k, ds in kinds.items()}
        click.echo(
            json.dumps(
                {"same": found.same, "compared": found.compared, "told": list(found.told), **told},
                ensure_ascii=False,
                indent=1,
            )
        )
    else:
        if found.data:
            click.echo("The data are not what they were:")
            _list(found.data)
        if found.versions:
            click.echo("Versions differ:")
            _list(found.versions)
        if found.numbers:
            click.echo(f"{len(found.numbers)} of {found.compared} values differ:")
            _list(found.numbers)
        _sum_up(found)
        for note in found.told:
            click.echo(f"Note, not in the report: {note}")


def _sum_up(found: Rerun) -> None:
    if found.rounding:
        click.echo(f"{len(found.rounding)} of {found.compared} values differ by rounding alone (1e-6 at most):")
        _list(found.rounding)
    if found.same:
        count = found.compared - len(found.versions)
        told = ", but for rounding" if found.rounding else ""
        click.echo(f"The same: all {count} values are what they were{told} (but for times).")


def _list(differences: Sequence[Difference]) -> None:
    for one in differences[:_SHOWN]:
        click.echo(f"  {one}")
    if len(differences) > _SHOWN:
        click.echo(f"  … and {len(differences) - _SHOWN} more (all with --json)")
