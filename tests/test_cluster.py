"""The same shards on a Ray cluster of two nodes: equal embeddings, workers that die, bad files, a store, clear errors.

The cluster stands on this machine and is started once for the file.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.cli import main
from earmark.core import paths, storage
from earmark.core.errors import DataError, MissingExtraError
from earmark.core.spec import Part
from earmark.data.clips import Clip
from earmark.data.load import load_dataset
from earmark.embeddings import ray as cluster
from earmark.embeddings import shards
from earmark.embeddings.make import embed
from earmark.embeddings.shards import Embedding
from earmark.embeddings.store import open_store

SOURCE = Path(cluster.__file__).parents[1]


def test_only_one_module_knows_ray() -> None:
    knows = [
        f for f in SOURCE.rglob("*.py") if re.search(r"^\s*(import|from) ray\b", f.read_text("utf-8"), re.MULTILINE)
    ]
    assert knows == [SOURCE / "embeddings" / "ray.py"]
    code = "import sys, earmark.cli, earmark.embeddings.ray, earmark.cli.embed, earmark.cli.predict; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = "import sys; from earmark.cli import main; main(['--help'], standalone_mode=False); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_ray_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, sounds: Path, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earmark\[ray\]'"), cluster.cluster():
        pass
    call = ["embed", str(sounds), "-b", "mfcc", "--engine", "ray", "-o"]
    assert "earmark[ray]" in CliRunner().invoke(main, [*call, f"{tmp_path}/out/"]).output
    assert "a file" in CliRunner().invoke(main, [*call, f"{tmp_path}/out.npz"]).output


@pytest.fixture(scope="module")
def two_nodes(s3: str | None) -> Iterator[Any]:
    """Ray with two nodes of one processor each."""
    ray = pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
    from ray.cluster_utils import Cluster

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_TOKEN=secrets.token_hex(16))
    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    ray.init(address=made.address, log_to_driver=False, logging_level="error")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
    yield ray
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def work() -> Embedding:
    return Embedding.of(Part.parse("mfcc"))


def run(work: shards.Work, out: str | Path, clips: Sequence[Clip], *, largest: int = 256) -> list[shards.Made]:
    todo = shards.left(work, str(out), clips)
    with cluster.cluster() as processors:
        return list(cluster.spread(work, str(out), shards.cut(todo, workers=processors, largest=largest)))


def test_rows_are_those_of_one_machine(
    two_nodes: Any, work: Embedding, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert int(two_nodes.cluster_resources()["CPU"]) == 2
    clips = load_dataset(sounds).clips
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    monkeypatch.chdir(tmp_path)  # workers stand elsewhere
    made = run(work, "out", [*clips, Clip("bad.wav", bad)])
    assert sum(m.clips for m in made) == 37
    folder = open_store(tmp_path / "out")
    found, wanted = folder.read()[0].embeddings["embeddings"], embed(sounds, "mfcc")
    assert Counter(found.ids) == Counter(wanted.ids)
    np.testing.assert_allclose(found.select(wanted.ids).X, wanted.X, atol=1e-6, rtol=0)
    assert [(e.path, e.reason[:10]) for e in folder.excluded] == [("bad.wav", "unreadable")]
    assert run(work, tmp_path / "out", [*clips, Clip("bad.wav", bad)]) == []


@dataclass(frozen=True)
class Deadly:
    """Work whose process is killed in the middle of a part: ``deaths`` times, or whenever it meets ``poison``."""

    inner: Embedding
    marks: Path
    deaths: int = 0
    poison: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        return self.inner.facts | {"marks": str(self.marks)}  # workers keep opened work by its facts

    def open(self) -> shards.Write:
        write = self.inner.open()

        def deadly(clips: Sequence[Clip], file: Path) -> tuple[int, list[Any]]:
            found = write(clips, file)  # the work is done, and not yet in its place
            mark = self.marks / f"{os.getpid()}"
            if any(c.id == self.poison for c in clips) or len(list(self.marks.iterdir())) < self.deaths:
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return deadly


def test_killed_workers_lose_nothing(two_nodes: Any, work: Embedding, sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips
    marks = tmp_path / "marks"
    marks.mkdir()
    made = run(Deadly(work, marks, deaths=2), tmp_path / "out", clips)
    assert len(list(marks.iterdir())) >= 2
    assert sum(m.clips for m in made) == len(clips)
    folder = open_store(tmp_path / "out")  # raises if one were there twice
    assert [c.id for c in folder.clips] == sorted(c.id for c in clips)
    assert folder.excluded == ()


def test_a_clip_that_kills_its_workers_is_found(
    two_nodes: Any, work: Embedding, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "TRIES", 0)
    clips = load_dataset(sounds).clips[:4]
    marks = tmp_path / "marks"
    marks.mkdir()
    deadly = Deadly(work, marks, poison=clips[2].id)
    todo = shards.left(deadly, str(tmp_path / "out"), clips)
    with cluster.cluster():
        list(cluster.spread(deadly, str(tmp_path / "out"), [todo]))
    folder = open_store(tmp_path / "out")
    assert [c.id for c in folder.clips] == sorted(c.id for c in clips if c is not clips[2])
    assert [(e.path, "died" in e.reason) for e in folder.excluded] == [(clips[2].id, True)]


def test_a_part_that_is_not_seen_from_here_is_told(
    two_nodes: Any, work: Embedding, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.Place, "exists", lambda _: False)
    with pytest.raises(DataError, match="a folder that all machines share"):
        run(work, tmp_path / "out", load_dataset(sounds).clips[:2])


def test_an_error_of_a_worker_is_told_as_it_is(two_nodes: Any, sounds: Path, tmp_path: Path) -> None:
    other = Embedding(Part.parse("mfcc"), None, "another", (1,))
    with pytest.raises(DataError, match="same version of Earmark on every machine"):
        run(other, tmp_path / "out", load_dataset(sounds).clips[:2])


def test_a_store_as_input_and_output(two_nodes: Any, s3: str, sounds: Path) -> None:
    for file in (sounds, *sorted(sounds.parent.glob("low-[01]*.wav"))):
        storage.place(paths.joined(s3, f"ray/{file.name}")).put(file)
    source, out = paths.joined(s3, "ray/clips.csv"), paths.joined(s3, "ray-embeddings")
    call = ["embed", source, "-b", "mfcc", "--engine", "ray", "-o", out]
    found = CliRunner().invoke(main, call)
    assert found.exit_code == 0, found.output
    folder = open_store(out)
    wanted = embed([c for c in load_dataset(sounds).clips if c.id.startswith(("low-0", "low-1"))], "mfcc")
    embeddings = folder.read()[0].embeddings["embeddings"]
    assert Counter(embeddings.ids) == Counter(wanted.ids)
    np.testing.assert_allclose(embeddings.select(wanted.ids).X, wanted.X, atol=1e-6, rtol=0)
    assert len(folder.excluded) == 36 - 4  # listed in the table, and not in the store
    assert "36 clips were there already" in CliRunner().invoke(main, call).output


def test_addresses_where_nothing_answers_are_told() -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
    if ray.is_initialized():
        with pytest.raises(DataError, match=r"nothing answers at ray://127\.0\.0\.1:1 "):
            cluster._reach("ray://127.0.0.1:1")
        return
    with pytest.raises(DataError, match=r"nothing answers at 127\.0\.0\.1:1 "), cluster.cluster("127.0.0.1:1"):
        pass


@pytest.mark.slow
def test_a_killed_driver_loses_nothing(sounds: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
    out = tmp_path / "out"
    arguments = ["embed", str(sounds), "-b", "mfcc", "--engine", "ray", "--shard-clips", "1", "-o", f"{out}/"]
    command = [sys.executable, "-m", "earmark", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(out.glob("embeddings/shard-*"))) < 2 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    there = len(list(out.glob("embeddings/shard-*")))
    assert there >= 2
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert [c.id for c in open_store(out).clips] == sorted(c.id for c in load_dataset(sounds).clips)
