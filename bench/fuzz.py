"""Damage real files of every format and see what Earmark makes of them: an answer or one clear error, nothing else.

    python bench/fuzz.py --audio 10000 --others 1000 --out fuzz.json

Prints tables by format and mutation (answers + errors, and failures if there are any) and every failure with the case
that makes it again: ``python bench/fuzz.py --case audio flac "bit flips" 1234``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import fuzzing  # noqa: E402


def table(outcomes: list[fuzzing.Outcome], target: str) -> str:
    """Answers / clear errors by format (embeddings) and mutation; failures in bold."""
    _, forms, mutations = fuzzing.TARGETS[target]
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for o in outcomes:
        if o.case.target == target:
            cells[o.case.form, o.case.mutation][o.kind if o.good else "failure"] += 1
    lines = [f"| {target} | " + " | ".join(mutations) + " |", "|---" * (len(mutations) + 1) + "|"]
    for form in forms:
        shown = []
        for mutation in mutations:
            c = cells[form, mutation]
            shown.append(f"{c['answer']}/{c['error']}" + (f" **{c['failure']}**" if c["failure"] else ""))
        lines.append(f"| {form} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=int, default=1000, help="damaged sounds for probe, load and blocks")
    parser.add_argument("--others", type=int, default=200, help="cases of each other target")
    parser.add_argument("--targets", nargs="*", default=list(fuzzing.TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--case", nargs=4, metavar=("TARGET", "FORMAT", "MUTATION", "SEED"))
    parser.add_argument("--out", type=Path, help="failures and counts as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(
        prefix="earmark-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as folder:
        tools = Path(folder)
        fuzzing.prepare(tools)
        if given.case:
            print(fuzzing.run_one(fuzzing.Case(*given.case[:3], int(given.case[3])), tools))
            return
        wanted = [
            c
            for t in given.targets
            for c in fuzzing.cases(t, given.audio if t == "audio" else given.others, seed=given.seed)
        ]
        began = time.perf_counter()
        outcomes = list(fuzzing.run(wanted, tools, workers=given.workers))
        spent = time.perf_counter() - began
    for target in given.targets:
        print(table(outcomes, target), "\n")
    bad = [o for o in outcomes if not o.good]
    for o in bad:
        print(f"{o.kind}: --case {o.case.target} {o.case.form} {o.case.mutation!r} {o.case.seed}\n    {o.told}")
    kinds = Counter(o.kind for o in outcomes)
    slowest = max(outcomes, key=lambda o: o.seconds)
    largest = max(outcomes, key=lambda o: o.memory)
    print(f"{len(outcomes)} cases in {spent:.0f} s on {given.workers} worker(s): {dict(kinds)}")
    print(f"slowest {slowest.seconds:.2f} s ({slowest.case}); most memory {largest.memory:.0f} MiB ({largest.case})")
    if given.out:
        told = {"seconds": spent, "kinds": kinds, "failures": [asdict(o) for o in bad]}
        given.out.write_text(json.dumps(told, indent=1) + "\n")
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
