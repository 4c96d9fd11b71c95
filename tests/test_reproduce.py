"""`earmark reproduce`: the paper's splits, what they let through, and the road to its report on a tiny GTZAN."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from numpy.typing import NDArray

from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data import split
from earmark.data.clips import Clip, Dataset
from earmark.data.load import load_dataset
from earmark.data.split import Split
from earmark.models.cross_validate import run
from earmark.models.prepare import prepare
from earmark.recipes.recipe import Recipe
from earmark.studies import reproduce
from earmark.studies.reproduce import leaks, paper, trials

RATE = 8000


def tone(hertz: float, seconds: float, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    time = np.arange(int(RATE * seconds)) / RATE
    return 0.4 * np.sin(2 * np.pi * hertz * (1 + 0.02 * random.normal()) * time) + 0.05 * random.normal(size=len(time))


@pytest.fixture(scope="module")
def genres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as GTZAN's: four genres of a few clips of 10.5 s, one short clip, one unreadable file."""
    folder = tmp_path_factory.mktemp("gtzan") / "genres"
    for k, genre in enumerate(("country", "disco", "jazz", "metal")):
        (folder / genre).mkdir(parents=True)
        for n in range(4):
            seconds = 2.5 if (genre, n) == ("metal", 3) else 10.5
            # Numbers far apart: GTZAN's neighbours are often of one artist.
            soundfile.write(folder / genre / f"{genre}.{9 * n:05d}.wav", tone(200 * 1.6**k, seconds, 10 * k + n), RATE)
    (folder / "jazz" / "jazz.00054.wav").write_bytes(b"no sound")
    return folder


def test_the_papers_tables_add_up() -> None:
    for claim in paper.CLAIMS:
        assert sum(embedding[3] for embedding in claim.classes.values()) == claim.evaluated
        right = sum(embedding[1] * embedding[3] for embedding in claim.classes.values()) / claim.evaluated
        assert right == pytest.approx(claim.accuracy, abs=0.006)
        for precision, recall, f1, _ in claim.classes.values():
            assert f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=0.011)


def test_the_papers_split_is_the_papers() -> None:
    drawn = trials.at_random(1000)
    assert drawn.test[:5].tolist() == [521, 737, 740, 660, 411]  # train_test_split(test_size=.2, random_state=42)
    assert (len(drawn.train), len(drawn.test)) == (800, 200)
    assert len(trials.at_random(13490).test) == paper.CNN.evaluated


def test_what_a_split_lets_through() -> None:
    def chunk(track: str, start: float, artist: str) -> Clip:
        return Clip(f"{track}@{start}", Path(track), "a", artist, start=start, duration=4.0)

    clips = [chunk("x", 0, "A"), chunk("x", 2, "A"), chunk("x", 6, "A"), chunk("y", 0, "A"), chunk("z", 0, "B")]
    found = leaks.leak(clips, Split(np.array([0]), np.array([1, 2, 3, 4])), groups=True)
    assert found == leaks.Leak(track=0.5, samples=0.25, artist=0.75)
    assert leaks.leak(clips, Split(np.array([0, 1]), np.array([2])), groups=False) == leaks.Leak(1.0, 0.0, None)


def test_pieces_are_clips_with_rows_of_their_own(genres: Path) -> None:
    recipe = Recipe.parse("logmel(seconds=4)/cnn")
    data = prepare(load_dataset(genres), [recipe])
    (part,) = recipe.backbones
    chunks = leaks.pieces(data, part)
    assert len(chunks.labels) == len(data.embeddings[part].X) > len(data.labels)
    assert len(set(chunks.digests)) == len({c.id for c in chunks.dataset.clips}) == len(chunks.labels)
    names = split.groups_of(chunks.dataset, "clips", chunks.digests)
    assert len(set(names.tolist())) == len(data.labels)
    cut = split.stratified(chunks.labels, names, folds=2, seed=0)[0]
    assert leaks.leak(chunks.dataset.clips, cut, groups=True).track == 0.0


