"""Memory that a training loop gives back and asks for again at every step."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_USUAL_TRIM, _USUAL_MMAP = 64 << 20, 32 << 20  # where glibc ends up by itself once big blocks were freed
_KEPT = 2**31 - 1  # bytes


@contextmanager
def kept() -> Iterator[None]:
    """Inside, freed blocks stay with the process; at the end they go back to the system.

    glibc maps blocks of over 32 MiB anew each time, and the system clears every page of them: with activations of some
    hundred MiB a step that is a seventh of the time (docs/log.md). Elsewhere than on glibc nothing happens.
    """
    heap = ctypes.CDLL(None) if sys.platform == "linux" else None
    if heap is None or not hasattr(heap, "mallopt") or not hasattr(heap, "malloc_trim"):
        yield
        return
    heap.mallopt(_MMAP_THRESHOLD, 1 << 30)
    heap.mallopt(_TRIM_THRESHOLD, _KEPT)
    try:
        yield
    finally:
        heap.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
        heap.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
        heap.malloc_trim(0)
