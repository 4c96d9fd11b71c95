"""One thing, one way: commands, files and stores, the API and Python say the same of the same sounds."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.dataset
import pytest
import soundfile
from click.testing import CliRunner, Result

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

import earmark
from earmark.cli import main
from earmark.models.branch import Prediction
from earmark.models.model import Model
from earmark.serve import schema
from earmark.serve.app import create_app
from earmark.serve.limits import Limits
from serving import RATE, get, post, running, tone, write_tones

FACTS = ("start", "end", "label", "unknown", "score", "set")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a folder of sounds: known, unknown, silent in the middle, none at all; and a table of parts."""
    folder = tmp_path_factory.mktemp("ways")
    earmark.train(write_tones(folder / "tones"), "mfcc(seconds=0.5):mean/logreg", folder / "m", folds=3)
    sounds = folder / "sounds"
    sounds.mkdir()
    soundfile.write(sounds / "known.wav", tone(220, 2.3), RATE)
    clicks = np.where(np.random.default_rng(0).random(2 * RATE) < 0.001, 0.9, 0.0)
    soundfile.write(sounds / "clicks.wav", clicks, RATE)
    soundfile.write(sounds / "gap.wav", np.concatenate([tone(660, 1), np.zeros(2 * RATE), tone(1900, 1)]), RATE)
    (sounds / "broken.wav").write_bytes(b"RIFF, or so it says")
    (folder / "parts.csv").write_text(
        "path,start,end\nsounds/gap.wav,0,1\nsounds/gap.wav,3,4\nsounds/known.wav,,\nsounds/broken.wav,,\n"
    )
    return folder


@pytest.fixture(scope="module")
def model(place: Path) -> Model:
    return earmark.load_model(place / "m")


@pytest.fixture(scope="module")
def served(model: Model) -> Iterator[str]:
    with running(create_app({"tones": model, "again": model})) as address:
        yield address


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def line(path: str, said: dict[str, Any]) -> tuple[Any, ...]:
    """What is said of a sound, in plain values."""
    labels = said.get("set")
    labels = [*filter(None, labels.split("|"))] if isinstance(labels, str) else list(labels or [])
    unknown = said["unknown"] in (True, "True")
    times = [None if said.get(k) in (None, "") else round(float(said[k]), 6) for k in ("start", "end")]
    return (Path(path).name, *times, said["label"], unknown, round(float(said["score"]), 6), labels)


def of(a: Prediction) -> tuple[Any, ...]:
    return line(a.path, {k: getattr(a, k) for k in FACTS})


