"""Search a recipe's parameters, nested: what a test clip could have told is never asked.

For each outer fold the search runs on its training side alone, by inner folds that cut no group apart; the fold is
then evaluated by the recipe found there. The nested accuracy so speaks of *searching and fitting*, not of one lucky set of
parameters. In the end the search is run on all clips: that is the recipe to keep, and the nested accuracy is what to
expect of it.

What is searched is declared where the head is: ``SPACE`` in ``heads/NAME.py``, parameter -> choices, ``[1, 3, 10]``, or
a range, ``(low, high)`` or ``(low, high, "log")``; ``pool`` there is how embeddings are pooled. What the recipe gives is kept.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError, MissingExtraError, RecipeError
from ..core.progress import bar
from ..core.provenance import versions
from ..core.renderers import Columns
from ..core.spec import Part
from ..data import split
from ..data.cache import Cache
from ..data.split import Ints, Labels, Protocol, Split, stratified
from ..embeddings.load import Source
from ..embeddings.pooling import Pooling
from ..metrics.clips import METRICS
from ..metrics.evaluation import Evaluation, evaluate, majority_baseline
from ..metrics.paired import Pair
from ..metrics.paired import compare as compare_pairs
from ..models.cross_validate import cross_validate
from ..models.fit import fit
from ..models.plan import planned
from ..models.prepare import Data, open_data
from ..recipes.given import parameters
from ..recipes.given import space as space_of
from ..recipes.recipe import Branch, Recipe, find
from .study import Study

Space = Mapping[str, Any]  # list: one of these; tuple: from, to, and perhaps "log"


@dataclass(frozen=True)
class Found:
    """What a search found: the best recipe, its score by the inner folds, and how many other ones were tried."""

    recipe: Recipe
    values: Mapping[str, Any]
    score: float
    tried: int


@dataclass(frozen=True, kw_only=True, repr=False)
class Tuned(Study):
    """``recipe`` is the one to keep, which says how it was found; ``given`` is what was searched.

    ``final``: found on all clips. ``searches``: what was found for each outer fold, which ``evaluation`` evaluates.
    ``pair`` compares searching with the recipe as it was given, on the same folds.
    """

    given: Recipe
    final: Found
    searches: tuple[Found, ...]
    evaluation: Evaluation
    as_given: Evaluation
    pair: Pair
    space: Space
    metric: str
    trials: int
    inner: int

    def _found(self) -> list[str]:
        score = self.evaluation.scores["accuracy"]
        return [f"nested accuracy {score.value:.3f} ({score.low:.3f} to {score.high:.3f})"]

    def _columns(self) -> Columns:
        """A line a search: those of the folds, then the one on all clips."""
        every = (*self.searches, self.final)
        return {
            "searched": [*(f"training side {k + 1}" for k in range(len(self.searches))), "all clips"],
            **{name: [one.values.get(name) for one in every] for name in self.space},
            f"inner {self.metric}": [one.score for one in every],
            "tried": [one.tried for one in every],
        }


def tune(
    source: Source | Data,
    recipe: str | Recipe,
    *,
    trials: int = 20,
    metric: str = "accuracy",
    protocol: str | None = None,
    folds: int = 5,
    inner: int = 3,
    seed: int = 0,
    cache: Cache | None = None,
    command: str = "",
) -> Tuned:
    """Search ``recipe`` with ``trials`` tries a fold, nested. Raises DataError, RecipeError, WeightsError."""
    began = time.perf_counter()
    recipe = find(recipe)
    _check(metric, trials, protocol)
    space = spaces(recipe)
    data = source if isinstance(source, Data) else open_data(source, [recipe], cache=cache, seed=seed)
    plan = planned(data, protocol, folds, seed, recipes=[recipe], least=2)
    units, splits = plan.groups, plan.splits
    classes, labels = data.dataset.classes, data.labels
    options: dict[str, Any] = {"trials": trials, "metric": metric, "inner": inner, "seed": seed}
    with bar("search", (len(splits) + 1) * trials) as step:
        proba, found = _nested(recipe, data, splits, units, seed, {**options, "step": step})
        final = search(recipe, data, np.arange(len(labels)), units, **options, step=step)
    given = cross_validate(recipe, data, units, protocol=plan.protocol, seed=seed, splits=splits).proba
    evaluated = np.flatnonzero(~np.isnan(proba).any(axis=1))
    y, groups = np.searchsorted(classes, labels[evaluated]), units[evaluated]
    both = {"searched": proba[evaluated], "as given": given[evaluated]}
    evaluation = evaluate(y, both["searched"], classes, groups, seed=seed)
    return Tuned(
        dataset=data.dataset,
        recipe=_kept(
            recipe, final, f"on {data.dataset.name} ({trials} trials, metric {metric})", evaluation, plan.protocol
        ),
        given=recipe,
        final=final,
        searches=tuple(found),
        evaluation=evaluation,
        as_given=evaluate(y, both["as given"], classes, groups, seed=seed),
        pair=compare_pairs(y, both, groups, seed=seed)[0],
        space=space,
        metric=metric,
        protocol=plan.protocol,
        folds=len(splits),
        trials=trials,
        inner=inner,
        seed=seed,
        majority=majority_baseline(y, len(classes))["accuracy"],
        fingerprint=data.fingerprint,
        versions=versions(),
        seconds=time.perf_counter() - began,
        command=command,
        notes=plan.notes,
    )


def _check(metric: str, trials: int, protocol: str | None) -> None:
    """Raise DataError for what cannot be searched by."""
    if metric not in METRICS:
        raise DataError(f"no metric is called {metric!r}. There are: {', '.join(METRICS)}")
    if trials < 2:
        raise DataError(f"found {trials} trials; wanted 2 or more")
    if protocol == Protocol.WINDOWS:
        raise DataError(
            "parameters found under the protocol 'windows' suit clips that are known; take clips, groups or published"
        )


def _nested(
    recipe: Recipe, data: Data, splits: Sequence[Split], units: Labels, seed: int, options: Mapping[str, Any]
) -> tuple[NDArray[np.float64], list[Found]]:
    """Scores (clips, classes), NaN where no fold evaluates, by what was searched on each training side."""
    classes = data.dataset.classes
    proba, found = np.full((len(data.labels), len(classes)), np.nan), []
    for part in splits:
        best = search(recipe, data, part.train, units, **options)
        fitted = fit(best.recipe, data, part.train, units, seed=seed)
        scores, _ = fitted.scores(data, part.test)
        proba[part.test] = 0.0
        proba[np.ix_(part.test, np.searchsorted(classes, fitted.classes))] = scores
        found.append(best)
    return proba, found


def _kept(given: Recipe, final: Found, where: str, evaluation: Evaluation, protocol: Protocol) -> Recipe:
    """The recipe to keep, which says how it was found."""
    score = evaluation.scores["accuracy"]
    about = (
        f"Found by `earmark study tune` from {given.short} {where}. "
        f"Nested accuracy {score.value:.3f} [{score.low:.3f}, {score.high:.3f}], protocol {protocol}."
    )
    return replace(final.recipe, title=given.title, about=about)


def search(
    recipe: Recipe,
    data: Data,
    clips: Ints,
    units: Labels,
    *,
    trials: int,
    metric: str = "accuracy",
    inner: int = 3,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Found:
    """The best of ``trials`` recipes by inner folds of the given clips, and of nothing else (Optuna's TPE sampler).

    The recipe as it is is the first that is tried. Same seed, same recipe. Raises DataError if the clips cannot be
    split, MissingExtraError.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError("searching parameters (package 'optuna')", "train") from error
    # What a trial raises is raised here, too; a warning would put the traceback of a Ctrl-C before its one line.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    labels = data.labels[clips]
    splits = stratified(labels, units[clips], folds=inner, seed=seed)
    space = spaces(recipe)
    known: dict[str, float] = {}

    def score(trial: Any) -> float:
        tried = with_values(recipe, {name: _suggested(trial, name, choice) for name, choice in space.items()})
        if tried.short not in known:
            known[tried.short] = _inner_score(tried, data, clips, units, splits, metric, seed)
        step()
        return known[tried.short]

    direction: Literal["maximize", "minimize"] = "maximize" if METRICS[metric].higher_is_better else "minimize"
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(4, trials // 3))
    study = optuna.create_study(direction=direction, sampler=sampler)
    start = _defaults(recipe, space)
    if start:
        study.enqueue_trial(start)
    study.optimize(score, n_trials=trials)
    values = {name: _rounded(value) for name, value in study.best_params.items()}
    values = {name: space[name][int(v)] if isinstance(space[name], list) else v for name, v in values.items()}
    return Found(with_values(recipe, values), values, float(study.best_value), len(known))


def _inner_score(
    recipe: Recipe, data: Data, clips: Ints, units: Labels, splits: Sequence[split.Split], metric: str, seed: int
) -> float:
    """A recipe's score on the given clips, each evaluated by an inner fold that did not learn from it."""
    labels = data.labels[clips]
    classes = np.array(sorted(set(labels.tolist())))
    proba = np.zeros((len(clips), len(classes)))
    for part in splits:
        fitted = fit(recipe, data, clips[part.train], units, seed=seed)
        scores, _ = fitted.scores(data, clips[part.test])
        proba[np.ix_(part.test, np.searchsorted(classes, fitted.classes))] = scores
    return float(METRICS[metric](np.searchsorted(classes, labels), proba))


def spaces(recipe: Recipe) -> dict[str, Any]:
    """What is searched of a recipe: ``"C"``, ``"pool"``, …; with the branch's number where there are several.

    Raises RecipeError if there is nothing to search, or no such head.
    """
    found: dict[str, Any] = {}
    for i, branch in enumerate(recipe.branches):
        name = _prefix(recipe, i)
        declared = space_of(branch.head)
        pools = _pools(branch, declared.pop("pool", []))
        found |= {name + k: choice for k, choice in declared.items() if k not in branch.head.kwargs}
        if len(pools) > 1:
            found[name + "pool"] = pools
    if not found:
        raise RecipeError(
            f"{recipe.short}: there is nothing to search: its heads declare no SPACE, or all of it is given in the recipe"
        )
    return found


def _pools(branch: Branch, pools: Sequence[str]) -> list[str]:
    """Poolings to try: those the head declares, as far as they suit the branch; its own if the recipe says which."""
    usual = "mean" if len(branch.backbones) > 1 else "windows"
    return [p for p in pools if len(branch.backbones) == 1 or Pooling(p).by_vector] if branch.pool == usual else []


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with values for what ``spaces`` names."""
    branches = []
    for i, branch in enumerate(recipe.branches):
        name = _prefix(recipe, i)
        mine = {k.removeprefix(name): v for k, v in values.items() if k.startswith(name)}
        how = mine.pop("pool", branch.pool)
        params = Part.of(branch.head.name, {**branch.head.kwargs, **mine}).params
        branches.append(replace(branch, head=replace(branch.head, params=params), pool=Pooling(how)))
    return replace(recipe, branches=tuple(branches))


def _prefix(recipe: Recipe, branch: int) -> str:
    return f"{branch + 1}." if len(recipe.branches) > 1 else ""


def _suggested(trial: Any, name: str, choice: Any) -> Any:
    """A value for a parameter. Of lists the place is drawn: Optuna's own choices must be plain values."""
    if isinstance(choice, list):
        return choice[trial.suggest_categorical(name, list(range(len(choice))))]
    low, high, *how = choice
    return _rounded(trial.suggest_float(name, low, high, log="log" in how))


def _rounded(value: Any) -> Any:
    """To three digits, so that a recipe can be read; more would say nothing."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _defaults(recipe: Recipe, space: Space) -> dict[str, Any]:
    """The recipe's own values as a first trial, as far as they lie in the space; {} if one does not."""
    found: dict[str, Any] = {}
    for i, branch in enumerate(recipe.branches):
        name = _prefix(recipe, i)
        usual = {**parameters(branch.head), "pool": branch.pool}
        for key, choice in ((k.removeprefix(name), c) for k, c in space.items() if k.startswith(name)):
            value = usual[key]
            if isinstance(choice, list):
                if value not in choice:
                    return {}
                found[name + key] = choice.index(value)
            elif isinstance(value, int | float) and choice[0] <= value <= choice[1]:
                found[name + key] = float(value)
            else:
                return {}
    return found


def chosen(folds: Sequence[Found]) -> dict[str, dict[str, int]]:
    """How often each value was found over the outer folds: the steadier, the surer."""
    names = folds[0].values
    return {n: {str(v): c for v, c in Counter(f.values[n] for f in folds).most_common()} for n in names}
