"""The four parts of the reproduction: which recipe is evaluated on which clips, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...backbones import weights
from ...core import plugins
from ...core.spec import Part
from ...data.clips import Dataset
from ...models.prepare import prepare
from ...models.results import Comparison
from ...recipes.recipe import Recipe, find
from ..compare import compare
from ..ladder import Ladder, ladder
from . import paper
from .leaks import pieces
from .trials import Plan, Trial, as_in_paper, by_two, honest

SCRATCH = "paper-cnn at 22 kHz"
STAND_IN = "yamnet/dense"  # of paper-vggish
_RUNGS = ("windows", "clips", "groups")


def cnn(whole: Dataset, plan: Plan) -> tuple[Trial, ...]:
    """The CNN under the paper's split of chunks, as run and as written, and as run on whole clips and artists."""
    nine = whole.without([], [c.id for c in whole.clips if c.label == paper.DROPPED])
    found = []
    for name in ("paper-cnn-as-run", "paper-cnn"):
        recipe = _with_head(find(name), epochs=plan.epochs, bfloat16=plan.bfloat16)
        ran = name == "paper-cnn-as-run"
        chunks = pieces(prepare(nine, [recipe], cache=plan.cache), recipe.backbones[0])
        found += as_in_paper(recipe, chunks, plan, unit="chunk", watch=ran)
        for protocol in ("clips", "groups") if ran else ():
            found += honest(recipe, chunks, protocol, plan, unit="chunk")
    return tuple(found)


def frozen(dataset: Dataset, plan: Plan) -> tuple[Trial, ...]:
    """The heads on frozen embeddings under the paper's split of clips, and on whole artists; YAMNet in VGGish's place."""
    for weight in ("vggish", "yamnet"):
        status = weights.status(weight)
        if not status.present:
            plan.missing.append(f"frozen {weight}: its weights are not here. {status.how}")
    found = []
    for name, embeddings, title in (
        ("paper-vggish-as-run", "yamnet(hop=0.96):image(31)", "yamnet/cnn2d"),
        ("paper-vggish", "yamnet(hop=0.96)", STAND_IN),
    ):
        theirs = find(name)
        ours = replace(Recipe.parse(f"{embeddings}/{theirs.branches[0].head}"), title=title)
        for recipe, stands_for in ((theirs, ""), (ours, name)):
            if not _here(recipe):
                continue
            ran = name == "paper-vggish-as-run"
            if ran:
                recipe = _with_head(recipe, epochs=plan.epochs, bfloat16=plan.bfloat16)
            data = prepare(dataset, [recipe], cache=plan.cache)
            found += as_in_paper(recipe, data, plan, watch=ran, stands_for=stands_for)
            found += honest(recipe, data, "groups", plan, stands_for=stands_for)
    return tuple(found)


def ladders(whole: Dataset, plan: Plan) -> tuple[Ladder, ...]:
    """The ladder of the CNN of the text and of a frozen recipe, on the same long clips."""
    known = by_two(whole, "the ladders: the long clips", plan)
    if len(known.classes) < 2:
        plan.missing.append("the ladders: fewer than two genres have long clips by two artists or more")
        return ()
    recipes = [_scratch(plan), _beside()[0]]
    data = prepare(known, recipes, cache=plan.cache)
    found = []
    for recipe in recipes:
        rungs = _RUNGS if known.has_groups else _RUNGS[:2]
        found.append(ladder(data, recipe, rungs=rungs, folds=plan.folds, seed=paper.SEED))
        rights = ", ".join(f"{r.name} {100 * r.windows.value:.1f}" for r in found[-1].rungs)
        plan.say(f"{recipe.name}, windows right in % by protocol: {rights}")
    return tuple(found)


def equal(dataset: Dataset, plan: Plan) -> Comparison:
    """The CNN of the text and recipes on frozen embeddings on the same clips and folds."""
    recipes = [_scratch(plan), *_beside()]
    protocol = "groups" if dataset.has_groups else "clips"
    data = prepare(by_two(dataset, "the last comparison: the clips", plan), recipes, cache=plan.cache)
    found = compare(data, recipes, protocol=protocol, folds=plan.folds, seed=paper.SEED)
    for one in found.runs:
        right = one.evaluation.scores["accuracy"].value
        plan.say(f"{one.recipe.name}, {protocol} kept whole: {100 * right:.1f} % of clips right")
    return found


def _scratch(plan: Plan) -> Recipe:
    """The CNN of the paper's text, made fit for many trainings on less data.

    GTZAN was recorded at 22.05 kHz, so 44.1 adds empty bands. With a tenth of the chunks an epoch has a tenth of the
    steps: a learning rate of 1e-3 makes up for it.
    """
    params: dict[str, Any] = {"epochs": max(2, plan.epochs // 3), "lr": 1e-3, "patience": 3, "bfloat16": plan.bfloat16}
    if plan.quick:
        params |= {"filters": (4, 8, 8), "hidden": (16,)}
    recipe = _with_head(find("paper-cnn"), **params)
    branch = replace(recipe.branches[0], backbones=(Part.of("logmel"),))
    return replace(recipe, branches=(branch,), title=SCRATCH)


def _with_head(recipe: Recipe, **params: Any) -> Recipe:
    """The recipe of one branch with other parameters of its head."""
    (branch,) = recipe.branches
    head = Part.of(branch.head.name, {**branch.head.kwargs, **params})
    return replace(recipe, branches=(replace(branch, head=head),))


def _beside() -> list[Recipe]:
    """Recipes on frozen embeddings whose weights are here, VGGish first, and hand-made features."""
    stand_in = replace(Recipe.parse("yamnet(hop=0.96)/dense"), title=STAND_IN)
    wanted = [find("paper-vggish"), stand_in, find("peer-music"), find("joined-music"), Recipe.parse("mfcc/svm")]
    return [recipe for recipe in wanted if _here(recipe)]


def _here(recipe: Recipe) -> bool:
    """Whether all weights that a recipe needs are installed."""
    needed = [plugins.module("backbones", part.name).ABOUT.weights for part in recipe.backbones]
    return all(weights.status(name).present for name in needed if name)
