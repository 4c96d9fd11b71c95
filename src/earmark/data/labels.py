"""Names that people write for one thing in several ways: blanks and Unicode forms are made alike, the rest is told."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable


def tidy(text: str | None) -> str:
    """A name without blanks around it, with single ones inside, composed (NFC); "" where there is none.

    >>> tidy("  Möwe \\u00a0 rufend "), tidy(None)
    ('Möwe rufend', '')
    """
    return unicodedata.normalize("NFC", " ".join((text or "").split()))


def look_alikes(names: Iterable[str | None], what: str) -> tuple[str, ...]:
    """A note if some of ``names`` (``what``: "labels", "groups") differ in nothing but case, blanks or forms of letters."""
    count = Counter(name for name in names if name)
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(count):
        alike[_key(name)].append(name)
    found = [same for same in alike.values() if len(same) > 1]
    if not found:
        return ()
    shown = "; ".join(" and ".join(f"{name!r} ({count[name]})" for name in same) for same in found[:5])
    return (
        f"Some {what} differ in case, blanks or forms of letters alone and count as different: {shown}"
        f"{' …' if len(found) > 5 else ''} (clips in brackets). If they are one, write them alike.",
    )


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if c not in "-_" and not c.isspace() and unicodedata.category(c) != "Cf") or name
