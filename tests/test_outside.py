"""Parts of other packages: found, used and checked like Earmark's own; a broken one breaks nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import earmark
from earmark.backbones import weights
from earmark.cli import main
from earmark.core import plugins
from earmark.core.errors import DataError, RecipeError
from earmark.data.load import load_dataset
from earmark.metrics import clips as metrics
from earmark.metrics.evaluation import evaluate
from earmark.recipes.recipe import find
from earmark.testing import check_backbone, check_dataset, check_head, check_metric
from packages import installed, put, put_outside


@pytest.fixture
def _outside(tmp_path: Path) -> Iterator[None]:
    put_outside(tmp_path / "site")
    with installed(tmp_path / "site"):
        yield


@pytest.fixture
def package(tmp_path: Path):
    """Install a package `odd 1.0` of one module with this code, under one entry point."""
    made: list[object] = []

    def given(kind: str, name: str, code: str, value: str = "odd_part", package: str = "odd") -> None:
        folder = tmp_path / f"site{len(made)}"
        put(folder, package, "1.0", {f"earmark.{kind}": {name: value}})
        (folder / "odd_part.py").write_text(code)
        made.append(one := installed(folder))
        one.__enter__()

    yield given
    for one in reversed(made):
        one.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_outside")
def test_each_kind_is_found() -> None:
    assert plugins.package("backbones", "loudness") == "earmark-outside 0.3"
    for kind, name in (("backbones", "loudness"), ("heads", "plain"), ("datasets", "prefixed")):
        assert name in plugins.names(kind)
        assert plugins.broken(kind) == ()
    assert list(metrics.METRICS)[-1] == "mean_rank"
    assert metrics.broken() == ()
    assert find("loudness(parts=4)/plain(C=1)").short == "loudness(parts=4)/plain(C=1)"
    with pytest.raises(RecipeError, match=r"Did you mean 'loudness'"):
        find("loudnes/plain").check()
    with pytest.raises(RecipeError, match=r"backbone 'loudness' has no parameter 'part'. Did you mean 'parts'"):
        find("loudness(part=4)/plain").check()


@pytest.mark.usefixtures("_outside")
def test_each_kind_keeps_its_contract() -> None:
    check_backbone("loudness")
    check_head("plain")
    check_dataset("prefixed")
    check_metric("mean_rank")


@pytest.mark.usefixtures("_outside")
def test_compare_train_and_predict_use_them(sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prefixed"
    folder.mkdir()
    for clip in load_dataset(sounds).clips:
        (folder / f"{clip.label}__{clip.group}__{clip.path.name}").write_bytes(clip.path.read_bytes())
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["compare", str(folder), "-r", "loudness/plain", "--no-cache", "-o", str(out)])
    assert done.exit_code == 0, done.output
    told = json.loads((out / "metrics.json").read_text())
    score = told["recipes"][0]["mean_rank"]
    assert 1 <= score["low"] <= score["value"] <= score["high"] <= 3
    assert told["dataset"]["groups"] == 18
    model = earmark.train(folder, "loudness/plain", tmp_path / "model")
    assert model.predict(next(iter(folder.iterdir()))).label in {"low", "mid", "high"}


LISTED = {
    "backbones": ("backbone", "loudness"),
    "heads": ("head", "plain"),
    "datasets": ("dataset", "prefixed"),
    "metrics": ("metric", "mean_rank"),
}


@pytest.mark.usefixtures("_outside")
@pytest.mark.parametrize("kind", LISTED)
def test_lists_say_whose_a_part_is(kind: str) -> None:
    key, name = LISTED[kind]
    told = json.loads(CliRunner().invoke(main, ["list", kind, "--json"]).output)
    packages = {one[key]: one["package"] for one in told}
    assert packages.pop(name) == "earmark-outside 0.3"
    assert len(packages) > 3 or kind == "datasets"
    assert set(packages.values()) == {None}
    said = CliRunner().invoke(main, ["list", kind]).output
    assert said.count("of the package earmark-outside 0.3") == 1
    assert "cannot be used" not in said.lower()


@pytest.mark.parametrize("kind", LISTED)
def test_lists_say_what_is_broken_and_why(package, kind: str) -> None:
    package(kind, "odd", "raise ValueError('[red]no[/] luck')")
    key, reason = LISTED[kind][0], "it cannot be imported (ValueError: [red]no[/] luck)"
    done = CliRunner().invoke(main, ["list", kind, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)[-1] == {key: "odd", "package": "odd 1.0", "broken": reason}
    lines = CliRunner().invoke(main, ["list", kind]).output.splitlines()
    assert lines[-2:] == ["Cannot be used:", f"  the {key} 'odd' of the package odd 1.0 cannot be used: {reason}"]


GOOD = "def build(*, seconds=1.0):\n    ...\n"


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("backbones", "import nothing_of_that_name", "it cannot be imported .ModuleNotFoundError: No module named"),
        ("backbones", "raise SystemExit('bye')", "it cannot be imported .SystemExit: bye"),
        ("backbones", "def build(:", "it cannot be imported .SyntaxError"),
        ("heads", "raise ValueError('one\\ntwo')", "ValueError: one.$"),
        ("heads", "build = 3", r"a module with a function build\(\)"),
        ("backbones", GOOD, "wanted ABOUT"),
        ("datasets", GOOD, "no parameter 'path'"),
        (
            "heads",
            f"EARMARK_INTERFACE = 2\n{GOOD}",
            "version 2 of the interface, and here is version 1. Update Earmark",
        ),
        ("heads", f"EARMARK_INTERFACE = '0.9'\n{GOOD}", "version 0.9 of the interface.*Update that package"),
        ("heads", f"EARMARK_INTERFACE = 'new'\n{GOOD}", "EARMARK_INTERFACE = 'new'; wanted a number such as 1"),
    ],
)
def test_a_broken_part_breaks_nothing_and_is_told(package, sounds: Path, kind: str, code: str, said: str) -> None:
    package(kind, "odd", code)
    assert "odd" not in plugins.names(kind)
    (one,) = plugins.broken(kind)
    assert (one.name, one.package) == ("odd", "odd 1.0")
    with pytest.raises(RecipeError, match=said) as told:
        plugins.build(kind, "odd")
    assert str(told.value).startswith(f"the {kind[:-1]} 'odd' of the package odd 1.0 cannot be used: ")
    assert "\n" not in str(told.value)
    assert len(load_dataset(sounds).clips) == 36
    assert weights.known()
    for listing in ("backbones", "heads"):
        assert plugins.names(listing)


@pytest.mark.parametrize(("kind", "name"), [("backbones", "yamnet"), ("heads", "logreg"), ("datasets", "folder")])
def test_a_name_that_is_taken_stays_earmarks(package, kind: str, name: str) -> None:
    package(kind, name, "raise AssertionError('it was imported')")
    assert plugins.package(kind, name) is None
    assert plugins.module(kind, name).__name__.startswith("earmark.")
    assert [str(b) for b in plugins.broken(kind)] == [
        f"the {kind[:-1]} {name!r} of the package odd 1.0 cannot be used: Earmark has a {kind[:-1]} of that name. "
        "Its authors have to give it another"
    ]


def test_one_name_of_two_packages_is_neithers(package) -> None:
    package("heads", "odd", GOOD)
    package("heads", "odd", GOOD, value="odd_part:build", package="other")
    assert "odd" not in plugins.names("heads")
    with pytest.raises(RecipeError, match=r"package odd 1.0 and other 1.0|package other 1.0 and odd 1.0"):
        plugins.build("heads", "odd")


@pytest.mark.parametrize(
    ("code", "said"),
    [("def build():\n    1 / 0", "ZeroDivisionError"), ("def build():\n    return 3", "gave a int, which has no fit")],
)
def test_a_build_that_fails_is_told_in_one_line(package, code: str, said: str) -> None:
    package("heads", "odd", code)
    with pytest.raises(RecipeError, match=said) as told:
        plugins.build("heads", "odd")
    assert "\n" not in str(told.value)


def test_a_data_set_whose_look_fails_is_passed_over(package, sounds: Path) -> None:
    package("datasets", "odd", "def matches(path):\n    1 / 0\ndef build(path):\n    1 / 0\n")
    assert len(load_dataset(sounds).clips) == 36
    with pytest.raises(RecipeError, match="ZeroDivisionError"):
        load_dataset(f"odd:{sounds.parent}")


METRIC = "from earmark.metrics.clips import metric\nimport numpy as np\n@metric(best=1)\ndef odd(y, proba, weights):\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def odd(y, proba, weights):\n    return 0", "wanted a function with @metric"),
        (METRIC + "    1 / 0", "it failed on three clips .ZeroDivisionError"),
        (METRIC + "    return 1.0", r"it gave scores of shape \(\); wanted two numbers"),
        (METRIC.replace("def odd", "def other") + "    return 1.0\nodd = other", "its function is called 'other'"),
    ],
)
def test_a_broken_metric_breaks_nothing(package, code: str, said: str) -> None:
    package("metrics", "odd", code, "odd_part:odd")
    assert "odd" not in metrics.METRICS
    assert evaluate([0, 1], np.eye(2), ["a", "b"], None).scores["accuracy"].value == 1
    with pytest.raises(DataError, match=said):
        check_metric("odd")


def test_a_metric_does_not_take_the_name_of_something_else_in_reports(package) -> None:
    package("metrics", "labels", METRIC.replace("odd", "labels") + "    return weights.sum(axis=-1)", "odd_part:labels")
    assert "labels" not in metrics.METRICS
    with pytest.raises(DataError, match=r"metrics\.json has something else of that name"):
        check_metric("labels")


def test_a_metric_that_fails_later_is_no_number(package) -> None:
    package("metrics", "odd", METRIC + "    assert len(y) == 3\n    return weights.sum(axis=-1)", "odd_part:odd")
    found = evaluate([0, 1], np.eye(2), ["a", "b"], None)
    assert math.isnan(found.scores["odd"].value)
    assert found.to_dict()["odd"] == {"value": None, "low": None, "high": None}


@pytest.mark.usefixtures("_outside")
def test_a_metric_without_a_worst_value_has_an_interval() -> None:
    random = np.random.default_rng(0)
    proba = random.dirichlet(np.ones(6), 200)
    y = np.array([random.choice(6, p=p) for p in proba])
    found = evaluate(y, proba, list("abcdef"), np.repeat(np.arange(40), 5)).scores["mean_rank"]
    assert 1 < found.low < found.value < found.high < 6
    assert found.high - found.low < 1
    assert not metrics.METRICS["mean_rank"].higher_is_better
    perfect = evaluate([0, 1], np.eye(2), ["a", "b"], None)
    assert perfect.to_dict()["mean_rank"] == {"value": 1, "low": 1, "high": None}


def test_contracts_tell_what_is_not_kept(package) -> None:
    with pytest.raises(AssertionError, match="wanted: "):
        check_head(lambda: _Guess())
    package("metrics", "odd", METRIC + "    return weights.sum(axis=-1)", "odd_part:odd")
    with pytest.raises(AssertionError):
        check_metric("odd")


class _Guess:
    """Answers every question with the first class."""

    def fit(self, X: np.ndarray, y: np.ndarray, groups: object = None) -> _Guess:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.eye(len(self.classes_), dtype=np.float32)[np.zeros(len(X), int)]
