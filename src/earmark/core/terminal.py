"""The terminal: words of users are shown as they are.

A label called ``[/noise]`` or ``:bell:`` is no markup and no picture; what is to be bold is said by ``Text`` alone. A
test holds that nothing else makes a ``Console``.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console(file: IO[str] | None = None, *, stderr: bool = False, forced: bool = False) -> Console:
    """A console that takes no text for markup; plain text keeps its colour. ``forced``: a terminal, whatever it seems."""
    from rich.console import Console

    return Console(
        file=file,
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True if forced else None,
        force_jupyter=False if forced else None,
    )


def table(padding: tuple[int, int, int, int] = (0, 1, 0, 1)) -> Table:
    """A table without lines; ``padding``: of its cells, as in CSS."""
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold", padding=padding)
