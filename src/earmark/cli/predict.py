"""earmark predict"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import click

from . import _options as opt

if TYPE_CHECKING:
    from ..models.branch import Prediction
    from ..models.model import Model

PLACE = ("use", 1)


@click.command(short_help="Label files and folders with a model; timelines.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "jsonl"]), help="Default: table on a terminal, csv else."
)
@click.option("--timeline", is_flag=True, help="One line per piece of each sound, with start and end in seconds.")
@click.option("--seconds", type=click.FloatRange(min=0.05), help="Length of the pieces of a timeline.")
@click.option("-o", "--out", help="Write to this file instead of to the terminal, or shards to a folder or URI.")
@opt.force_option
@opt.spread
def command(
    model: Path,
    paths: tuple[str, ...],
    form: str | None,
    timeline: bool,
    seconds: float | None,
    out: str | None,
    force: bool,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    """Say what sounds are, with scores. PATHs are files, folders (searched below) or a table with a column path.

    Files that cannot be used are named on stderr; the exit status is 1 if there were any.

    To a folder or URI (also --engine ray), answers are written as Parquet shards, one line a clip with its start and
    duration as the table has them; PATH may then be a URI. An earlier run that was ended is resumed, and what
    cannot be used stands in the table errors/.

    \b
    Examples:
      earmark predict my-model clip.flac
      earmark predict my-model recordings/ --format csv --out answers.csv
      earmark predict my-model long.wav --timeline --format jsonl
      earmark predict my-model s3://bucket/sounds/ --engine ray --address auto -o s3://bucket/answers/
    """
    if engine == "ray" or (out is not None and opt.is_folder(out)):
        if force:
            raise click.UsageError("a store is only added to: --force is for files")
        _shards(model, paths, out, timeline or bool(form), engine, address, shard_clips)
    else:
        _file(model, paths, form, timeline, seconds, None if out is None else Path(out), force)


def _shards(
    model: Path,
    paths: tuple[str, ...],
    out: str | None,
    other: bool,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    from ..core.outputs import SHARDS
    from ..models.shards import Answering
    from ._shards import in_shards

    if out is None or not opt.is_folder(out):
        raise click.UsageError("--engine ray writes a store. Give a folder: --out answers/")
    if other:
        raise click.UsageError("a store is Parquet with one line a clip: no --format and no --timeline")
    opt.may_write(out, SHARDS, model, paths)
    work = Answering.of(model)
    gone, _ = in_shards(
        work, "predict", opt.open_sounds(paths), out, engine=engine, address=address, largest=shard_clips
    )
    if gone:
        raise SystemExit(1)


def _file(
    model: Path,
    paths: tuple[str, ...],
    form: str | None,
    timeline: bool,
    seconds: float | None,
    out: Path | None,
    force: bool,
) -> None:
    from ..core.outputs import ANSWERS
    from ..models.load import load_model

    if out is not None:
        opt.may_write(out, ANSWERS, model, paths, sounds=lambda: map(Path, _files(paths)), force=force)
    loaded = load_model(model)
    bad: list[str] = []
    answers = _answers(loaded, paths, timeline, seconds, bad)
    if out is None:
        _write(answers, loaded, form or ("table" if sys.stdout.isatty() else "csv"), timeline, sys.stdout)
    else:
        form = form or ("jsonl" if out.suffix in (".jsonl", ".json") else "csv")
        with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
            part = Path(temporary) / out.name
            with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                _write(answers, loaded, form, timeline, file)
            part.replace(out)
    for line in bad:
        click.echo(f"excluded: {line}", err=True)
    if bad:
        raise SystemExit(1)


def _files(paths: tuple[str, ...]) -> list[str]:
    from ..data.layouts import sounds_below
    from ..data.layouts.table import SUFFIXES
    from ..data.load import load_dataset

    found: list[str] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found += map(str, sounds_below(path))
        elif path.suffix.lower() in SUFFIXES:
            found += (str(c.path) for c in load_dataset(path).clips)
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def _answers(
    model: Model, paths: tuple[str, ...], timeline: bool, seconds: float | None, bad: list[str]
) -> Iterator[Prediction]:
    from ..core.errors import AudioError, DataError
    from ..core.progress import bar
    from ..data.clips import Excluded

    files = _files(paths)
    if not files:
        raise DataError(f"no sounds found in {', '.join(paths)}")
    with bar("predict", len(files)) as step:
        if not timeline:
            for answer in model.predict_many(files):
                step()
                if isinstance(answer, Excluded):
                    bad.append(f"{answer.path}: {answer.reason}")
                else:
                    yield answer
            return
        for file in files:
            try:
                yield from model.follow(file, seconds=seconds)
            except AudioError as error:
                bad.append(f"{file}: {error.reason}")
            step()


def _write(answers: Iterator[Prediction], model: Model, form: str, timeline: bool, out: TextIO) -> None:
    if form == "table":
        _table(answers, timeline, out)
        return
    extra = (["set"] if model.calibration else []) + (["unknown"] if model.novelty else [])
    columns = ["path", *(["start", "end"] if timeline else []), "label", "score", *extra, *model.classes]
    writer = csv.writer(out, lineterminator="\n")
    if form == "csv":
        writer.writerow(columns)
    for a in answers:
        own: dict[str, Any] = {
            "path": a.path,
            "start": a.start,
            "end": a.end,
            "label": a.label,
            "score": round(a.score, 6),
            "unknown": a.unknown,
        }
        if form == "csv":
            own["set"] = "|".join(a.set)
            values = [own[c] for c in columns[: len(columns) - len(model.classes)]]
            writer.writerow([*values, *(round(a.scores[c], 6) for c in model.classes)])
        else:
            own["set"] = list(a.set)
            line = {c: own[c] for c in columns[: len(columns) - len(model.classes)]}
            line |= {"reason": a.reason} if a.reason else {}
            out.write(
                json.dumps({**line, "scores": {c: round(v, 6) for c, v in a.scores.items()}}, ensure_ascii=False) + "\n"
            )


def _table(answers: Iterator[Prediction], timeline: bool, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ["path", *(["start", "end"] if timeline else []), "label", "score", "also possible", ""]:
        table.add_column(column, justify="right" if column in ("start", "end", "score") else "left", overflow="fold")
    for a in answers:
        when = [f"{a.start:.2f}", f"{a.end:.2f}"] if timeline else []
        also = ", ".join(s for s in a.set if s != a.label)
        table.add_row(
            a.path,
            *when,
            a.label,
            "" if a.reason else f"{a.score:.2f}",
            also,
            a.reason or ("[yellow]unknown: unlike the training sounds[/]" if a.unknown else ""),
        )
    Console(file=out).print(table)
