"""Does something that is not the sound give the label away? (rate, codec, bandwidth, level, length, numbering …)

A model that can read the label off the codec learns the codec. For each fact a naive Bayes model on at most 16 bins
guesses the label from that fact alone, out of fold and with groups kept whole; the score is the share of
guesses that are right, as a mean over the classes. What chance gives is found by shuffling labels between the units that may be shuffled (whole groups; clips
within a group where groups hold several labels). All facts share the same shuffles, so that the *best* of all facts
under each shuffle is what a fact must beat: the p values are corrected for looking at many facts (Westfall & Young
1993, "max T").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.text import NBSP, listed
from ..data.duplicates.facts import Facts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHUFFLES = 199
FOLDS = 10
ALPHA = 0.04  # a little under 5 %, so that false alarms stay under it
BINS = 16
MARGIN = 0.03  # above chance by less than this: real perhaps, but harmless
RESAMPLES = 1000
_MOST = 20_000  # clips looked at; more change nothing but the time


@dataclass(frozen=True)
class Factor:
    """A fact that might give the label away. ``content``: it may well belong to the sounds themselves."""

    name: str
    words: str
    content: bool
    columns: Callable[[Facts], tuple[float | str, ...]] = lambda _: ()
    unit: str = ""  # of the first column; a level to one decimal


FACTORS = (
    Factor("sample rate", "the files' sample rate", False, lambda f: (f.sample_rate,), " Hz"),
    Factor("channels", "mono or stereo", False, lambda f: (f.channels,)),
    Factor("codec", "the files' format and codec", False, lambda f: (f.format, f.codec)),
    Factor("bit rate", "bytes per second of sound", True, lambda f: (f.bytes / max(f.seconds, 1e-3),), " bytes/s"),
    Factor(
        "bandwidth", "where the spectrum was cut (encoding, resampling)", False, lambda f: (f.bandwidth, f.cliff), " Hz"
    ),
    Factor("clipping", "flat tops", False, lambda f: (round(f.clipped, 4),)),
    Factor("DC offset", "the mean of the samples", False, lambda f: (round(f.dc, 3),)),
    Factor("length", "the clips' length", True, lambda f: (round(f.seconds, 2),), " s"),
    Factor("loudness", "mean level", True, lambda f: (f.loudness,), " dB"),
    Factor("peak", "highest level", True, lambda f: (f.peak,), " dB"),
    Factor("noise floor", "level of the quiet moments", True, lambda f: (f.noise_floor,), " dB"),
    Factor("silence", "digital silence within the clip", True, lambda f: (f.silence,)),
    Factor("treble", "level of the top quarter of the spectrum", True, lambda f: (f.treble_floor,), " dB"),
)
_NUMBERING = Factor("numbering", "the number in the files' names", False)
TOGETHER = Factor("all that is not content", "all facts together that do not belong to the sounds", False)


@dataclass(frozen=True)
class Confound:
    """How well one fact gives the label away: ``score`` is the share of right guesses, beside what ``chance`` gives.

    ``low``, ``high``: 95 % interval by resampling groups. ``p``: corrected for all facts. ``culprit``: the class it
    gives away best, with that class's ``recall`` and what is usual ``inside`` it and ``outside``; ``also``: the other
    classes that it gives away by more than the luckiest class under 95 % of the shuffles, best first.
    """

    factor: Factor
    score: float
    low: float
    high: float
    chance: float
    p: float
    culprit: str
    recall: float
    inside: str = ""
    outside: str = ""
    also: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Above chance by interval and after correction, and by enough to matter."""
        return self.p <= ALPHA and self.low > self.chance and self.score > self.chance + MARGIN