@pytest.mark.parametrize("what", ["sounds", "parts.csv", "both", "sounds/clicks.wav"])
@pytest.mark.parametrize(
    "options", [(), ("--alpha", "0.3"), ("--timeline",), ("--timeline", "--seconds", "0.8", "--alpha", "0.02")]
)
def test_file_json_and_store_say_the_same(
    place: Path, tmp_path: Path, what: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    paths = ["parts.csv", "sounds/known.wav", "./sounds/clicks.wav"] if what == "both" else [what]
    results = [run("predict", "m", *paths, *options, "-o", tmp_path / name) for name in ("a.csv", "a.jsonl", "store/")]
    excluded = [sorted(x for x in r.stderr.splitlines() if x.startswith("excluded")) for r in results]
    assert excluded[0] == excluded[1] == excluded[2]
    assert [r.exit_code for r in results] == 3 * [int(what != "sounds/clicks.wav")]
    ends = [[x for x in r.stderr.splitlines() if x.split(":")[0].endswith(" unknown")] for r in results]
    assert ends[0] == ends[1] == ends[2]
    with (tmp_path / "a.csv").open(newline="") as file:
        table = [line(found["path"], found) for found in csv.DictReader(file)]
    lines = [json.loads(text) for text in (tmp_path / "a.jsonl").read_text().splitlines()]
    store = pyarrow.dataset.dataset(tmp_path / "store" / "answers").to_table().to_pylist()
    assert table == [line(found["path"], found) for found in lines]
    assert sorted(map(str, table)) == sorted(str(line(found["path"], found)) for found in store)
    assert table


def test_python_says_what_the_command_says(place: Path, model: Model) -> None:
    sounds = place / "sounds"
    found = run("predict", place / "m", sounds, "--format", "jsonl")
    told = {Path(f["path"]).name: f for f in map(json.loads, found.stdout.splitlines())}
    many = {Path(a.path).name: a for a in model.predict_many(sounds)}
    assert set(many) == set(told) | {"broken.wav"}
    for name, line_ in told.items():
        one = model.predict(sounds / name)
        assert of(one) == line(name, line_) == line(name, {k: getattr(many[name], k) for k in FACTS})
        assert dict(one.scores) == pytest.approx(line_["scores"], abs=1e-6)
        pieces = run("predict", place / "m", sounds / name, "--timeline", "--format", "jsonl").stdout.splitlines()
        assert [line(name, json.loads(text)) for text in pieces] == [of(p) for p in model.timeline(sounds / name)]


def test_evaluate_says_what_predict_says(place: Path, model: Model, tmp_path: Path) -> None:
    lines = [f"{place}/sounds/{n}.wav,{c}" for n, c in (("known", "low"), ("gap", "mid"), ("broken", "high"))]
    (tmp_path / "labelled.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    found = earmark.evaluate(model, tmp_path / "labelled.csv")
    (evaluated,) = found.runs
    assert [Path(e.path).name for e in found.dataset.excluded] == ["broken.wav"]
    for clip, proba in zip(found.dataset.clips, evaluated.proba[0], strict=True):
        said = model.predict(clip.path)
        assert dict(zip(model.classes, proba, strict=True)) == pytest.approx(dict(said.scores), abs=1e-6)


@pytest.mark.parametrize("way", ["query", "form", "raw"])
@pytest.mark.parametrize("name", ["known.wav", "clicks.wav", "gap.wav"])
def test_the_api_says_what_python_says(place: Path, model: Model, served: str, way: str, name: str) -> None:
    wanted, content = {"timeline": "true", "seconds": "0.8", "alpha": "0.3", "model": "again"}, None
    content = (place / "sounds" / name).read_bytes()
    if way == "form":
        answer = post(f"{served}/api/predict", files={"file": (name, content)}, data=wanted)
    elif way == "query":
        answer = post(f"{served}/api/predict", params=wanted, files={"file": (name, content)})
    else:
        answer = post(f"{served}/api/predict", params=wanted, content=content)
    told = schema.Answer.model_validate_json(answer.content)
    asked = model.with_alpha(0.3)
    one = asked.predict(place / "sounds" / name)
    assert (told.model, told.label, told.unknown, told.alpha) == ("again", one.label, one.unknown, 0.3)
    assert told.set == list(one.set)
    assert told.scores == pytest.approx(dict(one.scores), abs=1e-6)
    pieces = asked.timeline(place / "sounds" / name, seconds=0.8)
    assert told.timeline is not None
    assert [(p.start, p.end, p.label, p.unknown, p.set, p.reason or "") for p in told.timeline] == [
        (p.start, p.end, p.label, p.unknown, list(p.set), p.reason) for p in pieces
    ]
    keys = list(answer.json())
    assert keys[keys.index("label") + 1] == list(answer.json()["timeline"][0])[4] == "unknown"


@pytest.mark.parametrize(
    ("given", "status", "named"),
    [
        ({"model": "nix"}, 404, "nix"),
        ({"modell": "again"}, 422, "modell"),
        ({"timeline": "perhaps"}, 422, "timeline"),
        ({"seconds": "1"}, 422, "timeline=true"),
        ({"timeline": "true", "seconds": "0"}, 422, "seconds"),
        ({"alpha": "2"}, 422, "alpha"),
        ({"alpha": "0.2", "set": "false"}, 422, "set=false"),
        ({"job": "short"}, 422, "job"),
    ],
)
@pytest.mark.parametrize("way", ["query", "form"])
def test_what_is_wrong_is_refused_wherever_it_stands(
    place: Path, served: str, given: dict[str, str], status: int, named: str, way: str
) -> None:
    files = {"file": ("a.wav", (place / "sounds" / "known.wav").read_bytes())}
    sent: dict[str, Any] = {"params": given} if way == "query" else {"data": given}
    answer = post(f"{served}/api/predict", files=files, **sent)
    assert answer.status_code == status
    assert named in schema.Refusal.model_validate_json(answer.content).error.message


def test_what_is_said_twice_or_nowhere_known_is_refused(place: Path, served: str) -> None:
    content = (place / "sounds" / "known.wav").read_bytes()
    files = {"file": ("a.wav", content)}
    assert post(f"{served}/api/predict?model=tones", files=files, data={"model": "again"}).status_code == 422
    assert post(f"{served}/api/predict?model=tones", files=files, data={"model": "tones"}).status_code == 200
    assert post(f"{served}/api/predict?view=1&view=0", content=content).status_code == 422
    for path in ("models?x=1", "model?modell=tones", "jobs/nobody-knows?x=1"):
        assert get(f"{served}/api/{path}").status_code == 422
    assert get(f"{served}/api/jobs/nobody-knows").status_code == 404


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seconds", "1"), "--timeline"),
        (("--seconds", "1", "-o", "s/"), "--timeline"),
        (("--address", "auto"), "--engine ray"),
        (("--shard-clips", "3", "-o", "a.csv"), "--shard-clips"),
        (("--bom", "-o", "a.jsonl"), "CSV"),
        (("--bom", "-o", "s/"), "--bom"),
        (("--alpha", "2"), "--alpha"),
    ],
)
def test_no_option_is_passed_over(place: Path, arguments: tuple[str, ...], named: str) -> None:
    found = run("predict", place / "m", place / "sounds", *arguments)
    assert found.exit_code == 2
    assert named in found.stderr


