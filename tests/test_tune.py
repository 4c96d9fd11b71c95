"""The search for parameters: nested, declared by the heads, the same again with the same seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.cli import main
from earmark.core import plugins
from earmark.core.errors import DataError, RecipeError
from earmark.data import split
from earmark.models.prepare import Data, open_data
from earmark.recipes.recipe import Recipe, find
from earmark.studies.tune import chosen, search, spaces, tune, with_values


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    """Two classes that lie inside each other: near neighbours tell them apart, many neighbours do not."""
    random = np.random.default_rng(0)
    n = 96
    label = np.arange(n) % 2
    angle = random.uniform(0, 2 * np.pi, n)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + label)[:, None] + random.normal(0, 0.15, (n, 2))
    np.savez(tmp_path / "r.npz", X=X, ids=np.arange(n).astype(str), y=label, groups=np.arange(n) // 3)
    return tmp_path / "r.npz"


@pytest.mark.parametrize("name", plugins.names("heads"))
def test_a_space_holds_parameters_that_the_head_takes(name: str) -> None:
    space = dict(getattr(plugins.module("heads", name), "SPACE", {}))
    space.pop("pool", None)
    assert set(space) <= set(plugins.parameters("heads", name))
    for choice in space.values():
        assert isinstance(choice, list) or choice[0] < choice[1]


@pytest.mark.parametrize("name", ["logreg", "lda", "svm", "knn", "forest"])
def test_every_corner_of_a_space_can_be_fitted(name: str, embeddings: Path) -> None:
    recipe = Recipe.parse(f"embeddings/{name}")
    space = spaces(recipe)
    for corner in (0, 1):
        values = {k: c[-corner] if isinstance(c, list) else c[corner] for k, c in space.items()}
        made = with_values(recipe, values)
        assert find(made.short) == made  # it can be written down
        data = open_data(embeddings, [made])
        units = split.groups_of(data.dataset, "groups", data.digests)
        from earmark.models.fit import fit

        fit(made, data, np.arange(96), units)


def test_what_the_recipe_gives_is_kept() -> None:
    assert set(spaces(Recipe.parse("mfcc/knn"))) == {"k", "metric", "pool"}
    assert set(spaces(Recipe.parse("mfcc:mean+max/knn(k=3)"))) == {"metric"}
    two = Recipe.parse("mfcc+logmel/knn,mfcc/lda(shrinkage=0.2)")
    assert spaces(two) == {
        "1.k": [1, 3, 5, 10, 20, 40],
        "1.metric": ["cosine", "euclidean"],
        "1.pool": ["mean", "mean+std"],
        "2.pool": ["windows", "mean", "mean+std"],
    }
    made = with_values(two, {"1.k": 3, "1.pool": "mean+std", "2.pool": "mean"})
    assert made.short == "mfcc+logmel:mean+std/knn(k=3),mfcc:mean/lda(shrinkage=0.2)"
    with pytest.raises(RecipeError, match="nothing to search"):
        spaces(Recipe.parse("mfcc:mean/knn(k=3, metric=cosine)"))


def test_a_better_parameter_is_found(embeddings: Path) -> None:
    recipe = Recipe.parse("embeddings:mean/knn(metric=euclidean)")
    data = open_data(embeddings, [recipe])
    units = split.groups_of(data.dataset, "groups", data.digests)
    found = search(recipe, data, np.arange(96), units, trials=12)
    assert found.values["k"] < 40
    assert found.score > 0.85
    assert search(recipe, data, np.arange(96), units, trials=12) == found
    loss = search(recipe, data, np.arange(96), units, trials=12, metric="log_loss")
    assert 0 < loss.score < 0.7


def spoilt(data: Data, clips: np.ndarray) -> Data:
    """The data with other embeddings and other labels for ``clips``."""
    (part,) = data.embeddings
    X = data.embeddings[part].X.copy()
    hit = np.isin(data.embeddings[part].clip, clips)
    X[hit] = np.random.default_rng(5).normal(9, 9, X[hit].shape)
    labels = [c.label if i not in set(clips.tolist()) else "0" for i, c in enumerate(data.dataset.clips)]
    records = tuple(replace(c, label=label) for c, label in zip(data.dataset.clips, labels, strict=True))
    return replace(
        data, dataset=replace(data.dataset, clips=records), embeddings={part: replace(data.embeddings[part], X=X)}
    )


def test_no_test_clip_is_ever_seen_by_the_search(embeddings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the test clips are, the search on the training side finds the same, to the last digit; and ``tune``
    gives each search the training side and nothing else."""
    recipe = Recipe.parse("embeddings/knn")
    data = open_data(embeddings, [recipe])
    units = split.groups_of(data.dataset, "groups", data.digests)
    part = split.clip_splits(data.dataset, "groups", folds=3)[0]
    for metric in ("accuracy", "log_loss"):
        honest = search(recipe, data, part.train, units, trials=6, metric=metric)
        assert search(recipe, spoilt(data, part.test), part.train, units, trials=6, metric=metric) == honest
        assert search(recipe, spoilt(data, part.train[:9]), part.train, units, trials=6, metric=metric) != honest
    import earmark.studies.tune as module

    given: list[np.ndarray] = []
    original = module.search

    def spy(recipe, data, clips, units, **options):  # type: ignore[no-untyped-def]
        given.append(clips)
        return original(recipe, data, clips, units, **options)

    monkeypatch.setattr(module, "search", spy)
    tune(data, recipe, trials=2, folds=3)
    splits = split.clip_splits(data.dataset, "groups", folds=3)
    assert len(given) == 4
    for clips, fold in zip(given, splits, strict=False):
        assert not set(units[clips]) & set(units[fold.test])
    assert len(given[3]) == 96