def test_splits_as_given_are_judged_as_given(genres: Path) -> None:
    recipe = Recipe.parse("mfcc/lda")
    data = prepare(load_dataset(genres), [recipe])
    every = np.arange(len(data.labels))
    part = Split(every[::2], every[1::2])
    found = run(recipe, data, protocol="clips", splits=(part,))
    assert found.ids == tuple(data.dataset.clips[i].id for i in part.test)
    assert found.fold.tolist() == [0] * len(part.test)
    assert found.evaluation.n_clips == len(part.test)


def test_a_split_that_leaves_a_genre_unlearnt_is_told(genres: Path) -> None:
    recipe, opened = Recipe.parse("mfcc/lda"), load_dataset(genres)
    one = [next(c.id for c in opened.clips if c.label == label) for label in opened.classes]
    plan = trials.Plan(2, 2, True, False, None, lambda _: None, [])
    data = prepare(opened.without([], [c.id for c in opened.clips if c.id not in one]), [recipe])
    assert trials.as_in_paper(recipe, data, plan) == []
    assert plan.missing[0].startswith("mfcc/lda on the paper's split: by chance it holds all clips of ")


def test_the_whole_reproduction(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path / "home"))  # no weights there: everything must still be told
    done = CliRunner().invoke(main, ["reproduce", str(genres), "--quick", "--float32", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "out" / "metrics.json").read_text())
    trials = {(t["recipe"], t["protocol"]): t for t in numbers["trials"]}
    ran = trials["paper-cnn-as-run", "paper"]
    assert "jazz" not in ran["labels"]
    assert ran["known_in_training"]["track"] > 0.8
    assert len(ran["history"][0]["valid_loss"]) == numbers["epochs"] == 2
    assert trials["paper-cnn-as-run", "clips"]["known_in_training"]["track"] == 0
    assert trials["paper-cnn-as-run", "clips"]["known_in_training"]["samples"] == 0
    assert {r["rung"] for r in numbers["ladders"][0]["rungs"]} <= {"windows", "clips", "groups"}
    assert numbers["data"]["excluded"] == [
        {"path": "jazz/jazz.00054.wav", "reason": numbers["data"]["excluded"][0]["reason"]}
    ]
    assert any("frozen vggish: its weights are not here" in m for m in numbers["missing"])
    page = (tmp_path / "out" / "report.html").read_text()
    for said in ("jazz.00054.wav", "2698", "earmark weights add vggish", "Figure 8 of the paper", "mean nothing"):
        assert said in page
    assert "Table 8" in done.output
    assert "Table 12" in done.output


def test_artists_come_from_the_table_and_unknown_ones_are_told(genres: Path, tmp_path: Path) -> None:
    told: list[str] = []
    assert reproduce.opened_with_artists(genres, told).has_groups
    assert told == []  # GTZAN's artists are known
    for genre in ("country", "disco"):
        (tmp_path / genre).symlink_to(genres / genre)
    (tmp_path / "clips.csv").write_text(
        "path,label,group\ncountry/country.00000.wav,country,A\ndisco/disco.00000.wav,disco,\ndisco/disco.00009.wav,disco,\n"
    )
    found = reproduce.opened_with_artists(tmp_path, told)
    assert [c.group for c in found.clips] == ["A", *(f"unknown artist of {c.id}" for c in found.clips[1:])]
    assert told == ["the artist of 2 clips: each of them counts as an artist of its own"]


def test_clips_that_are_all_short_are_told(genres: Path) -> None:
    whole = load_dataset(genres)
    cut = replace(whole, clips=tuple(replace(c, duration=3.0) for c in whole.clips))
    with pytest.raises(DataError, match=r"0 of \d+ clips have 10 s or more"):
        reproduce.reproduce(Dataset("short", cut.clips))
