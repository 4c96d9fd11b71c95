"""Where Earmark keeps what it need not fetch or compute twice: weights and rows."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``$EARMARK_HOME``, else ``$XDG_CACHE_HOME/earmark``, else ``~/.cache/earmark``. Not created here."""
    if own := os.environ.get("EARMARK_HOME"):
        return Path(own).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "earmark"
