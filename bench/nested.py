"""The best recipe, chosen without looking at the folds it is evaluated on, against the peer-like recipe.

In each outer fold every candidate is evaluated by inner folds of the training side (groups kept whole); the one with the
least inner log loss (steadier than accuracy on few clips) is fitted on the training side and evaluated on the outer test side. Prints a markdown table.

    python bench/nested.py --data ../shared/data/gtzan/clips.csv --seeds 3
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from earmark.data import split
from earmark.data.cache import Cache
from earmark.data.load import load_dataset
from earmark.metrics.evaluation import evaluate
from earmark.metrics.paired import compare
from earmark.models.fit import fit
from earmark.models.plan import splits_of
from earmark.models.prepare import prepare
from earmark.recipes.recipe import Recipe, find

SIX = "yamnet+musicnn+musicnn@pooled+musicnn-vgg+choi2017+aisfx"
CANDIDATES = (
    f"{SIX}/lda",
    f"{SIX}/logreg",
    f"{SIX}:mean+std/lda",
    "yamnet+musicnn+musicnn-vgg+choi2017/lda",
    "musicnn+musicnn@pooled+musicnn-vgg/lda",
    "musicnn-vgg:mean/logreg",
    f"{SIX}/lda,musicnn-vgg:mean/logreg",
    f"{SIX}+musicnn-vgg@pool4/lda",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--peer", default="peer-music")
    given = parser.parse_args()
    recipes, peer = [Recipe.parse(c) for c in CANDIDATES], find(given.peer)
    data = prepare(load_dataset(given.data), [*recipes, peer], cache=Cache())
    units = split.groups_of(data.dataset, "groups", data.digests)
    classes = data.dataset.classes
    y = np.searchsorted(classes, data.labels)
    shape = (given.seeds, len(y), len(classes))
    scores = {name: np.zeros(shape) for name in ("nested", *CANDIDATES, given.peer)}
    chosen: Counter[str] = Counter()
    for seed in range(given.seeds):
        for outer in splits_of(data, "groups", 5, seed):
            inside = split.stratified(data.labels[outer.train], units[outer.train], folds=3, seed=seed)
            surprise = np.zeros(len(recipes))
            for i, recipe in enumerate(recipes):
                for part in inside:
                    learn, look = outer.train[part.train], outer.train[part.test]
                    found, _ = fit(recipe, data, learn, units, seed=seed).scores(data, look)
                    surprise[i] -= np.log(np.maximum(found[np.arange(len(look)), y[look]], 1e-9)).sum()
            best = int(surprise.argmin())
            chosen[CANDIDATES[best]] += 1
            for name, recipe in [*zip(CANDIDATES, recipes, strict=True), (given.peer, peer)]:
                found, _ = fit(recipe, data, outer.train, units, seed=seed).scores(data, outer.test)
                scores[name][seed, outer.test] = found
            scores["nested"][seed, outer.test] = scores[CANDIDATES[best]][seed, outer.test]
    print("| recipe | accuracy [95 %] | macro F1 | log loss |\n| --- | --- | --- | --- |")
    for name, proba in scores.items():
        found_scores = evaluate(y, proba, classes, units).scores
        a = found_scores["accuracy"]
        print(
            f"| {name} | {100 * a.value:.1f} [{100 * a.low:.1f}, {100 * a.high:.1f}] | "
            f"{100 * found_scores['macro_f1'].value:.1f} | {found_scores['log_loss'].value:.2f} |"
        )
    for name in ("nested", CANDIDATES[0]):
        (pair,) = compare(y, {name: scores[name], given.peer: scores[given.peer]}, units)
        print(
            f"\n{pair.a} - {pair.b}: {100 * pair.difference:+.1f} [{100 * pair.low:+.1f}, {100 * pair.high:+.1f}], p {pair.p:.4f}"
        )
    print(f"Chosen in {5 * given.seeds} outer folds: {dict(chosen)}")


if __name__ == "__main__":
    main()
