"""Options that several commands share, and how they are said back in reports."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from ..core import interrupts
from ..core.paths import is_remote

if TYPE_CHECKING:
    from rich.console import Console

    from ..core.outputs import Kind
    from ..data.cache import Cache
    from ..data.clips import Dataset
    from ..embeddings.embedded import Embedded
    from ..models.results import Comparison

F = TypeVar("F", bound=Callable[..., Any])
PROTOCOLS = ("windows", "clips", "groups", "published")

data_argument = click.argument("data", metavar="DATA")
data_or_embeddings = click.argument("data", metavar="[DATA]", required=False)
recipe_option = click.option(
    "-r", "--recipe", "recipe", required=True, help="A recipe: yamnet/logreg, a shipped name, or a .toml file."
)
protocol_option = click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="What a split may not cut: windows (nothing), clips, groups, published folds. "
    "Default: numbered published folds if the data have them and they cut no group, else groups if known, else clips.",
)
folds_option = click.option(
    "--folds",
    type=click.IntRange(2),
    default=5,
    show_default=True,
    help="Number of folds; fewer where the data allow no more, which is told.",
)
seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same numbers.")
audit_option = click.option(
    "--audit",
    "audit_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that `earmark audit` wrote of these data: between what the accuracy lies if labels that it doubts are wrong.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a machine to read.")
cache_option = click.option(
    "--cache",
    "cache_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where embeddings are kept. Default: under EARMARK_HOME.",
)
no_cache_option = click.option("--no-cache", is_flag=True, help="Neither read nor keep embeddings.")


def _no_fetch(context: click.Context, _: click.Parameter, chosen: bool) -> None:
    """As EARMARK_OFFLINE=1 does: for this command and the processes that it starts."""
    if chosen:
        from ..backbones.weights.store import VARIABLE

        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = "1"
        context.call_on_close(partial(_restored, VARIABLE, before))


def _restored(variable: str, before: str | None) -> None:
    """Put an environment variable back to what it was."""
    os.environ.pop(variable, None)
    os.environ.update({} if before is None else {variable: before})


no_fetch_option = click.option(
    "--no-fetch",
    is_flag=True,
    expose_value=False,
    callback=_no_fetch,
    help="Do not fetch missing weights; EARMARK_OFFLINE=1 says so to every command.",
)


def _while(holds: Callable[[Any], AbstractContextManager[None]]) -> Callable[..., Any]:
    """A callback of an option: what it chooses holds as long as the command runs."""

    def callback(context: click.Context, _: click.Parameter, chosen: Any) -> Any:
        if chosen:
            context.with_resource(holds(chosen))
        return chosen

    return callback


def _pseudo_labels(_: bool) -> AbstractContextManager[None]:
    from ..data.layouts.table import labels_are

    return labels_are("predicted")


pseudo_labels_option = click.option(
    "--pseudo-labels",
    is_flag=True,
    expose_value=False,
    callback=_while(_pseudo_labels),
    help="Take labels that are a model's predictions, too: tables with a column score or confidence are refused without.",
)


def annotations_given(function: F) -> F:
    """The options about annotations of recordings; what is opened meanwhile has them."""

    @wraps(function)
    def told(
        *args: Any,
        annotations: str | None,
        annotated: str | None,
        label_column: str | None,
        label_map: Path | None,
        **kwargs: Any,
    ) -> Any:
        if annotations is None and annotated is None:
            if label_column or label_map:
                raise click.UsageError(
                    "--label-column and --label-map say how to read --annotations, which is not given"
                )
            return function(*args, **kwargs)
        from ..data.recordings import Given, annotations_are

        with annotations_are(Given(annotations, annotated, label_map, label_column)):
            return function(*args, **kwargs)

    options = (
        click.option(
            "--annotations",
            metavar="PATH",
            help="Annotations of the recordings in DATA: a file for all of them, or a folder of files: Raven, Audacity, RTTM, AOEF, JAMS, TextGrid, tables.",
        ),
        click.option(
            "--annotated",
            metavar="all|TABLE",
            help="Where somebody looked: all of the time, or spans (path,start,end[,label]). Only there, no annotation means no.",
        ),
        click.option(
            "--label-column",
            help="Column (tier, key, namespace) of annotations that holds the label, where several could.",
        ),
        click.option(
            "--label-map",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Table that gives labels of annotations other names: old in its first column, new in its second.",
        ),
    )
    for option in reversed(options):
        told = option(told)
    return cast("F", told)


def _copies(chosen: str) -> AbstractContextManager[None]:
    from ..data.copies import copies_by

    return copies_by(chosen)


copies_option = click.option(
    "--copies",
    type=click.Choice(("sound", "table")),
    default="sound",
    show_default=True,
    expose_value=False,
    callback=_while(_copies),
    help="What is kept together as copies of one recording: what sounds so, or only the very same samples, and what else "
    "belongs together is said by the groups of the table.",
)


def data_read(function: F) -> F:
    """The options about how DATA of what learns are read: whose copies, whose labels, whose annotations."""
    return copies_option(pseudo_labels_option(annotations_given(function)))


def _bom(_: bool) -> AbstractContextManager[None]:
    from ..core.excel import marked

    return marked()


bom_option = click.option(
    "--bom",
    is_flag=True,
    callback=_while(_bom),
    help="CSV for Excel: begin it with a byte order mark, so that é stays é.",
)
csv_bom_option = click.option(
    "--bom",
    is_flag=True,
    expose_value=False,
    callback=_while(_bom),
    help="Tables for Excel: CSVs begin with a byte order mark.",
)


def cached(function: F) -> F:
    """The options about the cache, and --no-fetch: what keeps embeddings makes them."""
    return cache_option(no_cache_option(no_fetch_option(function)))


def embeddings_given(function: F) -> F:
    """Options about embeddings that are there already."""
    embeddings = click.option(
        "--embeddings",
        help="Store or file of embeddings that embed wrote: learn from those. Recipes are embeddings/HEAD; DATA may be a table with other labels.",
    )
    memory = click.option(
        "--memory",
        type=click.FloatRange(0, min_open=True),
        default=4.0,
        show_default=True,
        help="GiB of embeddings to hold at most: of a larger folder, clips are drawn (with --seed) and that is said.",
    )
    return embeddings(memory(function))


def spread(function: F) -> F:
    """Options about where the work is done, for results in shards."""
    engine = click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="This machine, or a Ray cluster (extra 'ray'); ray needs a folder or URI to write to.",
    )
    address = click.option(
        "--address", help="Ray cluster: auto, HOST:6379 or ray://HOST:10001. Default: one is started on this machine."
    )
    clips = click.option(
        "--shard-clips", type=click.IntRange(1), default=256, show_default=True, help="Clips of one shard at most."
    )
    return engine(address(clips(function)))


def _given(*names: str) -> list[str]:
    """Those of this command's parameters that were given."""
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    return [n for n in names if n in context.params and context.get_parameter_source(n) is not default]


