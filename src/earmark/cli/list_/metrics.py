"""earmark list metrics"""

from __future__ import annotations

import json

import click

from .. import _options as opt
from . import _listing

PLACE = ("list", 5)


@click.command(short_help="Metrics in reports, and for study tune --metric.")
@opt.no_fetch_option
@opt.json_option
def command(as_json: bool) -> None:
    """List the metrics: they stand in every report, and `earmark study tune --metric NAME` searches for one.

    \b
    Examples:
      earmark list metrics
      earmark list metrics --json
      earmark study tune clips.csv -r yamnet/svm --metric macro_f1
    """
    from ...metrics.clips import METRICS, broken, package

    if as_json:
        told = [
            {
                "metric": m.name,
                "about": m.summary,
                "best": _limit(m.best),
                "worst": _limit(m.worst),
                "package": package(m.name),
            }
            for m in METRICS.values()
        ]
        every = [*told, *_listing.facts(broken())]
        click.echo(json.dumps(every, indent=1, ensure_ascii=False, allow_nan=False))
        return
    _listing.show(
        (
            (m.name, (m.summary + ("" if m.higher_is_better else " Lower is better."), _listing.by(package(m.name))))
            for m in METRICS.values()
        ),
        broken(),
    )


def _limit(value: float) -> float | None:
    """An end of a range, None where it has none: JSON knows no infinity."""
    return value if abs(value) < float("inf") else None
