"""earmark embed"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _options as opt

if TYPE_CHECKING:
    from ..backbone import Floats
    from ..data import Clip


@click.command()
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-b", "--backbone", required=True, help='A backbone, with parameters if wanted: yamnet, "logmel(seconds=4)".'
)
@opt.out_option("File for the rows: .parquet, .npz or .csv.", file=True)
@click.option("--pool", default="rows", show_default=True, help="rows, or one vector per clip: mean, mean+std, max, …")
@opt.cached
def command(
    data: tuple[str, ...], backbone: str, out: Path, pool: str, cache_folder: Path | None, no_cache: bool
) -> None:
    """Turn sounds into rows (embeddings) and write them to a file.

    DATA is anything that compare takes, and also a flat folder or sound files without labels.

    \b
    Examples:
      earmark embed sounds/ -b yamnet -o rows.parquet
      earmark embed a.wav b.flac -b musicnn --pool mean -o vectors.npz
    """
    from tempfile import TemporaryDirectory

    from ..data import Excluded
    from ..datasets import open_dataset
    from ..datasets.table import SUFFIXES
    from ..embeddings import Cache, embedded
    from ..errors import DataError
    from ..recipe import Part
    from ..rows_file import write_stream

    single = len(data) == 1 and (Path(data[0]).is_dir() or Path(data[0]).suffix.lower() in SUFFIXES or ":" in data[0])
    dataset = open_dataset(data[0] if single else list(data))
    built = Part.parse(backbone).backbone()
    gone: list[str] = []
    used = 0

    def sounds() -> Iterator[tuple[Clip, Iterable[Floats]]]:
        nonlocal used
        for one in embedded(dataset.clips, built, cache=cache):
            if isinstance(one, Excluded):
                gone.append(f"{one.path}: {one.reason}")
            else:
                used += 1
                yield one.clip, one.blocks
        if not used:
            raise DataError(f"none of the {len(dataset.clips)} sounds can be used ({'; '.join(gone[:3])})")

    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
        # Without a cache, the rows of a long sound still wait on the disk for their turn.
        cache = opt.open_cache(cache_folder, no_cache) or Cache(Path(temporary))
        lines = write_stream(out, sounds(), built, pool)
    for line in gone:
        click.echo(f"left out: {line}", err=True)
    shape = "x".join(map(str, built.shape))
    click.echo(f"{lines} rows of {shape} from {used} clips: {out}")
