"""What there is, as a list: a name, and paragraphs indented beneath it. Reads well at any width, unlike columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core import terminal
from ...core.outside import Broken


def by(package: str | None) -> str:
    """Who brings a part, in words; nothing for Earmark's own."""
    return f"of the package {package}" if package else ""


def facts(broken: Iterable[Broken]) -> list[dict[str, Any]]:
    """Parts of other packages that cannot be used, as plain values for JSON."""
    return [{one.kind[:-1]: one.name, "package": one.package, "broken": one.reason} for one in broken]


def show(entries: Iterable[tuple[str, tuple[str, ...]]], broken: Iterable[Broken] = ()) -> None:
    """Print each name with its paragraphs (empty ones are excluded), then what cannot be used and why."""
    from rich.padding import Padding
    from rich.text import Text

    console = terminal.console()
    for name, paragraphs in entries:
        console.print(Text(name, style="bold"))
        for paragraph in paragraphs:
            if paragraph:
                console.print(Padding(Text(paragraph), (0, 0, 0, 4)))
    unusable(broken)


def unusable(broken: Iterable[Broken]) -> None:
    """Print parts of other packages that cannot be used, each with the reason."""
    from rich.text import Text

    lines = [str(one) for one in broken]
    if lines:
        console = terminal.console()
        console.print("\nCannot be used:", style="yellow")
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
