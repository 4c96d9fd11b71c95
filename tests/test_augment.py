"""Effects on sounds, augmented copies, and that no copy of a test clip is ever learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import earmark
from earmark.audio.transforms import EFFECTS, exact
from earmark.core.errors import DataError, RecipeError
from earmark.core.spec import Part
from earmark.data import split
from earmark.data.cache import Cache
from earmark.models import fit, prepare
from earmark.recipes import augment
from earmark.recipes.augment import AUGMENTATIONS, numbered
from earmark.recipes.recipe import Recipe
from earmark.studies.compare import compare
from earmark.studies.ladder import ladder

RATE = 22050
TONE = (0.3 * np.sin(2 * np.pi * 441 * np.arange(3 * RATE) / RATE)).astype(np.float32)
EXAMPLES = (
    "pitch(semitones=12)", "tempo(factor=1.25)", "gain(db=6)", "noise(snr=10)", "lowpass(hz=1000)", "highpass(hz=200)",
    "bandpass(low=200, high=1000)", "telephone", "mp3(kbps=32)", "opus(kbps=12)", "excerpt(seconds=1)",
)  # fmt: skip


def changed(text: str, sound: np.ndarray = TONE, rate: int = RATE) -> np.ndarray:
    return exact(Part.parse(text))(sound, rate, "a clip")


def loudest(sound: np.ndarray, rate: int = RATE) -> float:
    """Hz of the strongest part."""
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax() * rate / len(sound))


def test_every_effect_has_an_example() -> None:
    assert {Part.parse(e).name for e in EXAMPLES} == set(EFFECTS)


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_an_effect_gives_the_same_samples_again(text: str, rate: int) -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002  the library's own
    once, again = changed(text, rate=rate), changed(text, rate=rate)
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert once.dtype == np.float32
    assert np.isfinite(once).all()
    shape = {"tempo": len(TONE) * 0.8, "excerpt": rate}.get(Part.parse(text).name, len(TONE))
    assert len(once) == pytest.approx(shape, abs=2)


def test_effects_do_what_they_say() -> None:
    assert loudest(changed("pitch(semitones=12)")) == pytest.approx(882, abs=2)
    assert loudest(changed("tempo(factor=0.8)")) == pytest.approx(441, abs=2)
    assert changed("gain(db=-20)").max() == pytest.approx(0.1 * TONE.max(), rel=1e-5)
    assert changed("gain(db=40)").max() == 1.0
    added = changed("noise(snr=20)") - TONE
    assert 10 * np.log10(np.square(TONE).mean() / np.square(added).mean()) == pytest.approx(20, abs=0.2)
    two = TONE + 0.3 * np.sin(2 * np.pi * 6000 * np.arange(len(TONE)) / RATE).astype(np.float32)
    for text in ("lowpass(hz=2000)", "telephone"):
        spectrum = np.abs(np.fft.rfft(changed(text, two)))
        assert spectrum[18000] < 0.02 * spectrum[1323], text  # bins of a third of a Hz
    np.testing.assert_array_equal(changed("lowpass(hz=20000)"), TONE)
    np.testing.assert_array_equal(changed("excerpt(seconds=1)"), TONE[RATE : 2 * RATE])
    np.testing.assert_array_equal(changed("excerpt(seconds=9)"), TONE)


@pytest.mark.parametrize("codec", ["mp3(kbps=64)", "opus(kbps=64)"])
def test_what_comes_back_from_a_codec_is_where_it_was(codec: str) -> None:
    sound = np.zeros(RATE, np.float32)
    sound[5000:9000] = 0.3 * np.random.default_rng(0).standard_normal(4000)
    back = changed(codec, sound)
    assert np.square(back[4800:9200]).sum() > 0.95 * np.square(back).sum()
    assert np.corrcoef(sound, back)[0, 1] > 0.7


def test_faulty_effects_and_augmentations_are_told() -> None:
    for text, told in [
        ("mp4(kbps=3)", "no effect is called 'mp4'. There are: pitch"),
        ("mp3(rate=3)", "no parameter 'rate'. It takes: kbps"),
        ("mp3", "kbps is missing"),
        ("noise(snr=loud)", "wanted a number"),
    ]:
        with pytest.raises(RecipeError, match=told.replace(".", r"\.").replace("(", r"\(")):
            exact(Part.parse(text))
    for text, told in [
        ("mfcc/lda~pich", "no augmentation is called 'pich'"),
        ("mfcc/lda~pitch(by=2)", "no parameter 'by'"),
    ]:
        with pytest.raises(RecipeError, match=told):
            Recipe.parse(text).check()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_copies_differ_by_number_seed_and_clip_and_by_nothing_else(name: str) -> None:
    made = {
        key: augment.change(Part(name), number, seed)(TONE, RATE, clip)
        for key, (number, seed, clip) in {
            "a": (0, 0, "x"),
            "b": (1, 0, "x"),
            "c": (0, 1, "x"),
            "d": (0, 0, "y"),
        }.items()
    }
    np.testing.assert_array_equal(made["a"], augment.change(Part(name), 0, 0)(TONE, RATE, "x"))
    for other in "bcd":
        assert made["a"].shape != made[other].shape or not np.allclose(made["a"], made[other], atol=1e-6)


def test_a_name_twice_is_two_copies() -> None:
    recipe = Recipe.parse("mfcc/lda~pitch~noise(snr=20)~pitch")
    assert numbered(recipe.augment) == [(Part("pitch"), 0), (Part.of("noise", {"snr": 20}), 0), (Part("pitch"), 1)]


def test_no_copy_of_a_test_clip_is_ever_learnt_from(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every embedding that a head is fitted on, by its numbers: it must be of a clip or copy of the training side."""
    recipe = Recipe.parse("stack(mfcc/logreg,mfcc:mean/lda)~pitch~noise(snr=20)")
    data = prepare.prepare(earmark.load_dataset(sounds), [recipe], cache=Cache(tmp_path))
    units = split.groups_of(data.dataset, "groups", data.digests)
    (part,) = data.embeddings
    owner: dict[bytes, str] = {}
    for embeddings in [data.embeddings[part], *data.copies.values()]:
        for i, embedding in enumerate(embeddings.X):
            owner[embedding.tobytes()] = units[embeddings.clip[i]]
        for i, vector in enumerate(embeddings.vectors("mean")):
            owner[vector.tobytes()] = units[i]
    learnt: list[set[str]] = []
    original = fit.fit_head

    def spy(branch, data, X, y, groups, seed):  # type: ignore[no-untyped-def]
        learnt.append({owner[embedding.tobytes()] for embedding in X})
        assert [
            owner[embedding.tobytes()] for embedding in X
        ] == groups.tolist()  # so inner splits keep copies with their clip
        return original(branch, data, X, y, groups, seed)

    monkeypatch.setattr(fit, "fit_head", spy)
    splits = split.clip_splits(data.dataset, "groups", folds=3)
    for side in splits:
        learnt.clear()
        fit.fit(recipe, data, side.train, units)
        assert len(learnt) == 12  # two branches, and five inner folds of each for the stack
        assert max(learnt, key=len) == set(units[side.train])
        assert not set().union(*learnt) & set(units[side.test])


