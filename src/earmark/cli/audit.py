"""earmark audit"""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as opt

PLACE = ("begin", 2)


@click.command(short_help="Faults, copies, leaks of data; damage of a model, store, cache.")
@opt.data_argument
@opt.out_option("Folder for audit.html, audit.json and clips.csv.")
@click.option(
    "-b",
    "--backbone",
    "backbones",
    multiple=True,
    help="What groups and labels are heard with; may be given several times. "
    "Default: yamnet and musicnn, those that are installed.",
)
@click.option("--no-groups", is_flag=True, help="Propose no groups.")
@click.option("--no-labels", is_flag=True, help="Do not look for wrong labels.")
@click.option("--no-confounds", is_flag=True, help="Do not ask what gives the label away.")
@opt.seed_option
@opt.force_option
@opt.cached
@opt.json_option
def command(
    data: str,
    out: Path,
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
    """Find what is wrong with a data set before you trust a number made with it.

    Broken files, the same recording twice (also re-encoded, cut, shifted or made louder), labels that look wrong, facts
    beside the sound that give the label away, clips that sound like one session. Your own files are never changed.

    \b
    Examples:
      earmark audit sounds/ -o audit
      earmark audit clips.csv -o audit --no-groups --no-labels     only files, duplicates and confounds: no backbone
      earmark compare audit/clips.csv -r yamnet/logreg             the table that it writes is a data set
    """
    import json
    import shlex

    from ..audits import audit
    from ..audits.output import alike, counts
    from ..audits.output import as_json as everything
    from ..audits.words import findings
    from ..core.outputs import AUDIT
    from ..data.load import open_dataset
    from ..report.audit import write

    dataset = open_dataset(data)
    opt.may_write(
        out, AUDIT, alike(dataset), data=data, sounds=lambda: [c.path for c in dataset.clips], force=force
    )  # before the work, not after it
    found = audit(
        dataset,
        backbones=backbones or None,
        groups=not no_groups,
        labels=not no_labels,
        confounds=not no_confounds,
        cache=opt.open_cache(cache_folder, no_cache),
        seed=seed,
    )
    page = write(found, out, command=opt.said(), force=force)
    if as_json:
        click.echo(json.dumps(everything(found), ensure_ascii=False))
        return
    for line in findings(found):
        click.echo(f"• {line}")
    for note in found.notes:
        click.echo(f"  {note}", err=True)
    total = counts(found)
    click.echo(f"{len(dataset.clips)} clips, {total['duplicate_pairs']} pairs of duplicates: {page}")
    if total["duplicate_pairs"] or total["label_suspects"] or total["proposed_groups"]:
        click.echo(f"Listen and decide: {shlex.join(['earmark', 'review', data, '--audit', str(out)])}")
