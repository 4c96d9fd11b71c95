"""A group of commands that are found as files: one command is one file (or folder) of its name with a ``command`` in it.

``PLACE = ("learn", 2)`` in a file says in which block of `earmark --help` its command stands, and where in it; in a group
without blocks only the number counts. A command without a place stands at the end. Files whose names begin with an underscore are shared code; ``list_`` is the
command ``list``: a module of that name would hide Python's own in the package around it.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

import click

BLOCKS = ("begin", "learn", "use", "corpora", "shelf")
MORE = "more"  # the block of commands that name none
_LAST = 1000


class Commands(click.Group):
    """The commands of a package. ``package``: its name, ``paths``: where its files lie (its ``__path__``)."""

    def __init__(self, *args: object, package: str, paths: Sequence[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.package, self.paths = package, list(paths)

    def names(self) -> list[str]:
        """Names of all commands, by the alphabet; nothing is imported."""
        return sorted(m.name.rstrip("_") for m in pkgutil.iter_modules(self.paths) if not m.name.startswith("_"))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands in the order of the help."""
        return [name for _, names in self.blocks() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.names():
            return None
        command: click.Command = self._module(cmd_name).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.names():
            near = difflib.get_close_matches(args[0], self.names(), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"no command is called '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The blocks, each with its name; a group whose commands name none has one."""
        names = self.names()
        widest = max(map(len, names), default=0)
        for block, members in self.blocks():
            lines = []
            for name in members:
                command = self.get_command(ctx, name)
                if command is not None and not command.hidden:
                    lines.append((name.ljust(widest), command.get_short_help_str(formatter.width - 6 - widest)))
            with formatter.section(block if block != MORE or len(members) < len(names) else "Commands"):
                formatter.write_dl(lines)

    def blocks(self) -> list[tuple[str, list[str]]]:
        """Each block that has commands, with their names, in order."""
        found: dict[str, list[tuple[int, str]]] = {block: [] for block in (*BLOCKS, MORE)}
        for name in self.names():
            block, at = getattr(self._module(name), "PLACE", (MORE, _LAST))
            found.get(block, found[MORE]).append((at, name))
        return [(block, [name for _, name in sorted(members)]) for block, members in found.items() if members]

    def _module(self, name: str) -> ModuleType:
        called = name if any(m.name == name for m in pkgutil.iter_modules(self.paths)) else f"{name}_"
        return importlib.import_module(f"{self.package}.{called}")
