"""The card of a model: everything that its ``earmark.json`` says, as a typed record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..core import legacy, records
from ..core.errors import BundleError
from ..core.jsonable import plain
from ..core.renderers import Shown
from ..data.clips import Excluded
from ..data.targets import Task
from ..metrics.calibration import Calibration

FORMAT = 2
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Range:
    """A measured score with its 95 % interval; NaN where nothing can be said."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """How good the model was on sounds that it had not learnt from. ``majority``: always saying the commonest class."""

    protocol: str
    out_of_fold: bool
    clips: int
    groups: int
    majority: Mapping[str, float]
    scores: Mapping[str, Range]
    new_groups: bool | None = None  # whether no clip was evaluated by what learnt from its group; None: not told


@dataclass(frozen=True)
class BackboneFacts:
    """A backbone, what rebuilds it, and where it comes from. ``window``, ``hop``: seconds."""

    name: str
    params: Mapping[str, Any]
    fingerprint: str
    shape: tuple[int, ...]
    sample_rate: int
    window: float
    hop: float
    licence: str
    trained_on: str
    citation: str
    weights: str | None = None


@dataclass(frozen=True)
class BranchFacts:
    """Backbones, how their embeddings are pooled, and the head in words."""

    pool: str
    head: str
    backbones: tuple[BackboneFacts, ...]


@dataclass(frozen=True)
class DataFacts:
    """The sounds that the model was made from."""

    name: str
    clips: int
    licence: str
    citation: str
    fingerprint: str
    excluded: tuple[Excluded, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class ModelCard(Shown):
    """All facts about a model. ``thresholds`` (a class each) are those of a multi-label model; None: the best class is
    the answer. ``files``: sha256 of the bundle's files by name, known once it is saved.
    """

    recipe: str
    branches: tuple[BranchFacts, ...]
    combine: str
    measured: Measured
    data: DataFacts
    seed: int
    command: str
    versions: Mapping[str, str]
    created: str
    title: str = ""
    calibration: Calibration | None = None
    thresholds: Mapping[str, float] | None = None
    task: Task = Task.SINGLE
    format: int = FORMAT
    classes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ModelCard:
        """The card of a saved model, also of one that Earmark 0.1 wrote. Raises BundleError that names what is wrong."""
        found = legacy.card(found) if format_of(found) == 1 else found
        classes = found.get("classes")
        if not (isinstance(classes, list) and classes and all(isinstance(c, str) and c for c in classes)):
            raise BundleError("found no list of classes in earmark.json; get a fresh copy")
        if len(set(classes)) < len(classes):
            raise BundleError("a class is listed twice in earmark.json; get a fresh copy")
        try:
            return records.from_json(cls, found)._checked()
        except (ValueError, OverflowError, RecursionError) as error:
            raise BundleError(
                f"earmark.json is damaged ({error}). Train the model again or get a fresh copy"
            ) from error

    def _checked(self) -> ModelCard:
        """What types alone do not say. Raises ValueError."""
        if self.thresholds is not None and set(self.thresholds) != set(self.classes):
            raise ValueError("thresholds are not one for each class")
        if self.thresholds is not None and not all(0 <= t <= 1 for t in self.thresholds.values()):
            raise ValueError("a threshold is not from 0 to 1")
        if not self.branches or not all(b.backbones for b in self.branches):
            raise ValueError("found no branch, or one with no backbone")
        wrong = next((n for n, s in self.files.items() if not _HASH.fullmatch(s)), None)
        if wrong is not None:
            raise ValueError(f"files.{wrong[:80]} is no sha256")
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain values, in the order that a reader wants; the reverse of ``from_json``."""
        shallow = replace(self, calibration=None)
        found = {**asdict(shallow), "calibration": self.calibration.to_dict() if self.calibration else None}
        first = ("format", "task", "recipe", "title", "classes")
        made: dict[str, Any] = plain({**{name: found[name] for name in first}, **found})
        return made

    @property
    def scope(self) -> str:
        """What the figures do not speak of, in words; "" where groups were kept whole."""
        told = self.measured.new_groups
        if told or (told is None and self.measured.protocol not in ("windows", "clips")):
            return ""
        return (
            "Measured on sounds of the same sessions: groups (artist, session, speaker) were not known or not kept whole. So the "
            "accuracy, scores, sets and 'unknown' hold for sounds of the same sessions; on new ones expect less."
        )

    @property
    def backbones(self) -> tuple[BackboneFacts, ...]:
        """Every backbone, branch by branch."""
        return tuple(b for branch in self.branches for b in branch.backbones)


def format_of(found: Mapping[str, Any]) -> int:
    """The format of a card. Raises BundleError for one that this Earmark does not read."""
    number = found.get("format")
    if type(number) is not int or number not in (1, FORMAT):
        what = "Use a newer Earmark, or train" if type(number) is int and number > FORMAT else "Train"
        raise BundleError(
            f"found bundle format {str(number)[:80]}, this Earmark reads {FORMAT} and 1. {what} the model again"
        )
    return number
