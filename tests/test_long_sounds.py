"""Sounds of any length: what a model says is the same in blocks as at once, and memory does not grow with length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.backbones.base import Backbone
from earmark.core.errors import DataError
from earmark.data.cache import Cache
from earmark.data.clips import Clip
from earmark.embeddings import pooling as pool
from earmark.embeddings import ready
from earmark.embeddings.files import write_stream
from earmark.models import timeline
from earmark.models.branch import Branch
from earmark.models.model import Model
from earmark.models.streaming import listener


def fake(name: str = "fake", hop: int = 4, window: int = 10, shape: tuple[int, ...] = (6,)) -> Backbone:
    return Backbone(name=name, sample_rate=10, window_samples=window, hop_samples=hop, shape=shape, front=lambda x: x)


class Head:
    """A head for any input: a softmax of three sums, which no two inputs share."""

    def __call__(self, inputs: np.ndarray, batch: int = 1) -> np.ndarray:
        flat = inputs.reshape(len(inputs), -1).astype(np.float64)
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], 3)) / np.sqrt(flat.shape[1])
        scores = np.exp(flat @ weights)
        return scores / scores.sum(axis=1, keepdims=True)


def model(how: str, *backbones: Backbone) -> Model:
    return Model(("a", "b", "c"), (Branch(backbones, pool.Pooling(how), Head()),), {})  # type: ignore[arg-type]


def cut(embeddings: np.ndarray, seed: int) -> list[np.ndarray]:
    """Embeddings in blocks of 1 to 9."""
    sizes = np.random.default_rng(seed).integers(1, 10, len(embeddings))
    return [b for b in np.split(embeddings, np.cumsum(sizes)) if len(b)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
@pytest.mark.parametrize("how", ["windows", "mean", "mean+std+max", "min+median+std", "image(7)", "image(1)"])
def test_a_branch_hears_the_same_in_blocks(how, seed, count):
    one = fake()
    embeddings = np.random.default_rng(seed).standard_normal((count, 6)).astype(np.float32)
    heard = listener(model(how, one).branches[0])
    for block in cut(embeddings, seed):
        heard.add("another backbone", block + 1)
        heard.add(one.fingerprint, block)
    wanted = Head()(pool.seen([embeddings], how)).mean(axis=0)
    np.testing.assert_allclose(heard.scores(), wanted, atol=1e-6)


def test_vectors_of_several_backbones_are_joined_in_order():
    a, b = fake("a"), fake("b", hop=2)
    embeddings = {a.fingerprint: np.ones((5, 6), np.float32), b.fingerprint: 2 * np.ones((9, 6), np.float32)}
    heard = listener(model("mean", a, b).branches[0])
    for key in reversed(embeddings):
        heard.add(key, embeddings[key])
    np.testing.assert_allclose(heard.scores(), Head()(pool.seen(list(embeddings.values()), "mean"))[0], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 80), large=st.booleans())
def test_running_statistics_are_those_of_all_rows(seed, count, large):
    embeddings = np.random.default_rng(seed).standard_normal((count, 2, 3)).astype(np.float32) + (1000 if large else 0)
    how = "std+mean+median+max+min"
    running = pool.Running(how)
    for block in cut(embeddings, seed):
        running.add(block)
    np.testing.assert_allclose(
        running.vector(), pool.pool_vector(embeddings.astype(np.float64), how), rtol=1e-6, atol=1e-6
    )


def hearing(hop: int, window: int, pad: int = 0, rate: int = 10, name: str = "hearing") -> Backbone:
    """A backbone that gives the first, middle, last and mean sample of each window, and its span and power."""

    def front(samples: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
        facts = [windows[:, 0], windows[:, window // 2], windows[:, -1], windows.mean(axis=1), np.ptp(windows, axis=1)]
        return np.stack([*facts, (windows**2).mean(axis=1)], axis=1).astype(np.float32)

    return Backbone(name, rate, window, hop, (6,), front, pad_left=pad)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 600),
    hop=st.integers(1, 12),
    window=st.integers(1, 200),
    pad=st.integers(0, 5),
    seconds=st.one_of(st.none(), st.floats(0.05, 12)),
)
@pytest.mark.parametrize("how", ["windows", "mean", "image(3)"])
def test_a_timeline_is_the_same_in_blocks(how, seed, count, hop, window, pad, seconds):
    one = hearing(hop, max(window, pad + 1), pad)
    sound = np.random.default_rng(seed).standard_normal(count).astype(np.float32)
    made = model(how, one)
    wanted = list(timeline.told(made, {one.fingerprint: [sound]}, "x", seconds, {}))
    assert list(timeline.told(made, {one.fingerprint: cut(sound, seed)}, "x", seconds, {})) == wanted
    known = {one.fingerprint: one.embed(sound)}  # what was made before saves time and changes nothing
    assert list(timeline.told(made, {one.fingerprint: [sound]}, "x", seconds, known)) == wanted
    for piece in wanted:
        assert 0 <= piece.start < piece.end <= count / 10 + 1e-6


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(1, 900),
    hop=st.integers(1, 12),
    window=st.integers(1, 60),
    seconds=st.one_of(st.none(), st.floats(0.05, 12)),
)
@pytest.mark.parametrize("how", ["windows", "mean", "image(3)"])
def test_a_piece_is_what_was_heard_of_it(how, count, hop, window, seconds):
    """Each piece's windows lie within it, begin with it and end with it; together they are the whole sound."""
    hop = min(hop, window)
    sound = np.arange(1, count + 1, dtype=np.float32)  # each sample says where it is
    grid = timeline.Grid.of(model(how, hearing(hop, window)), seconds)
    pieces = list(timeline.Cutter(hearing(hop, window), grid).pieces(cut(sound, count)))
    covered = np.zeros(count, bool)
    for piece in pieces:
        first, last = piece.embeddings[:, 0].min(), piece.embeddings[:, 2].max()
        if count >= window:
            assert (first - 1) / 10 == pytest.approx(piece.start)
            assert last / 10 == pytest.approx(piece.end)
        covered[round(piece.start * 10) : round(piece.end * 10)] = True
    assert covered.all()
    assert pieces[-1].end == pytest.approx(count / 10)
    bounds = [(piece.start, piece.end) for piece in pieces]
    assert len(set(bounds)) == len(bounds)


