"""Corpora on a Ray cluster: the figures of docs/scale.md.

    python bench/scale.py TABLE [--clips 1000] [--backbone yamnet] [--json out.json]

TABLE is a table of real clips. They are cut in different ways until there are as many as asked for, then worked on by
the local engine and by a cluster of two nodes with one processor each on this machine, chunk by chunk in turns, so that
what else runs here slows both. Then once more on the cluster, while one worker is killed. Then the parts of the cost of
a clip of 30 s, and what a driver can do: tables and dispatch of a million clips.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earmark import audio
from earmark.backbones.base import Backbone, load_backbone
from earmark.core.spec import Part
from earmark.data.clips import Clip, Excluded
from earmark.data.load import load_dataset
from earmark.embeddings import ray as cluster
from earmark.embeddings import shards
from earmark.embeddings.store import open_store


def cuts(table: Path, count: int) -> list[Clip]:
    """``count`` different clips: the real ones whole, then from later and later on."""
    real = load_dataset(table).clips
    seconds = {c.id: audio.probe(c.path).seconds or 0.0 for c in real}
    found = list(real)
    later = 0
    while len(found) < count:
        later += 1
        start = 0.37 * later
        found += [
            replace(c, id=f"{c.id}#{start:g}", start=start, duration=max(1.0, seconds[c.id] - start - 0.5))
            for c in real
            if seconds[c.id] > start + 1
        ]
    return found[:count]


def run(engine: Any, work: shards.Work, out: Path, clips: Sequence[Clip], **more: Any) -> float:
    began = time.perf_counter()
    todo = shards.cut(shards.left(work, str(out), clips), workers=2)
    made = list(engine(work, str(out), todo, **more))
    assert sum(m.clips for m in made) == len(clips)
    return time.perf_counter() - began


def turns(work: shards.Work, clips: list[Clip], folder: Path, chunks: int) -> dict[str, Any]:
    """Local and Ray chunk by chunk, each first every other time."""
    run(cluster.spread, work, folder / "warm", clips[:8])  # workers start, nets are loaded
    spent: dict[str, list[float]] = {"local": [], "ray": []}
    size = -(-len(clips) // chunks)
    for k in range(chunks):
        own = clips[k * size : (k + 1) * size]
        for name in ("local", "ray") if k % 2 else ("ray", "local"):
            if name == "local":
                spent[name].append(run(shards.local, work, folder / name, own, workers=2))
            else:
                spent[name].append(run(cluster.spread, work, folder / name, own))
    ratios = [a / b for a, b in zip(spent["local"], spent["ray"], strict=True)]
    return {
        "local s": sum(spent["local"]),
        "ray s": sum(spent["ray"]),
        "efficiency of the sums": sum(spent["local"]) / sum(spent["ray"]),
        "efficiency, median of chunks": statistics.median(ratios),
        "chunks": ratios,
    }


def killed(work: shards.Work, clips: list[Clip], out: Path) -> dict[str, Any]:
    """Kill one process that is at a part, half-way."""
    dead: list[int] = []

    def kill() -> None:
        while len(list(out.glob("embeddings/*"))) < 8:
            time.sleep(0.05)
        while not dead:
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    if b"ray::_part" in entry.read_bytes():
                        os.kill(int(entry.parent.name), signal.SIGKILL)
                        dead.append(int(entry.parent.name))
                        break
                except OSError:
                    continue

    threading.Thread(target=kill, daemon=True).start()
    return {"s": run(cluster.spread, work, out, clips), "workers killed": len(dead)}


def equal(a: Path, b: Path) -> dict[str, Any]:
    """Largest difference of the embeddings of two folders, and whether both hold the same clips once."""
    one, two = (open_store(p).read(memory=2**40)[0].embeddings["embeddings"] for p in (a, b))
    return {
        "same clips once": Counter(one.ids) == Counter(two.ids) and max(Counter(one.ids).values()) == 1,
        "clips": len(one.ids),
        "windows": len(one.X),
        "largest difference": float(np.abs(one.X - two.select(one.ids).X).max()),
    }


def costs(backbone: Backbone, clips: list[Clip], work: shards.Embedding, folder: Path) -> dict[str, Any]:
    """Processor milliseconds of a clip of 30 s by step, on one thread, and bytes."""
    long = [c for c in clips if c.duration is None and (audio.probe(c.path).seconds or 0) > 29][:20]
    spent: dict[str, list[float]] = {"read and decode": [], "front end": [], "net": []}
    for clip in long:
        for _ in range(2):
            t0 = time.thread_time()
            sound = audio.load(clip.path, backbone.sample_rate)
            t1 = time.thread_time()
            inputs = backbone.inputs(sound)
            t2 = time.thread_time()
            if backbone.net is not None:
                backbone.net(inputs)
            spent["net"].append(time.thread_time() - t2)
            spent["front end"].append(t2 - t1)
            spent["read and decode"].append(t1 - t0)
    began = time.process_time()
    run(shards.local, work, folder / "long", long, workers=1)
    whole = (time.process_time() - began) / len(long)
    size = sum(f.stat().st_size for f in (folder / "long" / "embeddings").iterdir()) / len(long)
    steps = {k: 1000 * statistics.median(v) for k, v in spent.items()}
    return {
        "ms by step": steps,
        "ms in all, with hashing and writing": 1000 * whole,
        "clips": len(long),
        "bytes of embeddings a clip": size,
        "bytes of sound a clip": sum(c.path.stat().st_size for c in long) / len(long),
    }


@dataclass(frozen=True)
class Idle:
    """Work that takes no time, to see how fast a driver gives it out."""

    seconds: float = 0.0
    facts: Any = None

    def open(self) -> shards.Write:
        def write(_clips: Sequence[Clip], _file: Path) -> tuple[int, list[Excluded]]:
            time.sleep(self.seconds)
            return 0, []

        return write


def driver(folder: Path, embeddings: Path, clips: int) -> dict[str, Any]:
    """What a table of ``clips`` clips costs, how many parts a second are given out, and how fast a resume looks."""
    table = folder / "many.csv"
    with table.open("w") as file:
        file.write("path,label,group\n")
        for i in range(clips):
            file.write(f"s3://a-bucket/sounds/{i // 1000:05d}/{i:09d}.flac,label {i % 50},group {i % 5000}\n")
    began = time.perf_counter()
    many = load_dataset(table).clips
    opened = time.perf_counter() - began
    todo = shards.cut(many, workers=1)
    began = time.perf_counter()
    given = len(list(cluster.spread(Idle(facts={"idle": 1}), str(folder), todo[:1000])))
    rate = given / (time.perf_counter() - began)
    began = time.perf_counter()
    left = len(shards.left(shards.Embedding.of(Part.parse("yamnet")), str(embeddings), many[:1]))
    looked = (time.perf_counter() - began) / len(list((embeddings / "embeddings").iterdir()))
    return {
        "clips": clips,
        "table opened s": opened,
        "largest memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parts of 256 given out a second": rate,
        "resume: ms a part": 1000 * looked,
        "left": left,
    }


def simulated(made: Any, folder: Path, workers: int, seconds: float) -> dict[str, Any]:
    """Simulated: workers that sleep instead of working, to see how busy one driver keeps more of them than run here."""
    made.add_node(num_cpus=workers - 2, object_store_memory=100 * 2**20)
    work = Idle(seconds, facts={"idle": seconds})
    given = [[Clip(str(i), Path(str(i)))] for i in range(12 * workers)]
    list(cluster.spread(work, str(folder), given[: 3 * workers]))  # their processes start
    began = time.perf_counter()
    list(cluster.spread(work, str(folder), given))
    spent = time.perf_counter() - began
    return {
        "workers": workers,
        "parts": len(given),
        "s a part": seconds,
        "busy": len(given) * seconds / workers / spent,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("table", type=Path)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--backbone", default="yamnet")
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--simulated", type=int, default=24, help="Workers that only sleep")
    parser.add_argument("--steps", help="Only these, e.g. turns,driver")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    import ray
    from ray.cluster_utils import Cluster

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_TOKEN=secrets.token_hex(16))
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 256 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    made.add_node(**node)
    ray.init(address=made.address, log_to_driver=False, logging_level="error")
    told: dict[str, Any] = {"load before": os.getloadavg(), "processors": os.cpu_count(), "ray": ray.__version__}
    work = shards.Embedding.of(Part.parse(given.backbone))
    clips = cuts(given.table, given.clips)
    with tempfile.TemporaryDirectory(prefix="earmark-scale-") as name:
        folder = Path(name)
        steps = {
            "turns": lambda: turns(work, clips, folder, given.chunks),
            "local and ray": lambda: equal(folder / "local", folder / "ray"),
            "killed": lambda: killed(work, clips, folder / "killed"),
            "local and killed": lambda: equal(folder / "local", folder / "killed"),
            "costs": lambda: costs(load_backbone(given.backbone), clips, work, folder),
            "driver": lambda: driver(folder, folder / "ray", given.many),
            "simulated": lambda: simulated(made, folder, given.simulated, 4.0),
        }
        for step, do in steps.items():
            if given.steps and step not in given.steps.split(","):
                continue
            told[step] = do()
            print(step, json.dumps(told[step]), flush=True)
    ray.shutdown()
    made.shutdown()
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
