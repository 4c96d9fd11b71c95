"""earmark review"""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from ..core import interrupts
from . import _options as opt

PLACE = ("corpora", 3)


@click.command(short_help="Listen to what an audit found, and decide, in the browser.")
@opt.data_argument
@click.option(
    "--audit",
    "audit_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that `earmark audit` wrote. Without it: every clip, one after the other.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for review.jsonl and reviewed.csv. Default: the audit's folder.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: a free one.")
@click.option("--name", help="Who decides, for the journal. Default: the user's name.")
@click.option("--no-neighbours", is_flag=True, help="Do not embed all clips to find the nearest ones.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@opt.pseudo_labels_option
@opt.cached
def command(
    data: str,
    audit_folder: Path | None,
    out: Path | None,
    port: int,
    name: str | None,
    no_neighbours: bool,
    open_browser: bool,
    cache_folder: Path | None,
    no_cache: bool,
) -> None:
    """Listen to what an audit found, and decide: keep, relabel, group or exclude, with keys and undo.

    The page is for this machine only. Decisions are added to review.jsonl, where the next person goes on; reviewed.csv is
    the table of clips as decided. Your sounds and your own table are never written.

    \b
    Examples:
      earmark audit sounds/ -o audit
      earmark review sounds/ --audit audit --open
      earmark compare audit/reviewed.csv -r yamnet/logreg
    """
    from ..core.errors import DataError, MissingExtraError
    from ..data.load import load_dataset

    try:
        from ..label.app import create_app
        from ..web.server import listening, server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "earmark":
            raise
        raise MissingExtraError("earmark review", "serve") from error
    from ..core.outputs import REVIEW
    from ..label.items import items, read_audit
    from ..label.journal import Journal
    from ..label.neighbours import neighbours

    folder = out or audit_folder
    if folder is None:
        raise DataError("found neither --audit nor --out; wanted a folder for review.jsonl and reviewed.csv")
    opt.may_write(folder, REVIEW, data=data)
    dataset = load_dataset(data)
    audit = read_audit(audit_folder, dataset) if audit_folder else None
    found = items(dataset, audit)
    if not found:
        click.echo("Nothing to look at: the audit found no suspect labels, duplicates, damaged files or groups.")
        return
    journal = Journal(dataset, folder, by=name or _user())
    heard = audit["backbones"] if audit else []
    near = None if no_neighbours or not heard else neighbours(dataset, heard, opt.open_cache(cache_folder, no_cache))
    app = create_app(dataset, found, journal, near)
    bound = listening("127.0.0.1", port)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}/{app.state.token}/"
    click.echo(f"{len(found)} things to look at, {len({d.item for d in journal.decisions})} decided. Open: {address}")
    click.echo("Stop: Ctrl-C. Every decision is on disk at once.", err=True)
    if open_browser:
        click.launch(address)
    interrupts.keeps("every decision is on disk. The same command resumes", serving=True)
    with bound:
        server(app, grace=3).run([bound])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in this container
        return ""