@pytest.mark.parametrize("seconds", [None, 1.0, 0.3])
def test_pieces_of_several_backbones_are_heard_together(seconds):
    a, b = hearing(5, 10, name="a"), hearing(8, 20, rate=20, name="b")
    sound = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    both = {a.fingerprint: [sound], b.fingerprint: [np.repeat(sound, 2)]}
    found = list(timeline.told(model("mean", a, b), both, "x", seconds, {}))
    assert [p.end for p in found][-1] == pytest.approx(10)
    assert all(p.end - p.start >= min(1.0, seconds or 3.0) - 1e-6 for p in found)


@pytest.mark.parametrize("still", [0.0, 0.4])
@pytest.mark.parametrize("seconds", [None, 2.0, 0.5])
def test_where_there_is_nothing_to_hear_there_is_no_label(still, seconds):
    """Digital silence and a constant within a sound."""
    draw = np.random.default_rng(0)
    sound = np.concatenate([0.3 * draw.standard_normal(50), np.full(100, still), 0.3 * draw.standard_normal(50)])
    made = model("windows", hearing(5, 10))
    found = list(timeline.told(made, {k: [sound.astype(np.float32)] for k in made.backbones}, "x", seconds, {}))
    for piece in found:
        nothing = piece.start >= 5 and piece.end <= 15
        assert (piece.label == "") == nothing == (piece.reason == "nothing to hear")
        assert piece.unknown == nothing
        assert sum(piece.scores.values()) == pytest.approx(0 if nothing else 1)
    assert sum(not piece.label for piece in found) >= 4
    assert "nothing to hear" in repr(next(p for p in found if not p.label))


SCRIPT = """
import resource, sys, threading, time
import numpy as np, soundfile
import earmark
from earmark.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.process_time(), file=sys.stderr)
"""


