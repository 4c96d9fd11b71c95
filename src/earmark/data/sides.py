"""The sides of a published split, by the names that data sets have for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

SIDES = ("train", "valid", "test")
_NAMES = {
    "train": ("train", "training", "tr", "trn"),
    "valid": ("valid", "val", "validation", "validate", "dev", "devel", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "heldout", "holdout"),
}
_SIDE = {name: side for side, names in _NAMES.items() for name in names}
_NUMBERED = re.compile(r"(?:fold|split)[ _-]*0*(\d+)", re.IGNORECASE)
_LAST = re.compile(r"(?<=.)(?:set|split|data|partition)$")
REMOVED = "removed"  # neither learnt nor evaluated


def side(name: str) -> str | None:
    """ "train", "valid" or "test" for a name of that side of a split; None for others.

    >>> side("Training"), side("test_set"), side("dev"), side("3")
    ('train', 'test', 'valid', None)
    """
    plain = re.sub(r"[\W_]+", "", name).casefold()
    return _SIDE.get(plain) or _SIDE.get(_LAST.sub("", plain))


def fold_of_folder(name: str) -> str | None:
    """The fold that the name of a folder says: a side as it is written there, or the number of ``fold3``; None for others."""
    if side(name):
        return name
    numbered = _NUMBERED.fullmatch(name.strip())
    return numbered[1] if numbered else None


def pair(folds: Iterable[str]) -> tuple[str, str] | None:
    """The side that is learnt from and the one that is evaluated; None where folds are no split.

    Without a test side the validation side is evaluated; without a training side (development, evaluation) it is learnt.
    """
    found = set(folds)
    pairs = (("train", "test"), ("train", "valid"), ("valid", "test"))
    return next(((a, b) for a, b in pairs if {a, b} <= found), None)
