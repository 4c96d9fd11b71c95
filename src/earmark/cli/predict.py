"""earmark predict"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..core import terminal
from ..core.columns import column_of, joined
from ..core.paths import is_remote, named
from . import _options as opt

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..metrics.intervals import Interval
    from ..models.branch import Prediction
    from ..models.model import Model

PLACE = ("use", 1)
_SHOWN = 20  # classes whose share is told


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
@click.option(
    "--prior",
    metavar="TABLE|balanced|train|estimate",
    help="How common the classes are: a table with the columns label and share, alike, as in training (default), or "
    "estimated from these sounds.",
)
@click.option("-o", "--out", help="Write to this file instead of to the terminal, or shards to a folder or URI.")
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
    prior: str | None,
    out: str | None,
    force: bool,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    """Say what sounds are, with scores. PATHs are files, folders (searched below), a table with a
    column path, or URIs of these.

    A table may also have the columns start, and end or duration: each line is answered by itself, with start and end.

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
        _shards(model, paths, out, timeline or bool(form), alpha, prior, engine, address, shard_clips)
    else:
        _file(model, paths, form, timeline, seconds, alpha, prior, None if out is None else Path(out), force)


def _shards(
    model: Path,
    paths: tuple[str, ...],
    out: str | None,
    other: bool,
    alpha: float | None,
    prior: str | None,
    engine: str,
    address: str | None,
    shard_clips: int,
) -> None:
    from ..core.outputs import SHARDS
    from ..data.layouts.table import labels_are
    from ..models.shards import Answering
    from ._shards import in_shards

    if out is None or not opt.is_folder(out):
        raise click.UsageError("--engine ray writes a store. Give a folder: --out answers/")
    if other:
        raise click.UsageError("a store is Parquet with one line a clip: no --format and no --timeline")
    if prior == "estimate":
        raise click.UsageError("a store is written shard by shard: --prior estimate needs all answers first")
    opt.may_write(out, SHARDS, model, paths)
    work = Answering.of(model, alpha, prior)
    with labels_are("unread"):
        dataset = opt.open_sounds(paths)
    opt.account(dataset)
    gone, _ = in_shards(work, "predict", dataset, out, engine=engine, address=address, largest=shard_clips)
    if gone:
        raise SystemExit(1)


def _file(
    model: Path,
    paths: tuple[str, ...],
    form: str | None,
    timeline: bool,
    seconds: float | None,
    alpha: float | None,
    prior: str | None,
    out: Path | None,
    force: bool,
) -> None:
    from ..core import interrupts
    from ..core.outputs import ANSWERS
    from ..models.load import load_model
    from ..models.prior import BALANCED, ESTIMATE, TRAIN, estimated, shares_heard

    bad: list[str] = []
    clips = _clips(paths, bad)
    if out is not None:
        opt.may_write(out, ANSWERS, model, paths, sounds=lambda: [c.path for c in clips], force=force)
    loaded = load_model(model).with_alpha(alpha)
    if prior == ESTIMATE:
        loaded.with_prior(BALANCED)  # refused before the work, if it cannot be
        loaded = loaded.with_prior(TRAIN)
    else:
        loaded = loaded.with_prior(prior)
    if out is None:
        interrupts.keeps("what was printed is whole. The same command starts anew")
    heard: list[Prediction] = []
    answers = _answers(loaded, clips, timeline, seconds, bad)
    if prior == ESTIMATE:
        calibration, told = estimated(loaded.calibration, answers)
        loaded, answers = replace(loaded, calibration=calibration), iter(told)
    elif not timeline:
        answers = _kept(answers, heard)
    timeline = timeline or any(c.start or c.duration is not None for c in clips)
    if out is None:
        _write(answers, loaded, form or ("table" if sys.stdout.isatty() else "csv"), timeline, sys.stdout)
    else:
        form = form or ("jsonl" if out.suffix in (".jsonl", ".json") else "csv")
        with TemporaryDirectory(prefix=".earmark-", dir=out.parent) as temporary:
            part = Path(temporary) / out.name
            with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                _write(answers, loaded, form, timeline, file)
            part.replace(out)
    if prior == ESTIMATE and not timeline:
        heard = told
    _tell_shares(shares_heard(loaded.calibration, heard))
    for line in bad:
        click.echo(f"excluded: {line}", err=True)
    if bad:
        raise SystemExit(1)