def for_a_file() -> None:
    """Raise UsageError for options that only a store has: nothing that is said is passed over."""
    for name in _given("address", "shard_clips"):
        belongs = "--engine ray" if name == "address" else "a store: --out FOLDER/"
        raise click.UsageError(f"--{name.replace('_', '-')} belongs to {belongs}")


def for_a_store() -> None:
    """Raise UsageError for options that a store has no use for."""
    context = click.get_current_context()
    if context.params.get("force"):
        raise click.UsageError("a store is only added to: --force is for files")
    if context.params.get("address") and context.params.get("engine") != "ray":
        raise click.UsageError("--address belongs to --engine ray")
    if _given("cache_folder"):
        raise click.UsageError("a store keeps its embeddings itself: --cache is for files")


def is_folder(out: str) -> bool:
    """True if an --out asks for a store: a URI, a name that ends with a slash or has no ending, a folder."""
    return is_remote(out) or out.endswith(("/", "\\")) or not Path(out).suffix or Path(out).is_dir()


def open_sounds(data: tuple[str, ...]) -> Dataset:
    """What the arguments DATA… name: one folder, table, known data set or URI, or sound files and folders of them."""
    from ..core.paths import named
    from ..data.layouts.table import SUFFIXES
    from ..data.load import load_dataset
    from ..data.sources import is_store

    one = data[0]
    # gtzan:/data is a known data set, but C:/a.wav is a sound.
    known = is_remote(one) or named(one)[0] is not None or (":" in one and not Path(one).is_file())
    single = len(data) == 1 and (Path(one).is_dir() or Path(one).suffix.lower() in SUFFIXES or known or is_store(one))
    return load_dataset(one if single else list(data))


