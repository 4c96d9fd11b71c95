"""earmark embed"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..backbones.base import load_backbone
from ..core.renderers import counted
from . import _options as opt

if TYPE_CHECKING:
    from ..backbones.base import Floats
    from ..data.clips import Clip

PLACE = ("corpora", 1)


@click.command(short_help="Sounds to embeddings: a file, or a store for large corpora.")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-b", "--backbone", required=True, help='A backbone, with parameters if wanted: yamnet, "logmel(seconds=4)".'
)
@click.option(
    "-o", "--out", required=True, help="File for the embeddings (.parquet, .npz, .csv), or a folder or URI for shards."
)
@click.option(
    "--pool", default="windows", show_default=True, help="windows, or one vector per clip: mean, mean+std, max, …"
)
@opt.bom_option
@opt.force_option
@opt.spread
@opt.pseudo_labels_option
@opt.annotations_given
@opt.cached
def command(
    data: tuple[str, ...],
    backbone: str,
    out: str,
    pool: str,
    bom: bool,
    force: bool,
    engine: str,
    address: str | None,
    shard_clips: int,
    cache_folder: Path | None,
    no_cache: bool,
) -> None:
    """Turn sounds into embeddings and write them to a file, or to a folder of Parquet shards.

    DATA is anything that compare takes, and also a flat folder or sound files without labels. It may lie in an object
    store (s3://, gs://): a folder, or a table whose paths are URIs or relative to it.

    A store is resumed where an earlier run ended: what is there is not done again. Clips that cannot
    be used stand in its table errors/; delete it to have them tried again. `compare`, `train` and `study` take it as DATA.

    \b
    Examples:
      earmark embed sounds/ -b yamnet -o embeddings.parquet
      earmark embed a.wav b.flac -b musicnn --pool mean -o vectors.npz
      earmark embed s3://bucket/clips.csv -b yamnet --engine ray --address auto -o s3://bucket/yamnet/
    """
    if opt.is_folder(out) or engine == "ray":
        opt.for_a_store()
        if bom:
            raise click.UsageError("a store is Parquet: no --bom")
        _shards(data, backbone, out, pool, engine, address, shard_clips)
    else:
        opt.for_a_file()
        if bom and Path(out).suffix.lower() != ".csv":
            raise click.UsageError(
                f"--bom is for CSV, and {out!r} is none. Leave it out, or choose a name like out.csv"
            )
        _file(data, backbone, Path(out), pool, force, cache_folder, no_cache)


def _shards(
    data: tuple[str, ...], backbone: str, out: str, pool: str, engine: str, address: str | None, shard_clips: int
) -> None:
    from dataclasses import replace

    from ..core.errors import DataError
    from ..core.outputs import SHARDS
    from ..core.spec import Part
    from ..data.ends import past_the_end
    from ..data.targets import Task
    from ..embeddings.shards import Embedding
    from ._shards import in_shards

    if not opt.is_folder(out):
        raise click.UsageError(f"--engine ray writes a store; {out!r} is a file. Give a folder: --out embeddings/")
    opt.may_write(out, SHARDS, data)
    work = Embedding.of(Part.parse(backbone), pool)
    dataset = opt.open_sounds(data)
    opt.account(replace(dataset, notes=(*dataset.notes, *past_the_end(dataset.clips))))
    if dataset.task is Task.MULTI:
        raise DataError(
            f"{out}: a store is written of clips with one label; wanted a file for recordings with annotations: "
            "--out embeddings.parquet"
        )
    gone, used = in_shards(work, f"embed {backbone}", dataset, out, engine=engine, address=address, largest=shard_clips)
    if gone and not used:
        raise DataError(f"none of the {len(dataset.clips)} sounds can be used; see {out.rstrip('/')}/errors")


def _file(
    data: tuple[str, ...], backbone: str, out: Path, pool: str, force: bool, cache_folder: Path | None, no_cache: bool
) -> None:
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from ..core.errors import DataError
    from ..core.outputs import EMBEDDINGS
    from ..data.cache import Cache
    from ..data.clips import Excluded
    from ..data.ends import past_the_end
    from ..embeddings.files import write_stream, writer
    from ..embeddings.make import embedded

    dataset = opt.open_sounds(data)
    opt.account(replace(dataset, notes=(*dataset.notes, *past_the_end(dataset.clips))))
    writer(out)  # a wrong ending is told before the work
    opt.may_write(out, EMBEDDINGS, data, sounds=lambda: [c.path for c in dataset.clips], force=force)
    built = load_backbone(backbone)
    gone: list[Excluded] = list(dataset.excluded)
    used = 0

    def sounds() -> Iterator[tuple[Clip, Iterable[Floats]]]:
        nonlocal used
        for one in embedded(dataset.clips, built, cache=cache):
            if isinstance(one, Excluded):
                gone.append(one)
            else:
                used += 1
                yield one.clip, one.blocks
        if not used:
            why = "; ".join(f"{one.path}: {one.reason}" for one in gone[len(dataset.excluded) :][:3])
            raise DataError(f"none of the {len(dataset.clips)} sounds can be used ({why})")

    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
        # Without a cache, the embeddings of a long sound still wait on the disk for their turn.
        cache = opt.open_cache(cache_folder, no_cache) or Cache(Path(temporary))
        lines = write_stream(out, sounds(), built, pool, dataset=dataset, excluded=gone, force=force)
    for one in gone[len(dataset.excluded) :]:
        click.echo(f"excluded: {one.path}: {one.reason}", err=True)
    shape = "x".join(map(str, built.shape))
    click.echo(f"{counted(lines, 'embedding')} of {shape} from {counted(used, 'clip')}: {out}")
