"""A model from its folder."""

from __future__ import annotations

from pathlib import Path

from . import folder as folders
from .model import Model


def load_model(folder: str | Path) -> Model:
    """Load a bundle. Raises BundleError if it is not one, is incomplete, was altered, or is of another version.

    A bundle may come from anybody: see ``check_onnx`` for what is looked at before anything in it is used.
    """
    return Model(**folders.read(folder))
