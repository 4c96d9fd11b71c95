"""Checks for authors of parts: whatever Earmark's own parts keep, as functions that raise AssertionError in one line.

>>> from earmark.testing import check_backbone
>>> check_backbone("mfcc")

A part is named by its name (installed, or Earmark's own), or given as its module; heads may be given as their
``build``. Nothing here needs pytest: a test of your package is one call.
"""

from __future__ import annotations

from ._backbones import check_backbone
from ._datasets import check_dataset
from ._heads import check_head
from ._metrics import check_metric

__all__ = ["check_backbone", "check_dataset", "check_head", "check_metric"]