def account(dataset: Dataset) -> None:
    """Say on stderr what was found and is not used, and what the notes say."""
    for gone in dataset.excluded[:20]:
        click.echo(f"excluded: {gone.path}: {gone.reason}", err=True)
    if len(dataset.excluded) > 20:
        click.echo(f"… and {len(dataset.excluded) - 20} more", err=True)
    for note in dataset.notes:
        click.echo(f"Note: {note}", err=True)


def source(data: str | None, embeddings: str | None, memory: float, seed: int) -> str | Embedded:
    """What DATA and --embeddings name together: with both, DATA is a table that says more of the embeddings."""
    if embeddings is not None and data is not None:
        from ..embeddings.load import load_embeddings

        return load_embeddings(embeddings, data, memory=int(memory * 2**30), seed=seed)
    if (named := embeddings or data) is None:
        raise click.UsageError("found neither DATA nor --embeddings; give sounds, or embeddings that were made of them")
    return named


def open_cache(folder: Path | None, no_cache: bool) -> Cache | None:
    """The cache that the options ask for."""
    from ..data.cache import Cache

    if no_cache:
        return None
    interrupts.keeps(
        "embeddings made so far are kept in the cache, nothing half-written is left. The same command resumes"
    )
    return Cache(folder)


def out_option(what: str, *, required: bool = True, file: bool = False) -> Callable[[F], F]:
    """``--out`` for a folder or a file."""
    return click.option(
        "-o", "--out", type=click.Path(path_type=Path, file_okay=file, dir_okay=not file), required=required, help=what
    )


force_option = click.option(
    "--force",
    is_flag=True,
    help="Also write where something lies that Earmark did not write; what is replaced is told.",
)


def may_write(
    out: str | Path | None,
    kind: Kind,
    *inputs: object,
    data: object = None,
    force: bool = False,
    sounds: Callable[[], Iterable[Path]] | None = None,
) -> None:
    """Raise, before the work, if a command may not write ``kind`` to ``out``; say what ``force`` replaces.

    ``data`` is an input whose ``sounds`` are not written either; where they are not given, it is opened for them.
    """
    from ..core.outputs import check
    from ..embeddings.load import sounds_of

    if out is None:
        return
    if told := check(out, kind, inputs=[data, *inputs], sounds=sounds or partial(sounds_of, data), force=force):
        click.echo(f"To be replaced, as --force says: {told}", err=True)


def files_of(recipes: Iterable[str]) -> list[str]:
    """Recipes that are files of the user's."""
    return [r for r in recipes if r.endswith(".toml")]


def said() -> str:
    """The command as it was typed, to be run again."""
    return shlex.join(["earmark", *sys.argv[1:]])


def tell(console: Console, notes: Iterable[str]) -> None:
    """Print notes."""
    from rich.text import Text

    for note in notes:
        console.print(Text("Note:", "yellow"), note)


def points(value: float) -> str:
    """A share as a percentage with one digit."""
    return f"{100 * value:.1f}"


def doubted(found: Comparison, audit: Path | None) -> Comparison:
    """The comparison with the bounds that an audit's doubts leave, where one is given."""
    if audit is None:
        return found
    from ..studies.doubts import doubted as bounded

    return bounded(found, audit)
