"""Clips that reach past the end of their sound."""

from __future__ import annotations

from collections.abc import Iterable

from ..audio import probe
from ..core.errors import AudioError
from ..core.paths import is_remote
from .clips import Clip

_ROUNDED = 0.05  # seconds: times are written with few digits


def past_the_end(clips: Iterable[Clip]) -> tuple[str, ...]:
    """A note if parts of sounds end after what the sounds' headers promise. What cannot be read is told elsewhere."""
    parts = [c for c in clips if c.duration is not None and not is_remote(c.path)]
    seconds = {path: _seconds(path) for path in dict.fromkeys(c.path for c in parts)}
    found = []
    for clip in parts:
        last = seconds[clip.path]
        if last is not None and clip.start < last < clip.start + (clip.duration or 0.0) - _ROUNDED:
            found.append((clip.id, last))
    if not found:
        return ()
    name, last = found[0]
    return (
        f"{len(found)} of {len(parts)} clips with an end reach past the end of their sound, e.g. {name!r}: it ends at "
        f"{last:.2f} s. What is there was used.",
    )


def _seconds(path: object) -> float | None:
    try:
        return probe(str(path)).seconds
    except AudioError:
        return None
