"""What the checks share: how a promise that is not kept is told, and a made-up sound."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import plugins


def wanted(holds: object, what: str) -> None:
    """Raise AssertionError that says ``what`` was wanted, if it does not hold. (``python -O`` leaves asserts out.)"""
    if not holds:
        raise AssertionError(f"wanted: {what}")


@contextmanager
def refused(error: type[Exception], what: str, says: str = "") -> Iterator[None]:
    """Raise AssertionError unless the block raises ``error``, with ``says`` in its message."""
    try:
        yield
    except error as raised:
        wanted(says in str(raised), f"{what} is refused with {says!r} in the message; found {str(raised)!r}")
    else:
        raise AssertionError(f"wanted: {what} is refused ({error.__name__})")


def same(found: Any, expected: Any, what: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Raise AssertionError unless two arrays are equal, or close where a tolerance is given."""
    if rtol or atol:
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def part_of(kind: str, part: str | ModuleType) -> ModuleType:
    """The module of a part: of its name, or itself."""
    return plugins.module(kind, part) if isinstance(part, str) else part


def parameters(build: Callable[..., Any]) -> dict[str, Any]:
    """Parameters of a ``build``, with their defaults (``inspect.Parameter.empty`` where there is none)."""
    return {p.name: p.default for p in inspect.signature(build).parameters.values()}


def sweep(samples: int, sample_rate: int, seed: int = 0) -> NDArray[np.float32]:
    """A made-up sound (samples,): two sine sweeps, a pulse train of tones and seeded noise, at most 1."""
    seconds = samples / sample_rate
    t = np.arange(samples) / sample_rate
    up = np.sin(2 * np.pi * (60 * t + 0.5 * 900 * t**2 / seconds * 4))
    down = np.sin(2 * np.pi * (5000 * t - 0.5 * 4000 * t**2 / seconds))
    beat = np.sin(2 * np.pi * 440 * t) * np.exp(-8 * (t * 2 % 1))
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(samples) * (t * 3 % 1)
    mixed = 0.3 * up + 0.2 * down + 0.3 * beat + 0.05 * noise
    return np.asarray(mixed / np.abs(mixed).max(), np.float32)
