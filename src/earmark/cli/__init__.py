"""The command line: parse, call, print. One command is one file of its name with a click ``command`` in it."""

from __future__ import annotations

import errno
import importlib
import io
import pkgutil
import sys

import click

from ..core.errors import EarmarkError
from ..core.version import __version__

_ADVICE = {
    errno.ENOSPC: "The disk is full: make room and run the same again; what was finished before is still there",
    errno.EDQUOT: "Your quota is used up: make room and run the same again; what was finished before is still there",
    errno.EFBIG: "The file may not grow that large here (ulimit -f); what was finished before is still there",
    errno.EACCES: "Choose a place that you may write, or change its permissions",
    errno.EROFS: "It cannot be written: choose another place",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n)",
}


class Commands(click.Group):
    """Finds commands among the files beside this one, and turns Earmark's errors into one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"no command is called '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be what a terminal can show
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except EarmarkError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # `earmark predict … | head`: not our fault
            sys.stderr.close()
            raise SystemExit(0) from None
        except OSError as error:  # a full disk, a folder that may not be written: the user's to mend
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(
                f"{where}{error.strerror or error}. {_ADVICE.get(error.errno or 0, '')}"
            ) from error
        except MemoryError as error:
            raise click.ClickException(f"there is not enough memory ({error or 'no more was given'})") from error


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command has --help with examples. Start with: earmark demo",
)
@click.version_option(__version__, prog_name="earmark")
def main() -> None:
    """Classify sounds from little labelled data, and know how far the numbers can be trusted."""
