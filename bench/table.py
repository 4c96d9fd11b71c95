"""One table over recipes: how right, how sure, how long, how large, under which licence.

    python bench/table.py ../shared/data/gtzan/clips.csv --protocol groups --out out
    python bench/table.py ../shared/data/esc10 --out out -r best-music -r yamnet:mean/lda

Seconds are of all folds, embeddings of the backbones made anew with --no-cache. Parameters: numbers in the backbones' nets, and numbers
learnt by the heads (of a forest or an SVM, what it keeps).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

import earmark
from earmark.core import plugins
from earmark.core.spec import Part
from earmark.data import split
from earmark.data.cache import Cache
from earmark.data.load import load_dataset
from earmark.models.fit import fit
from earmark.models.prepare import Data, prepare
from earmark.models.results import Comparison, Run
from earmark.recipes.recipe import Recipe, find
from earmark.report.compare import write

MUSIC = (
    "best-music", "peer-music", "musicnn-vgg/logreg", "musicnn-vgg:mean/logreg", "musicnn/logreg", "musicnn:mean/lda",
    "musicnn/dense", "yamnet/logreg", "yamnet:mean/lda", "yamnet:mean/dense", "mfcc/svm", "mfcc/forest", "mfcc/knn",
    "choi2017/svm", "soundnet/logreg", "aisfx/logreg", "musicnn-vgg:mean/logreg,yamnet:mean/logreg",
    "stack(musicnn-vgg:mean/logreg,yamnet:mean/logreg,choi2017/logreg)",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", "-r", action="append")
    parser.add_argument("--protocol", default=None)
    parser.add_argument("--out")
    parser.add_argument("--no-cache", action="store_true")
    given = parser.parse_args()
    recipes = [find(r) for r in given.recipe or MUSIC]
    cache = None if given.no_cache else Cache()
    data = prepare(load_dataset(given.data), recipes, cache=cache)
    found = earmark.compare(data, recipes, protocol=given.protocol, command="python bench/table.py …")
    if given.out:
        write(found, given.out)
    print(table(found, [sizes(r, data) for r in recipes]))


def table(found: Comparison, size: list[tuple[int, int]]) -> str:
    lines = [
        "| recipe | accuracy [95 %] | macro F1 | log loss | seconds: embed, fit, predict | frozen | learnt | licence |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    pairs = zip(found.runs, size, strict=True)
    for run, (frozen, learnt) in sorted(pairs, key=lambda p: -p[0].evaluation.scores["accuracy"].value):
        scores = run.evaluation.scores
        a, f, loss = scores["accuracy"], scores["macro_f1"], scores["log_loss"]
        seconds = ", ".join(f"{run.seconds[k]:.0f}" for k in ("embed", "fit", "predict"))
        lines.append(
            f"| {run.recipe.name} | {100 * a.value:.1f} [{100 * a.low:.1f}, {100 * a.high:.1f}] | {100 * f.value:.1f} "
            f"| {loss.value:.2f} | {seconds} | {_round(frozen)} | {_round(learnt)} | {licences(run)} |"
        )
    return "\n".join(lines)


def sizes(recipe: Recipe, data: Data) -> tuple[int, int]:
    """Numbers in the frozen nets, and numbers that are learnt (after one epoch where there are epochs)."""
    frozen = sum(numbers(data.backbones[b].net) for b in recipe.backbones)
    brief = replace(recipe, branches=tuple(replace(b, head=_brief(b.head)) for b in recipe.branches))
    every = np.arange(len(data.labels))
    fitted = fit(brief, data, every, split.groups_of(data.dataset, "clips", data.digests))
    heads = [*fitted.heads, *([fitted.combiner] if fitted.combiner else [])]
    return frozen, sum(learnt(h) for h in heads)


def _brief(head: Part) -> Part:
    takes = plugins.parameters("heads", head.name)
    return Part.of(head.name, head.kwargs | ({"epochs": 1} if "epochs" in takes else {}))


def numbers(net: Any) -> int:
    if not hasattr(net, "content"):
        return 0
    return sum(int(np.prod(w.dims)) for w in onnx.load_from_string(net.content).graph.initializer)


def learnt(head: Any) -> int:
    if hasattr(head, "net_"):
        return sum(p.numel() for p in head.net_.parameters() if p.requires_grad)
    graph = head.onnx().graph
    inside = sum(len(a.floats) for node in graph.node for a in node.attribute)
    return inside + sum(int(np.prod(w.dims)) for w in graph.initializer)


def licences(run: Run) -> str:
    return ", ".join(dict.fromkeys(str(b["licence"]) for b in run.backbones if b["licence"] != "none needed")) or "–"


def _round(n: int) -> str:
    return f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k" if n >= 1e4 else str(n)


if __name__ == "__main__":
    main()
