"""earmark audit"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.renderers import counted
from . import _options as opt

if TYPE_CHECKING:
    from ..audits.integrity import Integrity

PLACE = ("begin", 2)
NAMES = {"model": "a model", "store": "a store", "file": "a file of embeddings", "cache": "a cache"}


@click.command(short_help="Faults, copies, leaks of data; damage of a model, store, cache.")
@opt.data_argument
@opt.out_option(
    "Folder for audit.html, audit.json and clips.csv; of a model, a store or a cache for integrity.json.",
    required=False,
)
@click.option(
    "-b",
    "--backbone",
    "backbones",
    multiple=True,
    help="Backbones that groups and labels are looked for with; may be given several times. "
    "Default: yamnet and musicnn, those that are installed.",
)
@click.option("--no-groups", is_flag=True, help="Propose no groups.")
@click.option("--no-labels", is_flag=True, help="Do not look for wrong labels.")
@click.option("--no-confounds", is_flag=True, help="Do not ask what gives the label away.")
@opt.seed_option
@opt.force_option
@opt.data_read
@opt.cached
@opt.json_option
def command(
    data: str,
    out: Path | None,
    backbones: tuple[str, ...],
    no_groups: bool,
    no_labels: bool,
    no_confounds: bool,
    seed: int,
    force: bool,
    cache_folder: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Find what is wrong with DATA before you trust a number made with it, or with what Earmark wrote.

    Of sounds: broken files, the same recording twice (also re-encoded, cut, shifted or made louder), labels that look
    wrong, facts beside the sound that give the label away, clips that sound like one session. Needs --out.

    Of a model's folder, a store or file of embeddings, or a cache: whether it is whole. Every file is read and compared
    with what is known of it: checksums, classes, shapes, finite numbers, each clip once. The exit status is 1 if
    something is damaged. Nothing of yours is ever changed.

    \b
    Examples:
      earmark audit sounds/ -o audit
      earmark audit clips.csv -o audit --no-groups --no-labels     only files, duplicates and confounds: no backbone
      earmark compare audit/clips.csv -r yamnet/logreg             the table that it writes is a data set
      earmark audit my-model
      earmark audit s3://bucket/yamnet/ --json
    """
    from ..audits.integrity import check
    from ..models.load import load_model

    whole = check(data, load=load_model)
    if whole is not None:
        _integrity(whole, out, force, as_json)
        return
    if out is None:
        raise click.UsageError("of data, --out is needed: a folder for the page, audit.json and clips.csv")
    kinds = {"groups": not no_groups, "labels": not no_labels, "confounds": not no_confounds}
    cache = opt.open_cache(cache_folder, no_cache)
    _data(data, out, force, as_json, backbones=backbones or None, cache=cache, seed=seed, **kinds)


def _integrity(found: Integrity, out: Path | None, force: bool, as_json: bool) -> None:
    """Print what a check of what Earmark wrote has found. Exits with 1 if something is damaged."""
    from ..audits.integrity import INTEGRITY
    from ..audits.integrity import as_json as everything
    from ..core.publish import publish

    if out is not None:
        opt.may_write(out, INTEGRITY, found.place, force=force)
        publish(out, {"integrity.json": everything(found)}, force=force)
    if as_json:
        click.echo(everything(found), nl=False)
    else:
        for one in found.findings:
            click.echo(f"• {one}")
        looked = ", ".join(f"{n} {what}" for what, n in found.counts.items())
        verdict = "damaged" if found.damaged else "whole"
        click.echo(f"{found.place}: {NAMES[found.kind]}, {verdict}" + (f" ({looked})" if looked else ""))
    if found.damaged:
        raise SystemExit(1)


def _data(data: str, out: Path, force: bool, as_json: bool, **how: Any) -> None:
    """Audit a data set, write its page, and print the findings."""
    from ..audits import audit
    from ..audits.output import alike, counts
    from ..audits.output import as_json as everything
    from ..audits.words import findings
    from ..core.outputs import AUDIT
    from ..data.load import load_dataset
    from ..report.audit import write

    dataset = load_dataset(data)
    # Before the work, not after it.
    opt.may_write(out, AUDIT, alike(dataset), data=data, sounds=lambda: [c.path for c in dataset.clips], force=force)
    found = audit(dataset, **how)
    page = write(found, out, command=opt.said(), force=force)
    if as_json:
        click.echo(json.dumps(everything(found), ensure_ascii=False))
        return
    for line in findings(found):
        click.echo(f"• {line}")
    for note in found.notes:
        click.echo(f"  {note}", err=True)
    total = counts(found)
    click.echo(
        f"{counted(len(dataset.clips), 'clip')}, {counted(total['duplicate_pairs'], 'pair')} of duplicates: {page}"
    )
    if total["duplicate_pairs"] or total["label_suspects"] or total["proposed_groups"]:
        click.echo(f"Listen and decide: {shlex.join(['earmark', 'review', data, '--audit', str(out)])}")
