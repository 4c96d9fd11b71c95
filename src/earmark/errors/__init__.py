"""What Earmark raises, under the name that programs use: ``from earmark.errors import EarmarkError``."""

from __future__ import annotations

from ..core.errors import (
    AudioError,
    BundleError,
    DataError,
    EarmarkError,
    LeakError,
    MissingExtraError,
    RecipeError,
    WeightsError,
)

__all__ = [
    "AudioError",
    "BundleError",
    "DataError",
    "EarmarkError",
    "LeakError",
    "MissingExtraError",
    "RecipeError",
    "WeightsError",
]
