"""A model, a backbone and a cache go to another process, and come back as they were."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pytest

import earmark
import fuzzing
from earmark.backbones.base import load_backbone
from earmark.core.errors import BundleError


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("travel")
    fuzzing.prepare(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def model(tools: Path) -> earmark.Model:
    loaded = earmark.load_model(tools / "model")
    loaded.predict(tools / "good.wav")  # its nets are loaded: they must not travel
    return loaded


def by_joblib(value: Any, tmp_path: Path) -> Any:
    joblib.dump(value, tmp_path / "value.joblib")
    return joblib.load(tmp_path / "value.joblib")


WAYS = {
    "pickle": lambda value, _: pickle.loads(pickle.dumps(value)),
    "protocol 2": lambda value, _: pickle.loads(pickle.dumps(value, 2)),
    "deepcopy": lambda value, _: copy.deepcopy(value),
    "copy": lambda value, _: copy.copy(value),
    "joblib": by_joblib,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_travelled_says_the_same(way: str, model: earmark.Model, tools: Path, tmp_path: Path) -> None:
    arrived = WAYS[way](model, tmp_path)
    assert arrived.predict(tools / "good.wav") == model.predict(tools / "good.wav")
    assert arrived.timeline(tools / "good.wav") == model.timeline(tools / "good.wav")
    assert (arrived.card, dict(arrived.extra)) == (model.card, dict(model.extra))


def test_a_model_that_travelled_needs_no_folder_and_can_be_saved(tools: Path, tmp_path: Path) -> None:
    shutil.copytree(tools / "model", tmp_path / "m")
    sent = pickle.dumps(earmark.load_model(tmp_path / "m"))
    shutil.rmtree(tmp_path / "m")
    arrived = pickle.loads(pickle.dumps(pickle.loads(sent)))
    arrived.save(tmp_path / "again")
    again = earmark.load_model(tmp_path / "again")
    assert again.predict(tools / "good.wav") == arrived.predict(tools / "good.wav")
    for file in (tools / "model").iterdir():
        if file.suffix in (".onnx", ".npz", ".md"):
            assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_a_model_just_trained_travels(tools: Path) -> None:
    trained = earmark.train(tools / "clips.csv", "mfcc/lda", folds=2)
    arrived = pickle.loads(pickle.dumps(trained))
    assert arrived.predict(tools / "good.wav") == trained.predict(tools / "good.wav")


def test_a_model_goes_to_processes_that_start_afresh(model: earmark.Model, tools: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(model.predict, tools / "good.wav").result()
    assert found == model.predict(tools / "good.wav")


@pytest.mark.parametrize("name", ["head-1.onnx", "novelty.npz", "earmark.json"])
def test_what_arrives_is_vetted(name: str, model: earmark.Model) -> None:
    build, (files,) = model.__reduce__()
    with pytest.raises(BundleError):
        build({**files, name: files[name][:-20] + b"x" * 20})
    with pytest.raises(BundleError):
        build({key: content for key, content in files.items() if key != name})


@pytest.mark.parametrize("name", ["../out.onnx", "/tmp/out.onnx", "a/b.md", "", ".."])
def test_a_file_of_another_folder_does_not_arrive(name: str, model: earmark.Model) -> None:
    build, (files,) = model.__reduce__()
    with pytest.raises(BundleError, match="which no model has"):
        build({**files, name: b"x"})


def test_a_backbone_travels_by_its_name(tools: Path) -> None:
    for text in ("mfcc", "logmel(seconds=1)", f"onnx(file={str(tools / 'net.onnx')!r})"):
        made = load_backbone(text)
        arrived = pickle.loads(pickle.dumps(made))
        assert arrived.fingerprint == made.fingerprint
        assert arrived.params == made.params


def test_a_backbone_that_would_be_another_is_refused() -> None:
    made = load_backbone("mfcc")
    build, (name, params, net, _) = made.__reduce__()
    with pytest.raises(BundleError, match="cannot be built here"):
        build(name, params, net, "0" * 64)


def test_a_net_travels_without_what_is_loaded(model: earmark.Model) -> None:
    net = model.branches[0].head
    assert net.engine is not None
    arrived = pickle.loads(pickle.dumps(net))
    assert (arrived.content, arrived.facts) == (net.content, net.facts)


def test_a_cache_travels_as_its_folder(tools: Path, tmp_path: Path) -> None:
    cache = earmark.Cache(tmp_path / "cache")
    before = earmark.embed(tools / "clips.csv", "mfcc", cache=cache)
    arrived = copy.deepcopy(pickle.loads(pickle.dumps(cache)))
    assert arrived.folder == cache.folder
    assert earmark.embed(tools / "clips.csv", "mfcc", cache=arrived).digest == before.digest


def test_what_is_measured_travels(tools: Path) -> None:
    found = earmark.compare(tools / "clips.csv", ["mfcc/lda"], folds=2)
    arrived = pickle.loads(pickle.dumps(found))
    assert arrived.runs[0].evaluation.to_dict() == found.runs[0].evaluation.to_dict()
    assert arrived.dataset == found.dataset
    assert pickle.loads(pickle.dumps(earmark.embed(tools / "clips.csv", "mfcc"))).ids