def peak(*command: str) -> tuple[int, float]:
    """Peak memory in MiB and processor seconds of a command line."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *command], capture_output=True, text=True, check=True)
    _, memory, seconds = done.stderr.strip().splitlines()[-1].split()
    assert "excluded" not in done.stderr
    return int(memory), float(seconds)


def noise(path: Path, minutes: float) -> Path:
    draw = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", 8000, 1, subtype="PCM_U8") as out:
        for _ in range(round(2 * minutes)):
            out.write(0.1 * draw.standard_normal(30 * 8000))
    return path


@pytest.fixture(scope="module")
def trained(sounds, backbone, tmp_path_factory):
    import earmark

    folders = {}
    backbone("yamnet")
    for recipe in ("yamnet/logreg", "yamnet:mean+std/logreg"):
        folders[recipe] = tmp_path_factory.mktemp("model") / "m"
        earmark.train(sounds, recipe, folders[recipe], folds=2)
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["yamnet/logreg", "yamnet:mean+std/logreg"])
@pytest.mark.parametrize("more", [(), ("--timeline",), ("--timeline", "--seconds", "5")])
def test_predict_on_two_hours_takes_the_memory_of_ten_minutes(trained, tmp_path, recipe, more):
    folder = str(trained[recipe])
    short, seconds = peak("predict", folder, str(noise(tmp_path / "short.wav", 10)), *more)
    long, more_seconds = peak("predict", folder, str(noise(tmp_path / "long.wav", 120)), *more)
    assert long < short + 30
    assert long < 400
    assert more_seconds < 1.3 * 12 * seconds


def test_rows_of_a_long_sound_are_kept_and_read_in_blocks(tmp_path, monkeypatch):
    """What is not held in memory comes back the same, at once and from the cache."""
    monkeypatch.setattr("earmark.data.cache._LARGE", 100)
    one, cache = fake(shape=(2, 3)), Cache(tmp_path)
    embeddings = np.random.default_rng(0).standard_normal((211, 2, 3)).astype(np.float32)
    given = list(cache.keep_blocks("a", one, iter(cut(embeddings, 0))))
    known = list(cache.blocks("a", one) or [])
    assert len(given) > 10
    for blocks in (given, known):
        np.testing.assert_array_equal(np.concatenate(blocks), embeddings)
    np.testing.assert_array_equal(cache.embeddings("a", one), embeddings)
    assert cache.blocks("b", one) is None
    assert cache.blocks("a", fake(shape=(6,))) is None  # of another fingerprint, and another shape
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:-1])
    assert cache.blocks("a", one) is None
    assert not list(tmp_path.rglob("*.part"))


def test_no_room_for_the_rows_of_a_long_sound_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("earmark.data.cache._LARGE", 100)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("earmark.core.npy.write", full)
    with pytest.raises(DataError, match="No space left"):
        Cache(tmp_path).keep_blocks("a", fake(), iter([np.zeros((99, 6), np.float32)]))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("ending", [".npz", ".parquet", ".csv"])
@pytest.mark.parametrize("how", ["windows", "mean+max"])
def test_rows_are_written_in_parts_as_at_once(tmp_path, monkeypatch, ending, how):
    one = fake(shape=(2, 3))
    embeddings = np.random.default_rng(0).standard_normal((60, 2, 3)).astype(np.float32)
    clips = [Clip("a", Path("a.wav"), label="x"), Clip("b", Path("b.wav"), start=2.5)]
    sounds = [(clips[0], cut(embeddings[:40], 1)), (clips[1], cut(embeddings[40:], 2))]
    assert write_stream(tmp_path / f"one{ending}", sounds, one, how) == (60 if how == "windows" else 2)
    monkeypatch.setattr("earmark.embeddings.files._BATCH", 50)
    write_stream(tmp_path / f"parts{ending}", sounds, one, how)
    first, parts = (ready.read(tmp_path / f"{name}{ending}") for name in ("one", "parts"))
    assert first.dataset.clips == parts.dataset.clips
    np.testing.assert_array_equal(first.embeddings["embeddings"].X, parts.embeddings["embeddings"].X)
    np.testing.assert_array_equal(first.embeddings["embeddings"].start, parts.embeddings["embeddings"].start)
    wanted = (
        embeddings
        if how == "windows"
        else np.stack([pool.pool_vector(r, how) for r in (embeddings[:40], embeddings[40:])])
    )
    np.testing.assert_allclose(
        parts.embeddings["embeddings"].X.reshape(len(wanted), -1), wanted.reshape(len(wanted), -1), rtol=1e-5
    )
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["windows", "mean+std"])
def test_embed_on_two_hours_takes_the_memory_of_ten_minutes(backbone, tmp_path, pooling):
    backbone("yamnet")
    used = []
    for name, minutes in (("short", 10), ("long", 120)):
        sound, out = noise(tmp_path / f"{name}.wav", minutes), tmp_path / f"{name}.npz"
        used.append(peak("embed", str(sound), "-b", "yamnet", "-o", str(out), "--no-cache", "--pool", pooling))
        with np.load(out) as embeddings:
            assert len(embeddings["X"]) == (1 if pooling != "windows" else 1 + (minutes * 60 * 16000 - 15600) // 7680)
    (short, seconds), (long, more_seconds) = used
    assert long < min(400, short + 60)
    assert more_seconds < 1.3 * 12 * seconds
