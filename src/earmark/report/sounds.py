"""From a page to the sounds it speaks of: links and players. The sounds stay where they lie."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ..core.paths import located, relative
from ..data.clips import Clip

# What today's browsers play by themselves; other files get a link.
PLAYABLE = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4", ".webm"}


def link(clip: Clip, folder: Path) -> str:
    """Address of the clip's file as seen from a page in ``folder``; a part of a file as a media fragment."""
    if isinstance(place := located(clip.path), str):  # in an object store
        return place
    path = place.resolve()
    shown = relative(path, folder)
    address = path.as_uri() if Path(shown).is_absolute() else quote(os.fsencode(shown))  # whole: on another drive
    if clip.duration is not None:
        return f"{address}#t={clip.start:g},{clip.start + clip.duration:g}"
    return f"{address}#t={clip.start:g}" if clip.start else address


def player(clip: Clip, folder: Path) -> Markup:
    """An ``<audio>`` that loads nothing until it is played, or a link where browsers cannot play the format."""
    address = link(clip, folder)
    if clip.path.suffix.lower() in PLAYABLE and not isinstance(located(clip.path), str):
        return Markup('<audio controls preload="none" src="{}" aria-label="{}"></audio>').format(address, clip.id)
    return Markup('<a href="{}">open the sound</a>').format(address)