def confounds(
    facts: Sequence[Facts],
    names: Sequence[str],
    labels: NDArray[np.str_],
    groups: NDArray[np.str_],
    *,
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> tuple[Confound, ...]:
    """Facts that vary, most telling first. ``names`` are the files' names, for the number in them.

    Nothing is said of fewer than two classes, of classes of fewer than two groups, or of a fact that never changes.
    """
    usable, classes, y, units = _usable(labels, groups, seed)
    if len(classes) < 2:
        return ()
    chosen = [facts[i] for i in usable]
    tables = _tables(chosen, [names[i] for i in usable])
    if not tables:
        return ()
    rng = np.random.default_rng(seed)
    folds = _folds(units, rng)
    share = _shuffler(y, units)
    real = [_posterior(binned, y, folds, len(classes)) for _, binned in tables]
    score = np.array([_recall(p, y).mean() for p in real])
    null, lucky = np.empty((2, shuffles, len(tables)))  # the score, and the gain of the class given away best
    for s in range(shuffles):
        shuffled = share(rng)
        for i, (_, binned) in enumerate(tables):
            proba = _posterior(binned, shuffled, folds, len(classes))
            null[s, i], lucky[s, i] = _recall(proba, shuffled).mean(), _gain(proba, shuffled).max()
    every = np.concatenate([null, score[None]])  # the true labels are one of the ways in which they could lie
    middle, spread = every.mean(axis=0), every.std(axis=0) + 1e-9
    highest = ((null - middle) / spread).max(axis=1)
    found = []
    for i, (factor, _) in enumerate(tables):
        p = (1 + np.count_nonzero(highest >= (score[i] - middle[i]) / spread[i])) / (1 + shuffles)
        low, high = _interval(real[i][np.arange(len(y)), y], y, units, len(classes), rng)
        recall, gain = _recall(real[i], y), _gain(real[i], y)
        best, beyond = int(np.argmax(gain)), float(np.quantile(lucky[:, i], 0.95))
        usual = [
            _usual(factor, [f for f, k in zip(chosen, y == best, strict=True) if k == side]) for side in (True, False)
        ]
        found.append(
            Confound(
                factor, float(score[i]), low, high, float(middle[i]), float(p),
                str(classes[best]), float(recall[best]), usual[0], usual[1],
                tuple(str(classes[k]) for k in np.argsort(-gain) if k != best and gain[k] > beyond),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda c: (not c.found, c.factor.content, c.chance - c.score)))


def named(found: Sequence[Confound]) -> tuple[Confound, ...]:
    """Those to report; all facts together only where no fact alone tells as much."""
    told = tuple(c for c in found if c.found)
    alone = tuple(c for c in told if c.factor is not TOGETHER)
    return alone if any(not c.factor.content for c in alone) else told


def sentence(confound: Confound) -> str:
    """The finding in plain words."""
    told = (
        f"{confound.factor.name[0].upper()}{confound.factor.name[1:]}: guessing from {confound.factor.words} alone gets "
        f"{100 * confound.score:.0f} % of the labels right "
        f"(interval {100 * confound.low:.0f} to {100 * confound.high:.0f} %, chance {100 * confound.chance:.0f} %), "
        f"best of all '{confound.culprit}' ({100 * confound.recall:.0f} %"
        + (
            f"; usual there {confound.inside}, elsewhere {confound.outside}). "
            if confound.inside != confound.outside
            else "). "
        )
        + (f"Also given away: {listed(map(repr, confound.also), most=5)}. " if confound.also else "")
    )
    told = told.replace(" %", f"{NBSP}%")
    if confound.factor.content:
        return told + "This may belong to the sounds; if it does not, even it out before training."
    return told + "A model can learn this instead of the sound: make all clips alike in it."


def _usable(labels: NDArray[np.str_], groups: NDArray[np.str_], seed: int) -> tuple[Ints, NDArray[np.str_], Ints, Ints]:
    """Clips of classes with two groups or more; at most _MOST, drawn by group."""
    several = {c for c in np.unique(labels) if c and len(np.unique(groups[labels == c])) > 1}
    usable = np.flatnonzero([label in several for label in labels])
    if len(usable) > _MOST:
        usable = np.sort(np.random.default_rng(seed).choice(usable, _MOST, replace=False))
    classes, y = np.unique(labels[usable], return_inverse=True)
    return usable, classes, y, np.unique(groups[usable], return_inverse=True)[1]


def _tables(facts: Sequence[Facts], names: Sequence[str]) -> list[tuple[Factor, Ints]]:
    """Bins (clips, columns) for each factor that varies; words become codes."""
    out = []
    for factor in FACTORS:
        columns = list(zip(*(factor.columns(f) for f in facts), strict=True))
        out.append((factor, np.stack([_coded(column) for column in columns], axis=1)))
    out.append((_NUMBERING, np.array([[_number(name)] for name in names])))
    out = [(factor, table) for factor, table in out if (table != table[0]).any()]
    plain = [table for factor, table in out if not factor.content and factor is not _NUMBERING]
    if len(plain) > 1:
        out.append((TOGETHER, np.concatenate(plain, axis=1)))
    return [(factor, _binned(table)) for factor, table in out]


def _usual(factor: Factor, facts: Sequence[Facts]) -> str:
    """The median, or the most frequent word, of a factor's first column, for a reader."""
    values = [column[0] for f in facts if (column := factor.columns(f))]
    if not values:
        return ""
    if isinstance(values[0], str):
        return str(Counter(values).most_common(1)[0][0])
    numbers = np.array(values, np.float64)
    if not np.isfinite(numbers).any():
        return ""
    middle = float(np.nanmedian(numbers))
    return f"{middle:,.0f}{factor.unit}" if abs(middle) >= 100 else f"{middle:.3g}{factor.unit}"


def _coded(column: Sequence[float | str]) -> Floats:
    if isinstance(column[0], str):
        return np.unique(np.array(column), return_inverse=True)[1].astype(np.float64)
    return np.nan_to_num(np.array(column, np.float64), nan=-1.0, posinf=-1.0, neginf=-1.0)


def _number(name: str) -> float:
    """The last number in a file's name, or -1: files recorded one class after the other carry it in their order."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return float(digits[-1][-12:]) if digits else -1.0


def _folds(units: Ints, rng: np.random.Generator) -> list[tuple[Ints, Ints]]:
    """(train, test) of whole units. Drawn without a look at the labels: else true ones would be better off than shuffled."""
    count = int(units.max()) + 1
    fold = (rng.permutation(count) % min(FOLDS, count))[units]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]


def _shuffler(y: Ints, units: Ints) -> Callable[[np.random.Generator], Ints]:
    """Shuffles of the labels that keep what belongs together: between groups of one label, else within groups."""
    order = np.argsort(units, kind="stable")
    first = np.flatnonzero(np.diff(units[order], prepend=-1))
    members = np.split(order, first[1:])
    mixed = [m for m in members if len(np.unique(y[m])) > 1]
    pure = [m for m in members if len(np.unique(y[m])) == 1]
    label = np.array([y[m[0]] for m in pure], np.int64)

    def shuffled(rng: np.random.Generator) -> Ints:
        out = y.copy()
        for m, new in zip(pure, label[rng.permutation(len(label))], strict=True):
            out[m] = new
        for m in mixed:
            out[m] = y[rng.permutation(m)]
        return out

    return shuffled


def _posterior(binned: Ints, y: Ints, folds: Sequence[tuple[Ints, Ints]], classes: int) -> Floats:
    """Probabilities (n, classes) that naive Bayes with even priors gives out of fold from ``binned`` columns (n, columns).

    Probabilities, not answers: where a fact tells one class only, the others tie, and which of them would be
    answered hangs on which is rarer in the training side, that is, commoner among those asked.
    """
    out = np.zeros((len(y), classes))
    for train, test in folds:
        total = np.zeros((len(test), classes))
        for column in binned.T:
            bins = int(column.max()) + 1
            count = np.bincount(y[train] * bins + column[train], minlength=classes * bins).reshape(classes, bins) + 0.5
            total += np.log(count / count.sum(axis=1, keepdims=True)).T[column[test]]
        proba = np.exp(total - total.max(axis=1, keepdims=True))
        out[test] = proba / proba.sum(axis=1, keepdims=True)
    return out


def _binned(table: Floats) -> Ints:
    """Columns as numbers of bins: values themselves if they are few, else bins of equal counts."""
    columns = []
    for column in table.T:
        values = np.unique(column)
        if len(values) > BINS:
            values = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[:-1], method="lower"))
        columns.append(np.searchsorted(values, column, side="right") - 1)
    return np.stack(columns, axis=1)


def _recall(proba: Floats, y: Ints) -> Floats:
    """For each class, the mean probability that its clips give it: the share that guessing gets right."""
    classes = proba.shape[1]
    right = np.bincount(y, proba[np.arange(len(y)), y], minlength=classes)
    return np.asarray(right / np.maximum(np.bincount(y, minlength=classes), 1), np.float64)


def _gain(proba: Floats, y: Ints) -> Floats:
    """For each class, its recall less what the other classes' clips give it: a class that all are predicted as is not given away."""
    recall, size = _recall(proba, y), np.bincount(y, minlength=proba.shape[1])
    elsewhere = (proba.sum(axis=0) - recall * size) / np.maximum(len(y) - size, 1)
    return np.asarray(recall - elsewhere, np.float64)


def _interval(right: Floats, y: Ints, units: Ints, classes: int, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of the mean recall, groups drawn anew with replacement."""
    count = int(units.max()) + 1
    hits, size = np.zeros((count, classes)), np.zeros((count, classes))
    np.add.at(hits, (units, y), right)
    np.add.at(size, (units, y), 1)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    of_class = drawn @ size
    recall = np.where(of_class > 0, (drawn @ hits) / np.maximum(of_class, 1), np.nan)
    low, high = np.quantile(np.nanmean(recall, axis=1), [0.025, 0.975])
    return float(low), float(high)
