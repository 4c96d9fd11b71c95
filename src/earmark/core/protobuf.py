"""Protobuf messages as their fields, without a schema and without the library (protobuf.dev/programming-guides/encoding).

What is read may come from anybody: nothing here asks for more memory than the message has, and none can run for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FIXED = {1: 8, 5: 4}  # kind -> bytes
_LONGEST = 10  # bytes of a number of 64 bits


def fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Fields of a message as (number, an int or the bytes as they lie there). Raises ValueError, IndexError.

    ``message``: bytes or a memoryview; anything else is a number where a message was wanted.
    """
    if not isinstance(message, (bytes, memoryview)):
        raise ValueError("a number where a message was wanted")
    message = memoryview(message)
    at, end = 0, len(message)
    while at < end:
        tag, at = varint(message, at)
        number, kind = tag >> 3, tag & 7
        if tag >= 1 << 32 or not number:
            raise ValueError("a field without a number")
        if kind == 0:
            value, at = varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = varint(message, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f"a field of the kind {kind}")
        if size > end - at:
            raise ValueError("it is cut off")
        yield number, message[at : at + size]
        at += size


def varint(message: bytes | memoryview, at: int) -> tuple[int, int]:
    """The base-128 number at ``at``, and where it ends. Raises ValueError, IndexError."""
    value = 0
    for i in range(_LONGEST):
        byte = message[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, at + i + 1
    raise ValueError("a number without end")