def test_labels_that_mean_nothing_give_chance(embeddings: Path) -> None:
    """The search may find what flatters its inner folds; the nested number must not show it."""
    recipe = Recipe.parse("embeddings/knn")
    data = open_data(embeddings, [recipe])
    order = np.random.default_rng(1).permutation(32)
    clips = tuple(replace(c, label="ab"[order[int(str(c.group))] % 2]) for c in data.dataset.clips)
    found = tune(replace(data, dataset=replace(data.dataset, clips=clips)), recipe, trials=8, folds=4)
    nested = found.evaluation.scores["accuracy"]
    assert nested.low < 0.5
    assert abs(nested.value - 0.5) < 0.2


def test_command_writes_a_recipe_that_can_be_used(embeddings: Path, tmp_path: Path) -> None:
    args = ["study", "tune", str(embeddings), "-r", "embeddings/knn", "--trials", "4", "--folds", "3"]
    result = CliRunner().invoke(main, [*args, "-o", str(tmp_path / "t"), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told == json.loads((tmp_path / "t" / "tune.json").read_text())
    assert len(told["folds"]) == 3
    assert sum(told["chosen"]["k"].values()) == 3
    recipe = find(str(tmp_path / "t" / "recipe.toml"))
    assert recipe.short == told["recipe"]
    assert "Nested accuracy" in recipe.about
    result = CliRunner().invoke(main, args)
    assert "all clips" in result.output
    for wrong, words in [("--metric=skill", "no metric"), ("--protocol=windows", "protocol 'windows'")]:
        assert words in CliRunner().invoke(main, [*args, wrong]).output
    with pytest.raises(DataError, match="2 or more"):
        tune(embeddings, "embeddings/knn", trials=1)


def test_chosen_counts() -> None:
    from earmark.studies.tune import Found

    one = Recipe.parse("mfcc/knn")
    folds = [Found(one, {"k": k}, 0.5, 3) for k in (3, 10, 3)]
    assert chosen(folds) == {"k": {"3": 2, "10": 1}}
