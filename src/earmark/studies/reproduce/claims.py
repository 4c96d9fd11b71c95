"""What the paper says, sentence by sentence, and whether the numbers here bear it out: holds, does not, cannot be told.

A claim is decided by an interval: it holds where all of the interval says so, does not where all of it says the
contrary, and cannot be told else, nor under ``quick``, whose numbers mean nothing. Durations have no interval here: they
are compared where they are far apart (``FAR`` times).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core import text
from ...metrics.intervals import normal_quantile
from .words import _pair, of

if TYPE_CHECKING:
    from ...models.results import Run
    from . import Reproduction
    from .trials import Trial

HOLDS, DOES_NOT, CANNOT_TELL = "holds", "does not hold", "cannot be told"
FAR = 1.5  # times as long, to be called slower


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, what the numbers say of it, and those numbers."""

    said: str
    verdict: str
    number: str


def claims(found: Reproduction) -> tuple[Claim, ...]:
    """The paper's sentences, each with its verdict."""
    told = (_five_to_ten(found), _better(found), *_mistakes(found), _faster(found), _settings(found))
    return tuple(Claim(c.said, CANNOT_TELL, f"quick: {c.number}") for c in told) if found.quick else told


def verdict(low: float, high: float, *, least: float = 0.0, most: float = float("inf")) -> str:
    """What an interval says of "it lies between ``least`` and ``most``"."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return CANNOT_TELL
    if high < least or low > most:
        return DOES_NOT
    return HOLDS if low >= least and high <= most else CANNOT_TELL


def share(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not total:
        return 0.0, 1.0
    z, p = normal_quantile(0.5 + level / 2), count / total
    middle, wide = p + z * z / (2 * total), z * np.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return float((middle - wide) / (1 + z * z / total)), float((middle + wide) / (1 + z * z / total))


def _better(found: Reproduction) -> Claim:
    said = "The CNN from scratch outperforms the head on frozen embeddings."
    pair = _pair(found)
    if pair is None:
        return Claim(said, CANNOT_TELL, "the two were not compared on the same clips")
    gap = pair[1]
    known = DOES_NOT if gap.high < 0 else HOLDS if gap.low > 0 else CANNOT_TELL
    return Claim(said, known if gap.p_adjusted <= 0.05 else CANNOT_TELL, _points(gap.difference, gap.low, gap.high))


def _five_to_ten(found: Reproduction) -> Claim:
    said = "The CNN is 5 to 10 points more accurate."
    pair = _pair(found)
    if pair is None:
        return Claim(said, CANNOT_TELL, "the two were not compared on the same clips")
    gap = pair[1]
    return Claim(said, verdict(gap.low, gap.high, least=0.05, most=0.1), _points(gap.difference, gap.low, gap.high))


def _points(value: float, low: float, high: float) -> str:
    return f"{text.points(value)} points [{text.points(low)}, {text.points(high)}] on the same clips"


def _mistakes(found: Reproduction) -> tuple[Claim, ...]:
    trials = [
        of(found.cnn, "paper-cnn-as-run", "paper"),
        next((t for t in found.frozen if t.protocol == "paper"), None),
    ]
    asked = (("rock", "metal"), ("pop", "disco"))
    return tuple(_mistake(true, other, trials) for true, other in asked)


def _mistake(true: str, other: str, trials: list[Trial | None]) -> Claim:
    """Whether ``other`` is what ``true`` is taken for most of all: more of its mistakes than an even share."""
    said = f"{true.capitalize()} is confused with {other}."
    counted = [(t, *_wrong(t, true, other)) for t in trials if t is not None and {true, other} <= set(t.run.classes)]
    known = [(t, k, wrong) for t, k, wrong in counted if wrong]
    if not known:
        return Claim(said, CANNOT_TELL, f"no mistakes on {true} to count, or no clips of it")
    trial, count, wrong = known[0]
    low, high = share(count, wrong)
    even = 1 / (len(trial.run.classes) - 1)
    number = (
        f"{count} of {wrong} mistakes on {true} are {other} [{text.percent(low, 0)}, {text.percent(high, 0)}]; an even share "
        f"is {text.percent(even, 0)} ({trial.recipe}, the paper's split)"
    )
    return Claim(said, verdict(low, high, least=even), number)


def _wrong(trial: Trial, true: str, other: str) -> tuple[int, int]:
    names: list[str] = list(trial.run.classes)
    line: NDArray[np.generic] = np.asarray(trial.run.evaluation.confusion)[names.index(true)]
    return int(line[names.index(other)]), int(line.sum() - line[names.index(true)])


def _faster(found: Reproduction) -> Claim:
    said = "The head on frozen embeddings is faster to train than the CNN."
    runs = _two(found)
    if runs is None:
        return Claim(said, CANNOT_TELL, "the two were not trained on the same clips")
    scratch, frozen = (run.seconds.get("fit", 0.0) for run in runs)
    if min(scratch, frozen) <= 0:
        return Claim(said, CANNOT_TELL, "no times")
    ratio = scratch / frozen
    known = HOLDS if ratio >= FAR else DOES_NOT if ratio <= 1 / FAR else CANNOT_TELL
    return Claim(
        said, known, f"fitting took {scratch:.1f} s for the CNN, {frozen:.1f} s for the head: {ratio:.2g} times as long"
    )


def _settings(found: Reproduction) -> Claim:
    said = "The head on frozen embeddings is less sensitive to its settings."
    scratch = [t.run.evaluation.scores["accuracy"] for t in found.cnn if t.protocol == "paper"]
    frozen = [t.run.evaluation.scores["accuracy"] for t in found.frozen if t.protocol == "paper" and _alike(t, found)]
    if len(scratch) < 2 or len(frozen) < 2:
        return Claim(said, CANNOT_TELL, "fewer than two settings of one of the methods were run")
    spans = [max(s.value for s in of_one) - min(s.value for s in of_one) for of_one in (scratch, frozen)]
    wide = [max(s.high - s.low for s in of_one) for of_one in (scratch, frozen)]
    gap, room = spans[0] - spans[1], sum(wide)
    known = verdict(gap - room, gap + room)
    number = (
        f"between two settings the CNN's accuracy changes by {100 * spans[0]:.1f} points, the head's by "
        f"{100 * spans[1]:.1f}; intervals are up to {100 * max(wide):.1f} points wide"
    )
    return Claim(said, known, number)


def _alike(trial: Trial, found: Reproduction) -> bool:
    """Whether a trial is on the embeddings of the first of its kind: VGGish where it is there, else what stands for it."""
    return bool(trial.stands_for) == bool(found.frozen[0].stands_for)


def _two(found: Reproduction) -> tuple[Run, Run] | None:
    pair = _pair(found)
    runs = {run.recipe.name: run for run in found.equal.runs}
    return None if pair is None else (runs[pair[1].a], runs[pair[0]])