def _kept(answers: Iterator[Prediction], heard: list[Prediction]) -> Iterator[Prediction]:
    """The same answers, kept for what is said at the end."""
    for answer in answers:
        heard.append(answer)
        yield answer


def _tell_shares(found: dict[str, Interval]) -> None:
    """How common classes are in the batch, the commonest first: counting labels would count mistakes."""
    if not found:
        return
    click.echo("Shares of the classes (90 % intervals), if the classes sound as they did in training:", err=True)
    for label, share in sorted(found.items(), key=lambda one: -one[1].value)[:_SHOWN]:
        told = f"{opt.points(share.value)} % [{opt.points(share.low)}, {opt.points(share.high)}]"
        click.echo(f"  {label}: {told}", err=True)
    if len(found) > _SHOWN:
        click.echo(f"  … and {len(found) - _SHOWN} rarer classes", err=True)


def _clips(paths: tuple[str, ...], bad: list[str]) -> list[Clip]:
    """Clips of all PATHs, each once, called by their files; ``bad``: what is no sound, where others are."""
    from ..core.errors import DataError
    from ..data.clips import Clip, by_path
    from ..data.ends import past_the_end
    from ..data.found import HIDDEN
    from ..data.layouts.table import SUFFIXES, labels_are
    from ..data.load import load_dataset
    from ..data.sources import only_sounds

    found: dict[tuple[str, float, float | None], Clip] = {}
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
            clips = list(map(by_path, dataset.clips))
        found.update({(c.recording_id, c.start, c.duration): c for c in clips})
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

    if len(clips) == 1 and not timeline and not clips[0].start and clips[0].duration is None:
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
                yield from model.follow(clip.path, seconds=seconds, start=clip.start, duration=clip.duration)
            except AudioError as error:
                bad.append(f"{clip.id}: {error.reason}")
            step()


def _one(model: Model, clip: Clip, bad: list[str]) -> Iterator[Prediction]:
    """The answer for a single sound, which may be long: progress is told in seconds."""
    from contextlib import suppress

    from ..audio import probe
    from ..core.errors import AudioError
    from ..core.progress import seconds

    total = None
    with suppress(AudioError, OSError):
        total = probe(clip.path).seconds
    try:
        with seconds("predict", total) as watch:
            answer = model.predict(clip.path, watch=watch)
    except AudioError as error:
        bad.append(f"{clip.id}: {error.reason}")
    else:
        yield answer


def _write(answers: Iterator[Prediction], model: Model, form: str, times: bool, out: TextIO) -> None:
    if form == "table":
        _table(answers, times, out)
        return
    extra = (["set"] if model.calibration else []) + (["unknown"] if model.novelty else [])
    columns = ["path", *(["start", "end"] if times else []), "label", "score", *extra, *map(column_of, model.classes)]
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
            own["set"] = joined(a.set)
            values = [own[c] for c in columns[: len(columns) - len(model.classes)]]
            writer.writerow([*values, *(round(a.scores[c], 6) for c in model.classes)])
        else:
            own["set"] = list(a.set)
            line = {c: own[c] for c in columns[: len(columns) - len(model.classes)]}
            line |= {"reason": a.reason} if a.reason else {}
            out.write(
                json.dumps({**line, "scores": {c: round(v, 6) for c, v in a.scores.items()}}, ensure_ascii=False) + "\n"
            )


def _table(answers: Iterator[Prediction], times: bool, out: TextIO) -> None:
    from rich.text import Text

    table = terminal.table()
    for column in ["path", *(["start", "end"] if times else []), "label", "score", "also possible", ""]:
        table.add_column(column, justify="right" if column in ("start", "end", "score") else "left", overflow="fold")
    for a in answers:
        when = ["" if at is None else f"{at:.2f}" for at in (a.start, a.end)] if times else []
        also = ", ".join(s for s in a.set if s != a.label)
        table.add_row(
            a.path,
            *when,
            a.label,
            "" if a.reason else f"{a.score:.2f}",
            also,
            a.reason or (Text("unknown: unlike the training sounds", "yellow") if a.unknown else ""),
        )
    terminal.console(out).print(table)
