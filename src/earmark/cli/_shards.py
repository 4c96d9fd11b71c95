"""Work done in shards, here or on a Ray cluster, and what is said of it: for embed and predict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from ..core.renderers import counted

if TYPE_CHECKING:
    from ..data.clips import Dataset, Excluded
    from ..embeddings.shards import Made, Work


def in_shards(
    work: Work,
    label: str,
    dataset: Dataset,
    out: str,
    *,
    engine: str,
    address: str | None,
    largest: int,
    called: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Do what is left to do of ``dataset``; ``called``: what clips are called where they are told of. Returns how many clips are now told as errors, by this run and in all used."""
    import os
    from contextlib import AbstractContextManager, nullcontext

    from ..core import interrupts
    from ..core.errors import DataError
    from ..core.progress import bar
    from ..embeddings.shards import SEVERAL, Unreached, all_unreached, cut, left, local

    began, lines, size, unreached = time.perf_counter(), 0, 0, 0
    gone: list[Excluded] = []
    interrupts.keeps(f"what lies in {out} is whole and stays. The same command resumes")
    todo = left(work, out, dataset.clips)  # before a cluster is started for nothing
    joined: AbstractContextManager[int] = nullcontext(os.cpu_count() or 1)
    run: Callable[..., Iterator[Made]] = local
    if engine == "ray" and todo:
        from ..embeddings.ray import cluster, spread

        joined, run = cluster(address), spread
    with joined as processors, bar(label, len(todo)) as step:
        shards = cut(todo, workers=processors, largest=largest)
        for made in run(work, out, shards):
            lines, size = lines + made.lines, size + made.written
            gone += made.excluded
            unreached = unreached + made.clips if all_unreached(made) else 0
            if unreached >= SEVERAL:
                raise DataError(
                    f"{gone[-1].path}: {gone[-1].reason}; so it was with {unreached} sounds one after another. Look at the network and at "
                    f"the credentials, and run the same command again: what is done stays in {out}"
                )
            for _ in range(made.clips):
                step()
    for one in gone[:20]:
        what = "left to do" if isinstance(one, Unreached) else "excluded"
        click.echo(f"{what}: {(called or {}).get(one.path, one.path)}: {one.reason}", err=True)
    if len(gone) > 20:
        click.echo(f"… and {len(gone) - 20} more, all in {out.rstrip('/')}/errors", err=True)
    spent = time.perf_counter() - began
    used = len(todo) - len(gone)
    done = len(dataset.clips) - len(todo)
    before = f", {done} clips were there already" if done else ""
    click.echo(
        f"{counted(lines, 'line')} from {counted(used, 'clip')} in {counted(len(shards), 'shard')} ({size / 1e6:.1f} MB, "
        f"{spent:.1f} s on {counted(processors, 'processor')}){before}: {out}"
    )
    return len(gone), used + done
