"""earmark cache"""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as opt

PLACE = ("shelf", 3)


@click.group(short_help="See or empty the cache of embeddings.")
def command() -> None:
    """See or empty the cache of embeddings.

    \b
    Examples:
      earmark cache info
      earmark cache clear --backbone logmel
    """


@command.command()
@opt.cache_option
@opt.json_option
def info(cache_folder: Path | None, as_json: bool) -> None:
    """Where the cache lies and what is in it."""
    import json

    from ..data.cache import Cache

    cache = Cache(cache_folder)
    usage = cache.usage()
    if as_json:
        found = {name: {"clips": n, "bytes": size} for name, (n, size) in usage.items()}
        click.echo(json.dumps({"folder": str(cache.folder), "backbones": found}))
        return
    click.echo(f"{cache.folder}")
    for name, (n, size) in usage.items():
        click.echo(f"  {name}: {n} clips, {size / 1e6:.1f} MB")
    if not usage:
        click.echo("  empty")


@command.command()
@opt.cache_option
@click.option("-b", "--backbone", help="Only the embeddings of this backbone.")
def clear(cache_folder: Path | None, backbone: str | None) -> None:
    """Delete cached embeddings. They are made again when needed."""
    from ..data.cache import Cache

    click.echo(f"{Cache(cache_folder).clear(backbone) / 1e6:.1f} MB freed")
