"""Earmark beside its peers, in one run: `make bench`.

    python bench/run.py [--data FOLDER] [--clips 100] [--rounds 5] [--only yamnet,cold] [--large] [--long]

Makes an environment for each peer (once; TensorFlow and torch are large), measures, and writes docs/bench.md with its
figures. Numbers are kept in docs/bench.json, so that a part can be measured again by itself (``--only``).
Without clips at hand it makes music up. ``--large`` (minutes) and ``--long`` (a file of ten hours) are excluded unless
asked for.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environments
import measures
import page

from earmark.audio.synthetic import make
from earmark.backbones.base import load_backbone
from earmark.core.errors import EarmarkError

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data" / "gtzan"
PARTS = ("yamnet", "vggish", "cold", "mel", "heads", "cnn", "warm")
SLOW = ("large", "long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with sounds of 10 s and more")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help=f"parts, with commas: {', '.join((*PARTS, *SLOW))}")
    parser.add_argument("--large", action="store_true", help="corpora of 10 to 10,000 clips")
    parser.add_argument("--long", action="store_true", help="one file of up to ten hours")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    args = parser.parse_args()
    args.docs.mkdir(parents=True, exist_ok=True)
    chosen = [p for p in args.only.split(",") if p] or [*PARTS, *(p for p in SLOW if getattr(args, p))]
    environments.folder().mkdir(parents=True, exist_ok=True)
    files = clips(args.data, args.clips)
    numbers = args.docs / "bench.json"
    found: dict[str, Any] = json.loads(numbers.read_text("utf-8")) if numbers.exists() else {}
    machine = measures.machine(args.threads)
    for peak in ("gflops_1", "gflops_all"):  # the best ever seen: other programs only take away from it
        machine[peak] = max(machine[peak], found.get("machine", machine)[peak])
    parts = measured(files, args.threads, args.rounds)
    for name in chosen:
        print(f"{name} …", flush=True)
        before = os.getloadavg()[0]
        found[name] = parts[name]()
        if "took" in found[name]:
            print("  " + json.dumps(found[name]["took"], default=float)[:2000], flush=True)
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        found[name] |= {"when": today, "load": sorted([before, os.getloadavg()[0]])}
        found["machine"] = machine
        numbers.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        order = ["machine", *PARTS, *SLOW]
        written = page.write({n: found[n] for n in order if n in found}, args.docs)
    print(written)


def clips(data: Path | None, count: int) -> list[Path]:
    """The user's clips, else the real ones beside the repository, else made-up ones."""
    folder = data or (DATA if DATA.is_dir() else None)
    if folder is None:
        folder = make(environments.folder() / "music", artists=4, clips=4, seconds=(10.5, 30.0)).parent
    found = measures.clips_of(folder, count)
    if not found:
        raise SystemExit(f"{folder}: no sounds of 10 s and more")
    return found


def measured(files: list[Path], threads: int, rounds: int) -> dict[str, Callable[[], Any]]:
    """Each part by name."""
    model = measures.model_for(environments.folder())
    precisions = [p for p in ("bf16", "int8") if has(p)]
    return {
        "yamnet": lambda: measures.yamnet(files, threads, rounds, precisions),
        "vggish": lambda: measures.vggish(files[:: max(1, len(files) // 12)][:12], threads, rounds, precisions),
        "cold": lambda: measures.cold(files, model, threads, rounds),
        "mel": lambda: measures.log_mel(threads, rounds),
        "heads": measures.heads,
        "cnn": lambda: measures.cnn(threads, rounds),
        "warm": lambda: measures.warm(files),
        "large": measures.large,
        "long": lambda: measures.long(model),
    }


def has(precision: str) -> bool:
    """Whether nets are to be had here in that precision; says why not."""

    try:
        load_backbone(f"yamnet(precision={precision})")
    except EarmarkError as error:
        print(f"without {precision}: {error}")
        return False
    return True


if __name__ == "__main__":
    main()
