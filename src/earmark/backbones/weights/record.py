"""What ``weights.json`` says of installed weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import WeightsError
from ...core.records import from_json

RECORD = "weights.json"


@dataclass(frozen=True)
class Record:
    """Where weights came from, what their net takes and gives, and the sha256 of every file."""

    inputs: tuple[int, ...]
    """Shape of one input of the net."""
    outputs: tuple[str, ...]
    """Blocks whose outputs net.onnx has."""
    shapes: Mapping[str, tuple[int, ...]]
    """Block -> shape of what it gives of one input."""
    sha256: Mapping[str, str]
    """File of the folder -> its hash when it was installed."""
    name: str = ""
    licence: str = ""
    trained_on: str = ""
    homepage: str = ""
    source: str = ""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """Published file -> its sha256."""
    labels: tuple[str, ...] = ()
    """The net's own classes, if it has any."""


def read(folder: Path) -> Record:
    """The record of a folder of weights. Raises WeightsError if it is damaged."""
    file = folder / RECORD
    try:
        return from_json(Record, json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{file}: damaged ({error}). Delete {folder} and install again") from error
