"""earmark embed"""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as opt


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
    from ..datasets import open_dataset
    from ..datasets.table import SUFFIXES
    from ..embeddings import embed
    from ..errors import DataError
    from ..recipe import Part
    from ..rows_file import write

    single = len(data) == 1 and (Path(data[0]).is_dir() or Path(data[0]).suffix.lower() in SUFFIXES or ":" in data[0])
    dataset = open_dataset(data[0] if single else list(data))
    built = Part.parse(backbone).backbone()
    rows = embed(dataset.clips, built, cache=opt.open_cache(cache_folder, no_cache))
    if not rows.ids:
        reasons = "; ".join(f"{e.path}: {e.reason}" for e in list(rows.excluded.values())[:3])
        raise DataError(f"none of the {len(dataset.clips)} sounds can be used ({reasons})")
    write(out, rows, dataset, built, pool)
    for gone in rows.excluded.values():
        click.echo(f"left out: {gone.path}: {gone.reason}", err=True)
    shape = "x".join(map(str, built.shape))
    click.echo(f"{len(rows.X)} rows of {shape} from {len(rows.ids)} clips: {out}")
