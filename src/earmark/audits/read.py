"""An audit as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import DataError


def read(folder: Path) -> Mapping[str, Any]:
    """``audit.json`` of a folder. Raises DataError if there is none."""
    path = folder / "audit.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}). Write it with: earmark audit DATA -o {folder}") from error
    if not isinstance(found, dict) or not isinstance(found.get("files"), list):
        raise DataError(f"{path} is no audit. Write it with: earmark audit DATA -o {folder}")
    return found
