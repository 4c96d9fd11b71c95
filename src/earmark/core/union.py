"""What hangs together, by links between two of it: union-find."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def united(names: Iterable[K], links: Iterable[tuple[K, K]]) -> dict[K, K]:
    """Each of ``names`` -> the first (in their order) of all it hangs together with.

    >>> united("abcd", [("c", "d"), ("d", "b")])
    {'a': 'a', 'b': 'b', 'c': 'b', 'd': 'b'}

    Raises KeyError for a link of what is no name.
    """
    order = {name: i for i, name in enumerate(names)}
    parent = {name: name for name in order}

    def root(name: K) -> K:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in links:
        a, b = sorted((root(a), root(b)), key=order.__getitem__)
        parent[b] = a
    return {name: root(name) for name in parent}
