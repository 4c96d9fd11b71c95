"""earmark serve"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _options as opt

if TYPE_CHECKING:
    from ..models.model import Model

PLACE = ("use", 2)


@click.command(short_help="Trained models as a web page and an API.")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one.")
@click.option("--workers", type=click.IntRange(1), help="Sounds worked on at once. Default: one per processor.")
@click.option("--queue", type=click.IntRange(0), default=64, show_default=True, help="Requests that may wait.")
@click.option("--max-mb", type=click.FloatRange(0.001), default=256, show_default=True, help="MiB of one upload.")
@click.option("--max-seconds", type=click.FloatRange(1), default=3600, show_default=True, help="Seconds of one sound.")
@click.option("--timeout", type=click.FloatRange(1), default=120, show_default=True, help="Seconds to an answer.")
@click.option("--grace", type=click.FloatRange(0), default=30, show_default=True, help="Seconds to end at a stop.")
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the API key that clients must send; or set EARMARK_API_KEY.",
)
@opt.no_fetch_option
def command(
    models: tuple[Path, ...],
    host: str,
    port: int,
    workers: int | None,
    queue: int,
    max_mb: float,
    max_seconds: float,
    timeout: float,
    grace: float,
    key_file: Path | None,
) -> None:
    """Serve trained models: a page at /, an API at /api/predict, counts at /metrics.

    A MODEL is a folder that `earmark train` wrote; its name is the folder's, or NAME=FOLDER. Logs are JSON lines on stderr.

    \b
    Examples:
      earmark serve my-model
      earmark serve birds=models/a frogs=models/b --port 8080
      curl -F file=@clip.wav http://127.0.0.1:8000/api/predict
    """
    try:
        from ..serve import logs
        from ..serve.app import create_app
        from ..web.server import listening, server
    except ModuleNotFoundError as error:
        from ..core.errors import MissingExtraError

        if (error.name or "").split(".")[0] == "earmark":
            raise
        raise MissingExtraError("earmark serve", "serve") from error
    from ..core import interrupts
    from ..serve.limits import Limits

    limits = Limits(
        bytes=int(max_mb * 2**20),
        seconds=max_seconds,
        timeout=timeout,
        waiting=queue,
        workers=workers or os.cpu_count() or 1,
    )
    key = _key(key_file)
    app = create_app(_loaded(models), limits=limits, key=key)
    bound = listening(host, port)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    click.echo(f"Listening on http://{shown}:{bound.getsockname()[1]}/ (stop: Ctrl-C)", err=True)
    if key is None and host not in ("127.0.0.1", "::1", "localhost"):
        click.echo(
            "Whoever reaches this address can use it: no key is set (--key-file), and HTTP is not encrypted.", err=True
        )
    logs.set_up()
    interrupts.keeps("the server has ended", serving=True)
    with bound:
        server(app, grace=grace).run([bound])


def _loaded(folders: tuple[Path, ...]) -> dict[str, Model]:
    from ..core.errors import BundleError
    from ..models.load import load_model

    found: dict[str, Model] = {}
    for given in folders:
        name, equals, folder = str(given).partition("=")
        path = given if not equals or given.exists() else Path(folder)
        name = name if equals and path != given else given.resolve().name
        if name in found:
            raise BundleError(f"two models are called {name!r}; name them: earmark serve one=FOLDER two=FOLDER")
        found[name] = load_model(path)
    return found


def _key(file: Path | None) -> str | None:
    from ..core.errors import EarmarkError

    if file is None:
        return os.environ.get("EARMARK_API_KEY") or None
    try:
        key = file.read_text("utf-8").strip()
    except OSError as error:
        raise EarmarkError(f"cannot read the key file {file}: {error.strerror or error}") from error
    if not key:
        raise EarmarkError(f"the key file {file} is empty; wanted one line with the key")
    return key
