"""The ladder of protocols, files of embeddings, and shares with intervals: numbers that are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import earmark
from earmark.backbones.base import load_backbone
from earmark.cli import main
from earmark.core.errors import DataError, RecipeError
from earmark.data.cache import Cache
from earmark.embeddings.ready import read
from earmark.metrics.shares import difference, share
from earmark.models import prepare
from earmark.models.prepare import from_ready, open_data
from earmark.recipes.recipe import Recipe
from earmark.report import ladder as report
from earmark.studies.ladder import apart, ladder


def artists(path: Path, *, times: bool = True, seed: int = 0) -> Path:
    """Embeddings that give away clip and artist more than class: 3 classes, 6 artists each, 3 clips each, 8 embeddings each.

    Each embedding lies 1 s after the one before and is 2 s long, half of it shared.
    """
    random = np.random.default_rng(seed)
    X, ids, labels, groups, folds, start = [], [], [], [], [], []
    for k in range(3):
        kind = random.normal(0, 0.7, 12)
        for artist in range(6):
            own = random.normal(0, 1.5, 12)
            for clip in range(3):
                sound = kind + own + random.normal(0, 0.8, 12)
                for embedding in range(8):
                    X.append(sound + random.normal(0, 1.2, 12))
                    ids.append(f"c{k}/{artist}-{clip}.wav")
                    labels.append("abc"[k])
                    groups.append(f"{k}.{artist}")
                    folds.append("test" if artist == 5 else "train")
                    start.append(float(embedding))
    order = random.permutation(len(X))  # a file need not be sorted by clip
    order = np.concatenate([order[np.array(ids)[order] == i] for i in dict.fromkeys(np.array(ids)[order])])
    order = np.concatenate([np.sort(order[np.array(ids)[order] == i]) for i in dict.fromkeys(np.array(ids)[order])])
    more = {"start": np.array(start)[order], "end": np.array(start)[order] + 2} if times else {}
    np.savez(
        path,
        X=np.float32(X)[order],
        IDS=np.array(ids)[order],
        labels=np.array(labels)[order],
        groups=np.array(groups)[order],
        folds=np.array(folds)[order],
        **more,
    )
    return path


def test_every_rung_and_what_is_lost(tmp_path: Path) -> None:
    found = ladder(artists(tmp_path / "embeddings.npz"), "embeddings/knn", folds=3)
    assert [r.name for r in found.rungs] == ["windows", "windows apart", "clips", "groups", "published"]
    by = {r.name: r for r in found.rungs}
    assert by["windows"].windows.value > by["clips"].windows.value > by["groups"].windows.value
    assert (by["windows"].window_count, by["windows apart"].window_count, by["published"].window_count) == (
        432,
        216,
        72,
    )
    assert found.total is not None
    assert (found.total.a, found.total.b) == ("windows", "groups")
    assert found.total.windows.high < 0
    assert found.total.windows.value == pytest.approx(by["groups"].windows.value - by["windows"].windows.value)
    assert found.steps[-1].evaluated == by["published"].evaluated == 9
    assert found.unit == "groups"
    again = ladder(artists(tmp_path / "embeddings.npz"), "embeddings/knn", folds=3)
    assert again.rungs == found.rungs
    assert again.total == found.total


def test_rungs_that_the_data_do_not_allow_are_told(tmp_path: Path) -> None:
    found = ladder(artists(tmp_path / "embeddings.npz", times=False), "embeddings/lda", folds=3)
    assert "does not say where its embeddings start" in found.missing["windows apart"]
    pooled = ladder(artists(tmp_path / "embeddings.npz"), "embeddings:mean/lda", folds=3)
    assert set(pooled.missing) == {"windows", "windows apart"}
    assert "no embeddings to deal out" in pooled.missing["windows"]
    with np.load(tmp_path / "embeddings.npz") as file:
        rest = {k: file[k] for k in ("X", "IDS", "labels")}
    np.savez(tmp_path / "bare.npz", **rest)
    bare = ladder(tmp_path / "bare.npz", "embeddings/lda", folds=3)
    assert set(bare.missing) == {"windows apart", "groups", "published"}
    assert bare.unit == "clips"
    assert "upper bound" in " ".join(report.lead(bare))
    with pytest.raises(DataError, match="no rung is possible"):
        ladder(tmp_path / "bare.npz", "embeddings/lda", rungs=["groups"])
    with pytest.raises(DataError, match="no rung is called"):
        ladder(tmp_path / "bare.npz", "embeddings/lda", rungs=["artists"])


def test_rows_apart_share_no_sample(tmp_path: Path) -> None:
    data = open_data(artists(tmp_path / "embeddings.npz"), [Recipe.parse("embeddings/lda")])
    thin = next(iter(apart(data).embeddings.values()))
    assert thin.start[thin.clip == 0].tolist() == [0, 2, 4, 6]
    with pytest.raises(DataError, match="do not overlap"):
        apart(apart(data))


class TestFilesOfRows:
    def test_the_order_of_rows_and_clips_is_the_files(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", X=np.arange(10.0).reshape(5, 2), id=["b", "a", "b", "c", "a"], y=[1, 0, 1, 0, 0])
        found = read(tmp_path / "a.npz")
        assert [c.id for c in found.dataset.clips] == ["b", "a", "c"]
        assert [c.label for c in found.dataset.clips] == ["1", "0", "0"]
        np.testing.assert_array_equal(found.embeddings["embeddings"].X[:, 0], [0, 4, 2, 8, 6])
        np.testing.assert_array_equal(found.embeddings["embeddings"].clip, [0, 0, 1, 1, 2])

    def test_train_and_test_files_are_the_published_split(self, tmp_path: Path) -> None:
        for side, n in (("train", 6), ("test", 4)):
            ids = [f"{side}{i // 2}" for i in range(2 * n)]
            np.savez(tmp_path / f"f-{side}.npz", X=np.ones((2 * n, 3)), ids=ids, Y=[i // 2 % 2 for i in range(2 * n)])
        found = read(tmp_path / "f-*.npz")
        assert found.dataset.name == "f"
        assert {c.fold for c in found.dataset.clips if c.id.startswith("test")} == {"test"}
        run = earmark.compare(tmp_path / "f-*.npz", ["embeddings/knn"], protocol="published").runs[0]
        assert len(run.ids) == 4

    def test_several_arrays_are_called_by_their_names(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        label = np.repeat(["a", "b"], 12)
        one = random.normal(0, 1, (24, 3)) + 3 * (label == "a")[:, None]
        np.savez(tmp_path / "f.npz", one=one, Two=one[:, :2], ids=np.arange(24).astype(str), labels=label)
        recipes = ["one/lda", "two:mean/lda", "one+two/lda"]
        assert len(earmark.compare(tmp_path / "f.npz", recipes, folds=3).runs) == 3
        with pytest.raises(RecipeError, match=r"no embeddings called 'yamnet'\. It has: one, two"):
            earmark.compare(tmp_path / "f.npz", ["yamnet/lda"])

    def test_a_table_tells_what_the_file_does_not_know(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "f.npz", X=np.ones((3, 2)), ids=["x/a.au", "x/b.au", "x/c.au"])
        (tmp_path / "t.csv").write_text("clip,genre,artist\na,rock,Ann\nb,jazz,\nc,rock,Ben\n")
        found = read(tmp_path / "f.npz").told(tmp_path / "t.csv", {"label": "genre", "group": "artist"})
        assert [(c.label, c.group) for c in found.dataset.clips] == [
            ("rock", "Ann"),
            ("jazz", "only x/b.au"),
            ("rock", "Ben"),
        ]
        with pytest.raises(DataError, match="no column author"):
            read(tmp_path / "f.npz").told(tmp_path / "t.csv", {"group": "author"})
        (tmp_path / "t.csv").write_text("clip,label\na,rock\n")
        with pytest.raises(DataError, match="no line for the clip"):
            read(tmp_path / "f.npz").told(tmp_path / "t.csv")

    @pytest.mark.parametrize("ending", ["parquet", "npz", "csv"])
    @pytest.mark.parametrize("pool", ["windows", "mean"])
    def test_what_embed_writes_is_read_back(self, ending: str, pool: str, sounds: Path, tmp_path: Path) -> None:
        from earmark.embeddings.files import write

        dataset = earmark.load_dataset(sounds)
        backbone = load_backbone("mfcc(seconds=1)")  # type: ignore[attr-defined]
        embeddings = earmark.embed(dataset.clips, backbone)
        write(tmp_path / f"embeddings.{ending}", embeddings, dataset, backbone, pool)
        found = read(tmp_path / f"embeddings.{ending}")
        wanted = embeddings.X if pool == "windows" else embeddings.vectors("mean")
        np.testing.assert_allclose(found.embeddings["embeddings"].X, wanted, rtol=1e-5, atol=1e-5)
        assert found.embeddings["embeddings"].ids == embeddings.ids
        by_id = {c.id: c for c in dataset.clips}
        assert all(c.label == by_id[c.id].label and c.group == by_id[c.id].group for c in found.dataset.clips)

    def test_faults_are_told(self, tmp_path: Path) -> None:
        file = tmp_path / "f.npz"
        for arrays, told in [
            ({"X": np.ones((2, 2))}, "wanted 'ids'"),
            ({"ids": ["a", "b"]}, "no array of embeddings"),
            ({"ids": ["a", "b"], "X": np.ones((2, 2)), "Y": [0]}, "wanted one for each window"),
            ({"ids": ["a", "a"], "X": np.ones((2, 2)), "Y": [0, 1]}, "more than one label"),
            ({"ids": ["a", "b"], "X": np.full((2, 2), np.nan)}, "not finite"),
        ]:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            with pytest.raises(DataError, match=told):
                read(file)
        np.savez(file, ids=np.array(["a", "b"]), X=np.ones((2, 2)))
        with pytest.raises(DataError, match="have no label"):
            earmark.compare(file, ["embeddings/lda"])
        file.write_bytes(b"PK not really")
        with pytest.raises(DataError, match=r"not a readable file of embeddings \(no \.npz"):
            read(file)


class TestShares:
    def test_a_ratio_of_sums(self) -> None:
        groups = np.array(["a", "a", "b", "b", "c"])
        found = share([1, 2, 0, 3, 4], [2, 2, 2, 4, 4], groups)
        assert found.value == pytest.approx(10 / 14)
        assert 0 < found.low < found.value < found.high < 1

    def test_a_difference_is_of_the_clips_that_both_judge(self) -> None:
        groups = np.array([f"g{i // 2}" for i in range(40)])
        right = np.tile([1, 1, 0, 1], 10)
        evaluated = np.ones(40, int)
        other = np.where(np.arange(40) < 20, 1, 0)
        found = difference((right, evaluated), (right * other, other), groups)
        assert found.value == 0
        assert found.low < 0 < found.high

    def test_equal_outcomes_are_as_sure_as_the_number_of_groups_makes_it(self) -> None:
        groups = np.arange(100).astype(str)
        ones = np.ones(100)
        found = difference((ones, ones), (ones, ones), groups)
        assert found.value == 0
        assert found.high == pytest.approx(1 - 0.025 ** (1 / 100))

    def test_intervals_hold_what_they_promise(self) -> None:
        """Of 200 made sets of 40 groups, in which embeddings of a group go together, about 95 % hold the true difference."""
        held = 0
        for seed in range(200):
            random = np.random.default_rng(seed)
            sizes = random.integers(1, 6, 40)
            groups = np.repeat(np.arange(40), sizes).astype(str)
            skill = np.repeat(random.beta(6, 3, 40), sizes)
            total = random.integers(5, 20, len(skill))
            a, b = random.binomial(total, skill), random.binomial(total, skill * 0.85)
            truth = 6 / 9 * (0.85 - 1)
            found = difference((b, total), (a, total), groups, seed=seed)
            held += found.low <= truth <= found.high
        assert 182 <= held <= 198


def test_commands(tmp_path: Path) -> None:
    embeddings = artists(tmp_path / "embeddings.npz")
    call = CliRunner().invoke
    result = call(
        main,
        ["study", "ladder", str(embeddings), "--head", "lda", "--folds", "3", "-o", str(tmp_path / "out"), "--json"],
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert [r["rung"] for r in told["rungs"]] == ["windows", "windows apart", "clips", "groups", "published"]
    assert json.loads((tmp_path / "out" / "ladder.json").read_text())["total"] == told["total"]
    assert "leakage" in (tmp_path / "out" / "ladder.html").read_text()
    assert (tmp_path / "out" / "figures" / "ladder.svg").exists()
    result = call(
        main,
        ["study", "ladder", str(embeddings), "--head", "lda", "--folds", "3", "--rung", "clips", "--rung", "groups"],
    )
    assert "groups" in result.output
    assert call(main, ["study", "ladder", str(embeddings)]).exit_code == 1
    (tmp_path / "cat.wav").touch()  # a folder of sounds, whatever else lies in it
    result = call(main, ["study", "ladder", str(tmp_path), "--head", "lda"])
    assert "not files of embeddings" in result.output
    result = call(main, ["compare", str(embeddings), "-r", "embeddings/lda", "--folds", "3"])
    assert result.exit_code == 0, result.output


def test_a_ladder_of_sounds(sounds: Path, tmp_path: Path) -> None:
    """Sounds and files of embeddings go one road: the same embeddings, the same numbers."""
    from earmark.embeddings.files import write

    dataset = earmark.load_dataset(sounds)
    cache = Cache(tmp_path / "cache")
    backbone = load_backbone("mfcc(seconds=1)")  # type: ignore[attr-defined]
    of_sounds = ladder(dataset, "mfcc(seconds=1)/lda", folds=2, cache=cache)
    embeddings = earmark.embed(dataset.clips, backbone, cache=cache)
    used = prepare.prepare(dataset, [Recipe.parse("mfcc(seconds=1)/lda")], cache=cache).dataset
    write(tmp_path / "embeddings.npz", embeddings, used, backbone)
    of_embeddings = ladder(tmp_path / "embeddings.npz", "mfcc/lda", folds=2, rungs=[r.name for r in of_sounds.rungs])
    for a, b in zip(of_sounds.rungs, of_embeddings.rungs, strict=True):
        assert (a.windows.value, a.clips.value) == (b.windows.value, b.clips.value)


def test_published_taggrams(shared: Path) -> None:
    """Fault-filtered musicnn taggrams, 443 clips learnt, 290 evaluated. scikit-learn's SVC on standardised columns gives
    69.6 % of embeddings and, by majority vote, 75.9 % of clips; a clip is a third of a point."""
    files = read(shared / "data" / "features" / "gtzan-musicnn-taggram-*.npz")
    table = shared / "data" / "gtzan" / "all-1000-clips.csv"
    recipe = Recipe.parse("embeddings/svm(C=0.1, kernel=linear)")
    data = from_ready(files.told(table, {"label": "genre", "group": "artist_sturm"}), [recipe])
    (rung,) = ladder(data, recipe, rungs=["published"]).rungs
    assert rung.evaluated == 290
    assert 0.69 <= rung.windows.value <= 0.71
    assert 0.75 <= rung.clips.value <= 0.80


def test_a_step_that_is_a_smaller_training_side_is_told(tmp_path: Path) -> None:
    notes = ladder(artists(tmp_path / "f.npz"), "embeddings/knn").notes
    told = [note for note in notes if "smaller training side" in note]
    assert any(note.startswith("Rung 'windows apart' learns from") for note in told)
    assert not any(note.startswith("Rung 'groups' learns") for note in told)
