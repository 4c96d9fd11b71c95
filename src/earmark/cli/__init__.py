"""The command line: parse, call, print. One command is one file of its name with a click ``command`` in it."""

from __future__ import annotations

import errno
import io
import sys

import click

from ..core import interrupts, room
from ..core.errors import EarmarkError
from ..core.version import __version__
from . import _retired
from ._group import Commands

_ARGS = "earmark.args"  # what was typed, for a better word about it

_ADVICE = {
    errno.ENOSPC: "The disk is full: make room and run the same again; what was finished before is still there",
    errno.EDQUOT: "Your quota is used up: make room and run the same again; what was finished before is still there",
    errno.EFBIG: "The file may not grow that large here (ulimit -f); what was finished before is still there",
    errno.EACCES: "Choose a place that you may write, or change its permissions (EARMARK_HOME: weights, embeddings; "
    "TMPDIR: temporary files)",
    errno.EROFS: "It cannot be written: choose another place (EARMARK_HOME: weights, embeddings; TMPDIR: temporary files)",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n)",
}


class Main(Commands):
    """All commands. Turns Earmark's errors into one clear line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGS] = list(args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.names():
            _retired.verb(args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be what a terminal can show
            sys.stdout.reconfigure(errors="backslashreplace")
        with interrupts.handled():
            try:
                return self._told(ctx)
            except BaseException as error:  # also what a library has made of a KeyboardInterrupt
                if not (interrupts.asked() or isinstance(error, KeyboardInterrupt)):
                    raise
                if line := interrupts.said():
                    click.echo(line, err=True)
                raise SystemExit(interrupts.status()) from None

    def _told(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _retired.words(ctx.meta[_ARGS], error)
            raise
        except EarmarkError as error:
            _retired.words(ctx.meta[_ARGS], error)
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # `earmark predict … | head`: not our fault
            sys.stderr.close()
            raise SystemExit(0) from None
        except OSError as error:  # a full disk, a folder that may not be written: the user's to mend
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(
                f"{where}{error.strerror or error}. {_ADVICE.get(error.errno or 0, '')}{room.advice(error)}"
            ) from error
        except MemoryError as error:
            raise click.ClickException(f"there is not enough memory ({error or 'no more was given'})") from error


@click.command(
    cls=Main,
    package=__name__,
    paths=__path__,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command has --help with examples. Start with: earmark demo",
)
@click.version_option(__version__, prog_name="earmark")
def main() -> None:
    """Classify sounds from little labelled data, and know how far the numbers can be trusted."""
