"""earmark predict"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from ..core.paths import is_remote, named
from . import _options as opt
from ._answers import Unknown, write

if TYPE_CHECKING:
    from ..data.clips import Clip
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
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of sounds whose true label the set may miss. Default: the model's own.",
)
@click.option("-o", "--out", help="Write to this file instead of to the terminal, or shards to a folder or URI.")
@opt.bom_option
@opt.force_option
@opt.spread
@opt.no_fetch_option
def command(
    model: Path,
    paths: tuple[str, ...],
    form: str | None,
    timeline: bool,
    seconds: float | None,
    alpha: float | None,
    out: str | None,
    bom: bool,
    force: bool,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    """Say what sounds are, with scores. PATHs are files, folders (searched below), a table with a
    column path, or URIs of these.

    A table may also have the columns start, and end or duration: each line is answered by itself, with start and end.

    Files that cannot be used are named on stderr; the exit status is 1 if there were any.

    To a folder or URI (also --engine ray), answers are written as Parquet shards, a line a clip or, with --timeline, a
    piece, with the start and end that a CSV has; PATH may then be a URI. An earlier run that was ended is resumed, and what
    cannot be used stands in the table errors/.

    \b
    Examples:
      earmark predict my-model clip.flac
      earmark predict my-model recordings/ --format csv --out answers.csv
      earmark predict my-model long.wav --timeline --format jsonl
      earmark predict my-model s3://bucket/sounds/ --engine ray --address auto -o s3://bucket/answers/
    """
    if seconds is not None and not timeline:
        raise click.UsageError("--seconds is the length of a timeline's pieces. Say --timeline, too, or leave it out")
    if engine == "ray" or (out is not None and opt.is_folder(out)):
        if form or bom:
            raise click.UsageError("a store is Parquet: no --format and no --bom")
        opt.for_a_store()
        _shards(model, paths, out, timeline, seconds, alpha, engine, address, shard_clips)
    else:
        opt.for_a_file()
        _file(model, paths, form, timeline, seconds, alpha, None if out is None else Path(out), force, bom)


def _shards(
    model: Path,
    paths: tuple[str, ...],
    out: str | None,
    timeline: bool,
    seconds: float | None,
    alpha: float | None,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    from ..core.outputs import SHARDS
    from ..data.clips import Dataset, by_path
    from ..models.shards import Answering, unknowns
    from ._shards import in_shards

    if out is None or not opt.is_folder(out):
        raise click.UsageError("--engine ray writes a store. Give a folder: --out answers/")
    opt.may_write(out, SHARDS, model, paths)
    work = Answering.of(model, alpha, timeline=timeline, seconds=seconds)
    if work.card.scope:
        click.echo(f"Note: {work.card.scope}", err=True)
    bad: list[str] = []
    clips = _clips(paths, bad)
    dataset = Dataset("predict", tuple(clips))
    for line in bad:
        click.echo(f"excluded: {line}", err=True)
    called = {c.id: by_path(c).id for c in clips}
    gone, _ = in_shards(
        work, "predict", dataset, out, engine=engine, address=address, largest=shard_clips, called=called
    )
    told = Unknown("pieces" if timeline else "sounds", known=work.tells_unknown)
    for unknown in unknowns(out):
        told.add(unknown)
    told.tell()
    if gone or bad:
        raise SystemExit(1)


def _file(
    model: Path,
    paths: tuple[str, ...],
    form: str | None,
    timeline: bool,
    seconds: float | None,
    alpha: float | None,
    out: Path | None,
    force: bool,
    bom: bool,
) -> None:
    from ..core import interrupts
    from ..core.outputs import ANSWERS
    from ..data.clips import by_path
    from ..models.load import load_model

    form = form or _form(out)
    if bom and form != "csv":
        raise click.UsageError(f"--bom is for CSV, and this is {form}. Leave it out, or say --format csv")
    bad: list[str] = []
    clips = list(map(by_path, _clips(paths, bad)))
    if out is not None:
        opt.may_write(out, ANSWERS, model, paths, sounds=lambda: [c.path for c in clips], force=force)
    loaded = load_model(model).with_alpha(alpha)
    if loaded.card.scope:
        click.echo(f"Note: {loaded.card.scope}", err=True)
    if out is None:
        interrupts.keeps("what was printed is whole. The same command starts anew")
    told = Unknown("pieces" if timeline else "sounds", known=loaded.novelty is not None)
    answers = told.counting(_answers(loaded, clips, timeline, seconds, bad))
    timeline = timeline or any(c.start or c.duration is not None for c in clips)
    if out is None:
        write(answers, loaded, form, timeline, sys.stdout)
    else:
        with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
            part = Path(temporary) / out.name
            with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                write(answers, loaded, form, timeline, file)
            part.replace(out)
    for line in bad:
        click.echo(f"excluded: {line}", err=True)
    told.tell()
    if bad:
        raise SystemExit(1)


def _form(out: Path | None) -> str:
    """The format that nobody chose: by the ending, or by whether somebody looks on."""
    if out is None:
        return "table" if sys.stdout.isatty() else "csv"
    return "jsonl" if out.suffix in (".jsonl", ".json") else "csv"


def _clips(paths: tuple[str, ...], bad: list[str]) -> list[Clip]:
    """Clips of all PATHs, each once, of several PATHs called by their files; ``bad``: what is no sound, where others are."""
    from ..core.errors import DataError
    from ..data.clips import Clip, by_path
    from ..data.ends import past_the_end
    from ..data.found import HIDDEN
    from ..data.layouts.table import SUFFIXES, labels_are
    from ..data.load import load_dataset
    from ..data.sources import only_sounds

    found: dict[tuple[Path, float, float | None], Clip] = {}
    if len(paths) == 1:
        only_sounds(paths[0])
    for name in paths:
        path = Path(name)
        clips = [Clip(name, path)]
        named_data = is_remote(name) or named(name)[0] is not None
        if named_data or path.is_dir() or path.suffix.lower() in SUFFIXES:
            try:
                with labels_are("unread"):
                    dataset = load_dataset([path] if not named_data and path.is_dir() else name)
            except DataError as error:
                if len(paths) == 1:
                    raise
                bad.append(f"{name}: no sound, and no table of clips ({str(error).removeprefix(f'{name}: ')})")
                continue
            hidden = tuple(one for one in dataset.excluded if one.reason == HIDDEN)
            bad += (f"{one.path}: {one.reason}" for one in dataset.excluded if one not in hidden)
            opt.account(replace(dataset, excluded=hidden))
            clips = list(dataset.clips if len(paths) == 1 else map(by_path, dataset.clips))
            if len(paths) == 1 and path.is_dir() and not named_data:  # a store outlives the place of the folder
                clips = [replace(c, id=c.id.removeprefix(f"{path.as_posix()}/")) for c in clips]
        for clip in clips:
            where = clip.path if is_remote(clip.path) else Path(os.path.normpath(clip.path))
            found.setdefault((where, clip.start, clip.duration), clip)
    if not found:
        raise DataError(f"no sounds found in {', '.join(paths)}")
    for note in past_the_end(found.values()):
        click.echo(f"Note: {note}", err=True)
    return list(found.values())


def _answers(
    model: Model, clips: list[Clip], timeline: bool, seconds: float | None, bad: list[str]
) -> Iterator[Prediction]:
    from ..core.errors import AudioError
    from ..core.progress import bar
    from ..data.clips import Excluded

    if len(clips) == 1 and not timeline:
        yield from _one(model, clips[0], bad)
        return
    with bar("predict", len(clips)) as step:
        if not timeline:
            for answer in model.predict_clips(clips):
                step()
                if isinstance(answer, Excluded):
                    bad.append(f"{answer.path}: {answer.reason}")
                else:
                    yield answer
            return
        for clip in clips:
            try:
                yield from model.follow_clip(clip, seconds=seconds)
            except AudioError as error:
                bad.append(f"{clip.id}: {error.reason}")
            step()


def _one(model: Model, clip: Clip, bad: list[str]) -> Iterator[Prediction]:
    """The answer for a single sound, which may be long: progress is told in seconds."""
    from contextlib import suppress

    from ..audio import probe
    from ..core.errors import AudioError
    from ..core.progress import seconds

    total = clip.duration
    with suppress(AudioError, OSError):
        total = total or probe(clip.path).seconds
    try:
        with seconds("predict", total) as watch:
            answer = model.predict_clip(clip, watch=watch)
    except AudioError as error:
        bad.append(f"{clip.id}: {error.reason}")
    else:
        yield answer
