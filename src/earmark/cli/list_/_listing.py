"""What there is, as a list: a name, and paragraphs indented beneath it. Reads well at any width, unlike columns."""

from __future__ import annotations

from collections.abc import Iterable

from ...core import terminal


def show(entries: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Print each name with its paragraphs; empty ones are excluded."""
    from rich.padding import Padding
    from rich.text import Text

    console = terminal.console()
    for name, paragraphs in entries:
        console.print(Text(name, style="bold"))
        for paragraph in paragraphs:
            if paragraph:
                console.print(Padding(Text(paragraph), (0, 0, 0, 4)))
