"""The made-up music: real files, the same each time, with the faults it says it has."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from earmark import audio
from earmark.audio import synthetic
from earmark.core.errors import AudioError, DataError

SMALL = {"artists": 2, "clips": 4, "seconds": (1.0, 1.2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthetic.make(tmp_path_factory.mktemp("made"), **SMALL).parent


def embeddings(folder: Path) -> list[dict[str, str]]:
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fault(folder: Path, kind: str) -> dict[str, str]:
    faults = json.loads((folder / "faults.json").read_text())["faults"]
    return next(f for f in faults if f["fault"] == kind)


def test_table_lists_every_file_once(folder):
    listed = [embedding["path"] for embedding in embeddings(folder)]
    there = [p.relative_to(folder).as_posix() for p in folder.glob("*/*")]
    assert sorted(listed) == sorted(there)
    assert len(listed) == 6 * 2 * 4 + 3
    assert all(
        embedding["path"].startswith(f"{embedding['label']}/{embedding['label']}.") for embedding in embeddings(folder)
    )
    assert len({embedding["label"] for embedding in embeddings(folder)}) == 6
    assert len({embedding["group"] for embedding in embeddings(folder)}) == 12


def test_formats_tell_no_style_and_no_artist(folder):
    added = {fault(folder, kind)["path"] for kind in ("exact duplicate", "re-encoded duplicate", "unreadable")}
    counts = Counter(
        (embedding["group"], Path(embedding["path"]).suffix)
        for embedding in embeddings(folder)
        if embedding["path"] not in added
    )
    assert set(counts.values()) == {1}
    assert {suffix for _, suffix in counts} == {f".{f}" for f in synthetic.FORMATS}


def test_sounds_can_be_used(folder):
    broken = fault(folder, "unreadable")["path"]
    for embedding in embeddings(folder):
        if embedding["path"] == broken:
            with pytest.raises(AudioError, match="unreadable"):
                audio.load(folder / broken, 22050)
            continue
        sound = audio.load(folder / embedding["path"], 22050)
        assert 0.8 <= len(sound) / 22050 <= 1.3
        assert 0.15 < np.abs(sound).max() < 1.1


def test_planted_faults_are_what_they_say(folder):
    table = {embedding["path"]: embedding for embedding in embeddings(folder)}
    same = fault(folder, "exact duplicate")
    assert (folder / same["path"]).read_bytes() == (folder / same["of"]).read_bytes()
    assert table[same["path"]]["group"] != table[same["of"]]["group"]

    again = fault(folder, "re-encoded duplicate")
    copy, original = (audio.load(folder / again[k], 22050) for k in ("path", "of"))
    assert (folder / again["path"]).read_bytes() != (folder / again["of"]).read_bytes()
    shift = original[2205:][: len(copy)]
    assert np.corrcoef(copy[: len(shift)], shift)[0, 1] > 0.9
    assert table[again["path"]]["group"] != table[again["of"]]["group"]

    wrong = fault(folder, "wrong label")
    artist = table[wrong["path"]]["group"]
    assert table[wrong["path"]]["label"] == wrong["label"] != wrong["truth"]
    assert {r["label"] for r in embeddings(folder) if r["group"] == artist} == {wrong["label"], wrong["truth"]}


def test_it_says_that_it_is_synthetic(folder):
    assert json.loads((folder / "faults.json").read_text())["synthetic"] is True
    assert (folder / "README.txt").read_text().startswith("This is no music: a program made it up.")


def test_same_seed_same_samples(folder, tmp_path):
    again = synthetic.make(tmp_path / "again", **SMALL).parent
    other = synthetic.make(tmp_path / "other", seed=1, **SMALL).parent
    assert (again / "clips.csv").read_bytes() == (folder / "clips.csv").read_bytes()
    assert (other / "clips.csv").read_bytes() != (folder / "clips.csv").read_bytes()
    broken = fault(folder, "unreadable")["path"]
    for embedding in embeddings(folder)[::5]:
        if embedding["path"] != broken:
            first = audio.load(folder / embedding["path"], 22050)
            np.testing.assert_array_equal(audio.load(again / embedding["path"], 22050), first)
    path = embeddings(folder)[0]["path"]
    one, two = audio.load(other / path, 22050), audio.load(folder / path, 22050)
    assert len(one) != len(two) or not np.allclose(one, two, atol=0.1)


def test_a_finished_folder_is_left_alone_and_an_unfinished_one_is_finished(tmp_path):
    calls = []
    table = synthetic.make(tmp_path, **SMALL, progress=lambda done, all_: calls.append((done, all_)))
    assert calls == [(i + 1, 48) for i in range(48)]
    synthetic.make(tmp_path, **SMALL, progress=lambda *_: pytest.fail("it was made again"))
    (tmp_path / "faults.json").unlink()
    before = table.read_bytes()
    synthetic.make(tmp_path, **SMALL)
    assert table.read_bytes() == before
    listed = {embedding["path"] for embedding in embeddings(tmp_path)}
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*/*")} == listed


@pytest.mark.parametrize("wrong", [{"artists": 1}, {"clips": 1}, {"seconds": (2.0, 1.0)}, {"seconds": (0.0, 1.0)}])
def test_refuses(tmp_path, wrong):
    with pytest.raises(DataError, match="wanted 2 artists and 2 clips or more"):
        synthetic.make(tmp_path, **{**SMALL, **wrong})


@pytest.mark.slow
def test_artists_are_easier_to_tell_apart_than_styles(tmp_path):
    """With classical features, evaluating by clip flatters and evaluating by artist does not."""
    from sklearn.model_selection import GroupKFold, KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from earmark.core import plugins

    folder = synthetic.make(tmp_path).parent
    built = plugins.build("backbones", "mfcc")
    kept = [embedding for embedding in embeddings(folder) if embedding["path"] != fault(folder, "unreadable")["path"]]
    X = np.array([built.embed(audio.load(folder / r["path"], built.sample_rate)).mean(axis=0) for r in kept])
    y, groups = ([embedding[key] for embedding in kept] for key in ("label", "group"))
    model = make_pipeline(StandardScaler(), SVC())
    by_clip = cross_val_score(model, X, y, cv=KFold(5, shuffle=True, random_state=0)).mean()
    by_artist = cross_val_score(model, X, y, cv=GroupKFold(5), groups=groups).mean()
    assert by_clip > 0.9
    assert 0.4 < by_artist < by_clip - 0.15