def test_copies_triple_what_is_learnt_from_and_other_recipes_see_none(sounds: Path, tmp_path: Path) -> None:
    plain, more = Recipe.parse("mfcc/knn"), Recipe.parse("mfcc/knn~pitch~gain")
    data = prepare.prepare(earmark.load_dataset(sounds), [plain, more], cache=Cache(tmp_path))
    every = np.arange(len(data.labels))
    X, clip = fit.branch_inputs(plain.branches[0], data, every, augment=plain.augment)
    Y, of = fit.branch_inputs(more.branches[0], data, every, augment=more.augment)
    assert len(Y) == pytest.approx(3 * len(X), abs=3)
    np.testing.assert_array_equal(Y[: len(X)], X)
    assert set(of.tolist()) == set(clip.tolist())
    alone = compare(sounds, ["mfcc/knn"], protocol="groups", folds=3, cache=Cache(tmp_path)).runs[0]
    beside = compare(
        sounds, ["mfcc/knn", "mfcc/knn~pitch~gain"], protocol="groups", folds=3, cache=Cache(tmp_path)
    ).runs
    np.testing.assert_array_equal(alone.proba, beside[0].proba)
    assert not np.array_equal(alone.proba, beside[1].proba)


def test_copies_are_cached_by_parameters_seed_and_number(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path)
    clips = earmark.load_dataset(sounds).clips[:3]

    def made(text: str, number: int = 0, seed: int = 0) -> np.ndarray:
        return earmark.embed(clips, "mfcc", cache=cache, change=augment.change(Part.parse(text), number, seed)).X

    variants = [
        made("noise"),
        made("noise(snr=10)"),
        made("noise", 1),
        made("noise", 0, 1),
        earmark.embed(clips, "mfcc", cache=cache).X,
    ]
    assert len({v.tobytes() for v in variants}) == 5
    monkeypatch.setattr("earmark.audio.load", lambda *a, **k: pytest.fail("the sound was read again"))
    np.testing.assert_array_equal(made("noise", 1), variants[2])


def test_where_copies_cannot_be_used_it_is_told(sounds: Path, tmp_path: Path) -> None:
    recipe = "mfcc/knn~noise"
    with pytest.raises(DataError, match="augmented copies cannot be evaluated under the protocol 'windows'"):
        compare(sounds, [recipe], protocol="windows", folds=3, cache=Cache(tmp_path))
    found = ladder(sounds, recipe, folds=3, cache=Cache(tmp_path))
    assert set(found.missing) == {"windows", "windows apart"}
    np.savez(tmp_path / "r.npz", X=np.ones((4, 2)), ids=list("abcd"), y=[0, 1, 0, 1])
    with pytest.raises(RecipeError, match="no sounds to make copies of"):
        compare(tmp_path / "r.npz", ["embeddings/knn~noise"])
