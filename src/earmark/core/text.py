"""Numbers and counts as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterable

NBSP = "\u00a0"  # keeps a number and its unit on one line


def percent(share: float, digits: int = 1) -> str:
    """``0.711`` -> ``"71.1 %"``; ``"–"`` for what is not a number."""
    return f"{100 * share:.{digits}f}{NBSP}%" if math.isfinite(share) else "–"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign: ``"+3.2"``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def between(low: float, high: float) -> str:
    """An interval of shares: ``"66.4 – 75.6 %"``."""
    return f"{100 * low:.1f} – {100 * high:.1f}{NBSP}%"


def duration(seconds: float) -> str:
    """``0.4`` -> ``"0.4 s"``, ``75`` -> ``"1 min 15 s"``, ``7300`` -> ``"2 h 2 min"``."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 59.5:
        return f"{seconds:.{2 if seconds < 0.1 else 1 if seconds < 10 else 0}f}{NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NBSP}min {rest}{NBSP}s"
    return f"{minutes // 60}{NBSP}h {minutes % 60}{NBSP}min"


def count(number: int, one: str, many: str | None = None) -> str:
    """``count(2, "clip")`` -> ``"2 clips"``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(items: Iterable[str], *, most: int = 6) -> str:
    """``a``, ``a and b``, ``a, b and c``; long lists end in ``… and 9 more``."""
    items = list(items)
    if len(items) > most:
        return ", ".join(items[: most - 1]) + f" and {len(items) - most + 1} more"
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""


def chance(p: float) -> str:
    """A p value as people write it: ``"0.031"``, ``"< 0.001"``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def first_line(error: BaseException | str, *, most: int = 300) -> str:
    """The first line of what an error says, cut to ``most`` characters; of one that says nothing, its kind."""
    said = str(error).strip().splitlines()
    return (said[0] if said else type(error).__name__ if isinstance(error, BaseException) else "")[:most]
