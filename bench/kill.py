"""Kill `earmark compare` at random moments, run it again, and see whether the numbers are those of an undisturbed run.

    python bench/kill.py ../shared/data/gtzan/clips.csv --kills 50
    python bench/kill.py ../shared/data/gtzan/clips.csv --kills 5 -r yamnet/logreg --processes 2

Each round begins with an empty cache and no report. The command is killed (SIGKILL) once, twice or three times after
a random part of the time that an undisturbed run takes, then runs to its end on what the killed ones left. Then
metrics.json must be equal to the undisturbed one but for times, predictions.csv equal, and every file of the cache
readable. A report that stands there after a kill must be whole. ``--processes 2``: two run side by side on one cache,
one of them is killed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from reports import without_times


def sample(table: Path, count: int, seconds: float, to: Path) -> Path:
    """``count`` clips of a table, the classes in turn, the first seconds of each."""
    with table.open(encoding="utf-8", newline="") as file:
        embeddings = list(csv.DictReader(file))
    np.random.default_rng(0).shuffle(embeddings)  # type: ignore[arg-type]
    by_class: dict[str, list[dict[str, str]]] = {}
    for embedding in embeddings:
        by_class.setdefault(embedding["label"], []).append(embedding)
    turns = [embedding for turn in zip(*by_class.values(), strict=False) for embedding in turn][:count]
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "duration"])
        for embedding in turns:
            path = (table.parent / embedding["path"]).resolve()
            writer.writerow([path, embedding["label"], embedding.get("group") or embedding["path"], seconds])
    return to


def numbers(folder: Path) -> tuple[Any, str]:
    """What must be the same."""
    told = json.loads((folder / "metrics.json").read_text("utf-8"))
    return without_times(told), (folder / "predictions.csv").read_text("utf-8")


def damaged(cache: Path) -> list[Path]:
    """Files of the cache under their final names that cannot be read."""
    found = []
    for path in cache.rglob("*.npy"):
        try:
            np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            found.append(path)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--kills", type=int, default=50, help="kills in all")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10, help="of each clip")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-r", "--recipe", action="append", default=[])
    given = parser.parse_args()
    recipes = given.recipe or ["mfcc/lda", "mfcc:mean+std/logreg"]
    draw = np.random.default_rng(given.seed)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    wrong = kills = rounds = 0
    before: list[str] = []
    with tempfile.TemporaryDirectory(prefix="earmark-kill-") as name:
        here = Path(name)
        data = sample(given.table, given.clips, given.seconds, here / "clips.csv")

        def start(out: Path, cache: Path) -> subprocess.Popen[bytes]:
            parts = [
                sys.executable,
                "-m",
                "earmark",
                "compare",
                str(data),
                "-o",
                str(out),
                "--cache",
                str(cache),
                "--folds",
                "3",
            ]
            chosen = [word for recipe in recipes for word in ("-r", recipe)]
            return subprocess.Popen(
                [*parts, *chosen], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
            )

        def finish(one: subprocess.Popen[bytes]) -> None:
            _, said = one.communicate()
            if one.returncode:
                raise SystemExit(said.decode(errors="replace"))

        began = time.monotonic()
        finish(start(here / "alone", here / "cache-alone"))
        length = time.monotonic() - began
        wanted = numbers(here / "alone")
        print(f"undisturbed: {length:.1f} s, {given.clips} clips, {', '.join(recipes)}")
        while kills < given.kills:
            rounds += 1
            out, cache = here / "out", here / "cache"
            for folder in (out, cache):
                shutil.rmtree(folder, ignore_errors=True)
            for _ in range(min(int(draw.integers(1, 4)), given.kills - kills)):
                beside = start(here / "beside", cache) if given.processes == 2 else None
                one = start(out, cache)
                time.sleep(float(draw.uniform(0.05, 1)) * length)
                alive = one.poll() is None
                one.send_signal(signal.SIGKILL)
                one.communicate()
                kills += alive
                embeddings = sum(1 for _ in cache.rglob("*.npy"))
                before.append(f"{embeddings}" if alive else "ended")
                if beside is not None:
                    finish(beside)
                    wrong += numbers(here / "beside") != wanted
                if (out / "metrics.json").exists() and without_times(
                    json.loads((out / "metrics.json").read_text())
                ) != wanted[0]:
                    wrong += 1
                    print(f"round {rounds}: a report that is not whole was left")
            finish(start(out, cache))
            if numbers(out) != wanted:
                wrong += 1
                print(f"round {rounds}: other numbers than undisturbed")
            if broken := damaged(cache):
                wrong += 1
                print(f"round {rounds}: {broken[0]} is damaged")
    print(f"{kills} kills in {rounds} rounds; embeddings kept at each: {' '.join(before)}")
    print(f"{wrong} rounds went wrong")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
