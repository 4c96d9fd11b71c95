"""What can go wrong, said so that a user can act on it.

Every message says what was found, what was wanted and what to do.
"""

from __future__ import annotations

from importlib.util import find_spec


class EarmarkError(Exception):
    """Base of all errors Earmark raises on purpose; the command line prints it without a traceback."""


class AudioError(EarmarkError):
    """A sound cannot be used: unreadable, empty, silent or too short.

    ``reason`` is short and stands beside the file's name in reports, e.g. ``"unreadable: not a sound file"``.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class UnreachedError(AudioError):
    """A sound could not be reached now: no permission, a network or store that does not answer. It may be later."""


class DataError(EarmarkError, ValueError):
    """A data set cannot be used as asked: missing columns, one class only, no groups, …

    It is a ValueError, too, which is what scikit-learn and programs around it look for.
    """


class RecipeError(EarmarkError):
    """A recipe names something that does not exist or a parameter that a part does not take."""


class WeightsError(EarmarkError):
    """Pretrained weights are missing, damaged or not the expected ones."""


class LeakError(EarmarkError):
    """A split would put on both sides what the protocol says must stay together."""


class BundleError(EarmarkError):
    """A model folder is incomplete, altered or of another version."""


class MissingExtraError(EarmarkError):
    """A part needs packages of an optional extra that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the '{extra}' extra. Install it with: pip install 'earmark[{extra}]'")


def need_extra(what: str, *packages: str, extra: str = "train") -> None:
    """Raise MissingExtraError if one of ``packages`` is not installed."""
    if any(find_spec(name) is None for name in packages):
        raise MissingExtraError(what, extra)
