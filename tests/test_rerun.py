"""Same seed, same numbers: metrics.json is equal but for times, and `earmark rerun` finds out what is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.studies.rerun import Difference
from earmark.studies.rerun import _differences as differences
from reports import without_times

RECIPES = ("mfcc/logreg", "stack(mfcc:mean/lda,mfcc/knn)")


def call(*args: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def made(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A copy of the data that may be changed, the report of a comparison on it, and the cache."""
    folder = tmp_path_factory.mktemp("again")
    data = Path(shutil.copytree(sounds.parent, folder / "data")) / "clips.csv"
    recipes = [word for r in RECIPES for word in ("-r", r)]
    call(
        "compare",
        data,
        *recipes,
        "--protocol",
        "groups",
        "--folds",
        3,
        "--seeds",
        2,
        "--seed",
        7,
        "-o",
        folder / "out",
        "--cache",
        folder / "cache",
    )
    return data, folder / "out", folder / "cache"


def test_another_process_gives_the_same_metrics(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Another process, no cache, another folder, another order of hashing: equal but for times."""
    data, report, _ = made
    recipes = [word for r in RECIPES for word in ("-r", r)]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "earmark",
            "compare",
            "data/clips.csv",
            *recipes,
            "--protocol",
            "groups",
            "--folds",
            "3",
            "--seeds",
            "2",
            "--seed",
            "7",
            "-o",
            str(tmp_path / "out"),
            "--no-cache",
        ],
        check=True,
        capture_output=True,
        cwd=data.parent.parent,
        env=os.environ | {"PYTHONHASHSEED": "12345"},
    )
    then, now = (json.loads((f / "metrics.json").read_text()) for f in (report, tmp_path / "out"))
    assert then["source"] == [str(data)]
    assert without_times(then) == without_times(now)
    # The paths in predictions.csv are as they were given: absolute there, relative here.
    said = (tmp_path / "out" / "predictions.csv").read_text()
    assert said.replace(",data/", f",{data.parent}/") == (report / "predictions.csv").read_text()


def test_rerun_says_that_all_is_the_same(
    made: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, report, cache = made
    monkeypatch.chdir(tmp_path)
    told = call("rerun", report, "--cache", cache, "-o", tmp_path / "again")
    assert told.startswith("The same: all ")
    assert "values are what they were (but for times)" in told
    again = earmark.rerun(tmp_path / "again" / "metrics.json", cache=earmark.Cache(cache))
    assert again.same
    assert not again.versions
    assert again.compared > 200


def test_rerun_tells_other_numbers_and_other_versions(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, report, cache = made
    told = json.loads((report / "metrics.json").read_text())
    was = told["recipes"][0]["accuracy"]["value"]
    told["recipes"][0]["accuracy"]["value"] = was - 0.25
    told["versions"]["numpy"] = "1.0"
    told["recipes"][0]["backbones"][0]["fingerprint"] = "of a net that was exported by another version"
    (tmp_path / "metrics.json").write_text(json.dumps(told))
    out = call("rerun", tmp_path, "--cache", cache, code=1)
    assert "versions.numpy: '1.0' then, '" in out
    assert f"recipes[0].accuracy.value: {was - 0.25!r} then, {was!r} now (+0.25)" in out
    told["recipes"][0]["accuracy"]["value"] = was
    (tmp_path / "metrics.json").write_text(json.dumps(told))
    out = call("rerun", tmp_path, "--cache", cache)
    assert "Versions differ" in out
    assert "The same" in out


def test_rerun_tells_other_data(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, report, cache = made
    moved = Path(shutil.copytree(data.parent, tmp_path / "moved")) / "clips.csv"
    assert "The same" in call("rerun", report, "--data", moved, "--cache", cache)
    first = moved.parent / moved.read_text().splitlines()[1].split(",")[0]
    sound, rate = soundfile.read(first)
    soundfile.write(first, 0.5 * sound, rate)
    out = call("rerun", report, "--data", moved, "--cache", cache, code=1)
    assert "The data are not what they were:\n  dataset.fingerprint: '" in out
    found = json.loads(call("rerun", report, "--data", moved, "--cache", cache, "--json", code=1))
    assert not found["same"]
    assert [d["where"] for d in found["data"]] == ["dataset.fingerprint"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "not a readable metrics.json"),
        ([], "not the report of a comparison by this version"),
        ({"recipes": [{}]}, "recipes missing or wrong"),
        ({"seed": "0"}, "seed missing or wrong"),
        ({"protocol": "held out"}, "earmark evaluate MODEL DATA"),
        ({"source": []}, "does not say where its data lie. Name them"),
        ({"source": ["/nowhere/clips.csv"]}, "there is nothing at /nowhere/clips.csv"),
    ],
)
def test_what_cannot_be_run_again(
    made: tuple[Path, Path, Path], tmp_path: Path, change: dict[str, Any] | list[Any] | None, message: str
) -> None:
    told = json.loads((made[1] / "metrics.json").read_text())
    text = "no JSON" if change is None else json.dumps(told | change if isinstance(change, dict) else change)
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(DataError, match=message):
        earmark.rerun(tmp_path)


def test_data_without_a_place_are_told_as_such(sounds: Path) -> None:
    dataset = earmark.load_dataset(sounds)
    assert earmark.compare(dataset, ["mfcc/lda"], protocol="groups", folds=2).source == ()


def test_rounding_is_told_apart_from_change(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, report, cache = made
    told = json.loads((report / "metrics.json").read_text())
    loss = told["recipes"][0]["log_loss"]["value"]
    told["recipes"][0]["log_loss"]["value"] = loss + 4e-7
    (tmp_path / "metrics.json").write_text(json.dumps(told))
    found = earmark.rerun(tmp_path, cache=earmark.Cache(cache))
    assert found.same
    assert [d.where for d in found.rounding] == ["recipes[0].log_loss.value"]
    told["recipes"][0]["log_loss"]["value"] = loss + 4e-6
    (tmp_path / "metrics.json").write_text(json.dumps(told))
    found = earmark.rerun(tmp_path, cache=earmark.Cache(cache))
    assert not found.same
    assert [d.where for d in found.numbers] == ["recipes[0].log_loss.value"]
    assert not found.rounding


@pytest.mark.parametrize(
    ("then", "now", "places"),
    [
        ({"note": "took 1.2 s on 4 clips"}, {"note": "took 61 s on 4 clips"}, []),
        ({"a": [{"notes": ["fitted in 3 min"]}]}, {"a": [{"notes": ["fitted in 14 seconds"]}]}, []),
        ({"note": "took 1.2 s on 4 clips"}, {"note": "took 1.2 s on 5 clips"}, ["note"]),
        ({"id": "x from 1.5 s"}, {"id": "x from 2.5 s"}, ["id"]),  # a name, no note
        ({"p": 0.1}, {"p": 0.1 + 2e-16}, ["p"]),
        ({"p": 1}, {"p": 1.0}, ["p"]),
    ],
)
def test_times_are_not_compared_in_notes_neither(then: Any, now: Any, places: list[str]) -> None:
    assert [d.where for d in differences(then, now)] == places


@pytest.mark.parametrize(
    ("then", "now", "rounding"),
    [(0.5, 0.5 + 9e-7, True), (0.5, 0.5 + 2e-6, False), (3e5, 3e5 + 0.2, True), (1, 2, False), (0.5, None, False)],
)
def test_what_counts_as_rounding(then: Any, now: Any, rounding: bool) -> None:
    assert Difference("x", then, now).rounding is rounding
