"""What of a report must be the same when it is made again."""

from __future__ import annotations

from typing import Any


def without_times(value: Any) -> Any:
    """metrics.json less the times, and the command that may be spelled otherwise."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in ("seconds", "command")}
    return [without_times(v) for v in value] if isinstance(value, list) else value
