"""A checksum inside a JSON object, over all that it says; how it is laid out does not matter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "sha256"


def sealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its checksum, as the last key."""
    plain = {key: value for key, value in found.items() if key != KEY}
    return {**plain, KEY: _sum(plain)}


def broken(found: Mapping[str, Any]) -> bool:
    """True if an object's checksum is not that of what it says; one without (Earmark 0.1 wrote none) is taken as it is."""
    return KEY in found and found[KEY] != _sum({key: value for key, value in found.items() if key != KEY})


def _sum(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