def test_csv_for_excel(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    for _ in range(2):  # and it is known as what predict wrote
        assert run("predict", place / "m", place / "sounds" / "known.wav", "--bom", "-o", out).exit_code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbfpath,label,unknown,score,set,")
    assert run("predict", place / "m", place / "sounds" / "known.wav").stdout.startswith("path,")
    vectors = tmp_path / "v.csv"
    assert run("embed", place / "tones" / "low", "-b", "mfcc(seconds=0.5)", "--bom", "-o", vectors).exit_code == 0
    assert vectors.read_bytes().startswith(b"\xef\xbb\xbfid,path,")
    assert len(earmark.load_dataset(vectors).dataset.clips) == 12
    assert run("embed", place / "tones" / "low", "-b", "mfcc", "--bom", "-o", tmp_path / "v.npz").exit_code == 2


def test_a_table_says_unknown_and_a_piece_is_one_line(place: Path) -> None:
    sounds = place / "sounds"
    found = run("predict", place / "m", sounds / "clicks.wav", sounds / "known.wav", "--format", "table")
    assert "unknown (nearest: " in found.stdout
    assert found.stderr.splitlines()[-1].startswith("1 of 2 sounds unknown: ")
    pieces = run(
        "predict", place / "m", sounds / "gap.wav", "--timeline", "--seconds", "0.8", "--format", "table"
    ).stdout.splitlines()
    assert len(pieces) == 1 + len(earmark.load_model(place / "m").timeline(sounds / "gap.wav", seconds=0.8))
    assert all(len(one.rstrip()) <= 80 for one in pieces)
    assert any("nothing to hear" in one for one in pieces)
    header = csv.reader(io.StringIO(run("predict", place / "m", sounds / "gap.wav", "--timeline").stdout))
    assert next(header)[:7] == ["path", "start", "end", "label", "unknown", "score", "set"]


def test_how_far_a_job_is_and_its_end(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def slow(*args: Any) -> None:
        job = args[-1]
        job.expect(10.0, 2)
        job.at(5.0)
        try:
            for _ in range(200):
                time.sleep(0.02)
                job.check()
        except earmark.EarmarkError as error:
            told.append(error)
            raise

    monkeypatch.setattr("earmark.serve.app.answer", slow)
    with running(create_app({"m": model}, limits=Limits(workers=1))) as address:
        asked = f"{address}/api/predict?job=somebody-1"

        def left() -> None:
            with pytest.raises(httpx.ReadTimeout):
                post(asked, content=b"x", timeout=1)

        thread = threading.Thread(target=left)
        thread.start()
        while (found := get(f"{address}/api/jobs/somebody-1")).status_code == 404:
            time.sleep(0.02)
        while found.json()["state"] == "waiting":
            found = get(f"{address}/api/jobs/somebody-1")
        assert found.json() == {"state": "working", "share": 0.25}
        assert post(asked, content=b"x").status_code == 422  # a name is one job's
        thread.join()
        began = time.monotonic()
        while get(f"{address}/api/jobs/somebody-1").status_code != 404:
            assert time.monotonic() - began < 1
            time.sleep(0.02)
    assert len(told) == 1
