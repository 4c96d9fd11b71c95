"""The findings of a reproduction in words: from its numbers, whatever they came out as. Plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Protocol as Protocol_

from ...core import text
from ...data.split import Protocol
from . import paper
from .parts import SCRATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...metrics.paired import Pair
    from ...models.results import Run
    from ..ladder import Ladder
    from . import Reproduction
    from .trials import Trial


class Value(Protocol_):
    """A number and its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


NAMES = {
    ("paper", "chunk"): "chunks at random",
    ("paper", "clip"): "clips at random",
    ("clips", "chunk"): "whole clips",
    ("clips", "clip"): "whole clips",
    ("groups", "chunk"): "whole artists",
    ("groups", "clip"): "whole artists",
}


def findings(found: Reproduction) -> list[str]:
    """What was found, most important first; nothing under ``quick``, whose numbers mean nothing."""
    if found.quick:
        return []
    claims = paper.CNN, paper.VGGISH
    told = [
        f"The paper reports {100 * claims[0].accuracy:.0f} % for a CNN from scratch and {100 * claims[1].accuracy:.0f} % for a "
        "head on frozen VGGish, and takes the CNN for the better. The two numbers answer two questions: the CNN was asked "
        "about chunks of tracks it had learnt from, the frozen head about clips it had not learnt from."
    ]
    pair = _pair(found)
    if pair is not None:
        frozen, gap = pair
        runs = {run.recipe.name: run for run in found.equal.runs}
        told.append(
            f"Asked the same question ({_kept(found)} kept whole, {len(found.equal.dataset.clips):,} clips), the CNN from scratch "
            f"gets {_accuracy(runs[SCRATCH])}, {frozen} {_accuracy(runs[frozen])}: {_gap(gap, frozen)}"
        )
    ran = of(found.cnn, "paper-cnn-as-run", "paper")
    if ran is not None:
        told.append(
            f"The CNN as it was run, on our chunks at random: {_share(ran)} (paper: {100 * claims[0].accuracy:.0f} %). "
            f"{text.percent(ran.leak.track, 0)} of the evaluated chunks have their own track in training, "
            f"{text.percent(ran.leak.samples, 0)} share samples with a training chunk."
            + "".join(
                f" On {NAMES[t.protocol, t.unit]}: {_share(t)}."
                for t in found.cnn
                if t.recipe == ran.recipe and t is not ran
            )
        )
    told += [short(one) for one in found.ladders]
    told += _heads(found)
    return told


def follows(found: Reproduction) -> list[str]:
    """What follows from it, for the paper's conclusion and for whoever reads such tables."""
    if found.quick:
        return []
    told = []
    pair = _pair(found)
    if pair is not None:
        frozen, gap = pair
        order = "cannot be seen" if gap.p_adjusted > 0.05 else "turns round" if gap.difference < 0 else "stands"
        told.append(f"The paper's order {order} once both methods are asked the same question: {_gap(gap, frozen)}")
    gaps = [(one.recipe.name, one.total.windows) for one in found.ladders if one.total is not None]
    if gaps:
        told.append(lost(gaps))
    told.append(
        "A number without its protocol cannot be compared. Two numbers of two protocols say nothing about the two methods."
    )
    told.append(
        "The paper's test set was also its validation set: whatever is chosen by it (an epoch, a learning rate) may flatter. "
        "Here nothing was chosen by it."
    )
    ran = of(found.cnn, "paper-cnn-as-run", "paper")
    if ran is not None and len(found.dataset.clips) < 0.9 * paper.CLIPS:
        steps = -(-ran.learnt // paper.BATCH) * found.epochs
        told.append(
            f"This was {len(found.dataset.clips):,} clips, not {paper.CLIPS:,}. The CNN as it was run took {steps:,} steps of "
            f"training, {text.percent(steps / paper.STEPS, 0)} of the paper's: its level cannot be held against the paper's; "
            "how a recipe changes from split to split can be read."
        )
    return told


def lost(gaps: Sequence[tuple[str, Value]]) -> str:
    """What recipes change by from windows at random to the most honest split, and which of them loses more.

    ``gaps``: recipes with the honest split's share less that of windows at random, and its interval.
    """
    moves = [
        f"{name} changes by {text.points(gap.value)} points [{text.points(gap.low)}, {text.points(gap.high)}]"
        for name, gap in gaps
    ]
    told = f"From windows at random to the most honest split, {' and '.join(moves)}."
    if all(gap.high < 0 for _, gap in gaps):
        told += " What is lost is memory of tracks and artists; it does not come along to new music."
    if len(gaps) > 1:
        (first, a), (second, b) = gaps[:2]
        if a.high < b.low:
            told += f" {first} loses more than {second}."
        elif b.high < a.low:
            told += f" {second} loses more than {first}."
        else:
            told += " Which of the two loses more cannot be told: their intervals overlap."
    return told


def short(one: Ladder) -> str:
    """A ladder in a sentence."""
    said = {"windows": "windows at random", "clips": "whole clips", "groups": "whole artists"}
    rungs = ", ".join(f"{text.percent(r.windows.value)} on {said.get(r.name, r.name)}" for r in one.rungs)
    lost = ""
    if one.total is not None:
        gap = one.total.windows
        lost = (
            f": {text.points(gap.value)} points [{text.points(gap.low)}, {text.points(gap.high)}] from the split alone"
        )
    return f"{one.recipe.name}, windows right: {rungs}{lost}."


def of(trials: tuple[Trial, ...], recipe: str, protocol: str) -> Trial | None:
    """The trial of a recipe under a protocol, or None."""
    return next((t for t in trials if t.recipe == recipe and t.protocol == protocol), None)


def _heads(found: Reproduction) -> list[str]:
    told = []
    for trial in found.frozen:
        if trial.protocol != "paper":
            continue
        honest = of(found.frozen, trial.recipe, "groups")
        instead = " (VGGish's weights are not here, so this is not the paper's number)" if trial.stands_for else ""
        known = trial.leak.artist
        told.append(
            f"{trial.recipe} on clips at random: {_share(trial)}{instead}; paper: {100 * paper.VGGISH.accuracy:.0f} %."
            + (
                f" {text.percent(known, 0)} of the evaluated clips have their artist in training."
                if known is not None
                else ""
            )
            + (f" On whole artists: {_share(honest)}." if honest else "")
        )
    return told


def _pair(found: Reproduction) -> tuple[str, Pair] | None:
    """The frozen recipe nearest to the paper's (the first compared), and the CNN less that recipe."""
    names = [run.recipe.name for run in found.equal.runs]
    frozen = names[1]
    for pair in found.equal.pairs:
        if (pair.a, pair.b) == (SCRATCH, frozen):
            return frozen, pair
    return None


def _gap(gap: Pair, frozen: str) -> str:
    """The verdict of the CNN less the frozen recipe."""
    between = f"{text.points(gap.difference)} points [{text.points(gap.low)}, {text.points(gap.high)}] for the CNN against {frozen}"
    if gap.p_adjusted > 0.05:
        return between + ", which these clips cannot tell from nothing."
    better = frozen if gap.difference < 0 else "the CNN"
    return between + f": {better} is better, beyond what chance explains."


def _kept(found: Reproduction) -> str:
    return "artists" if found.equal.protocol == Protocol.GROUPS else "clips"


def _share(trial: Trial) -> str:
    return _accuracy(trial.run)


def _accuracy(run: Run) -> str:
    score = run.evaluation.scores["accuracy"]
    return f"{text.percent(score.value)} ({text.between(score.low, score.high)})"
