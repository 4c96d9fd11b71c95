"""Many clients at one server: throughput beside ``embed``, waiting times, errors, memory.

    python bench/load.py MODEL SOUNDS --clients 32 --seconds 60

Starts ``earmark serve`` on a free port of this machine, and clients that each post clips one after the other. The same
clips go through ``embed`` (no cache) before and after, on as many workers. On a shared machine compare the CPU seconds
per clip, which other programs change less than the clock.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from earmark import load_model
from earmark.data.clips import Clip
from earmark.data.layouts import sounds_below
from earmark.embeddings.make import embed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("sounds", type=Path, help="a folder, searched below")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--files", type=int, default=40, help="how many of the sounds, evenly spread")
    parser.add_argument("--query", default="", help="e.g. timeline=true")
    args = parser.parse_args()
    found = sounds_below(args.sounds)
    files = found[:: max(1, len(found) // args.files)][: args.files]
    workers = os.cpu_count() or 1
    before = embedding(args.model, files, workers)
    with_server = serving(args, files, workers)
    after = embedding(args.model, files, workers)
    clips, cpu = (before[0] + after[0]) / 2, (before[1] + after[1]) / 2
    print(f"embed, {workers} workers: {before[0]:.2f} and {after[0]:.2f} clips/s, {cpu:.3f} CPU s a clip")
    print(f"serve / embed: {with_server[0] / clips:.2f} by the clock, {cpu / with_server[1]:.2f} by CPU time")


def embedding(model: Path, files: list[Path], workers: int) -> tuple[float, float]:
    """(clips per second, CPU seconds per clip) of ``embed`` with the model's backbones."""
    backbones = [b for branch in load_model(model).branches for b in branch.backbones]
    clips = [Clip(str(f), f) for f in files]
    for backbone in backbones:
        embed(clips[:1], backbone, workers=workers)
    began, cpu = time.perf_counter(), time.process_time()
    for backbone in backbones:
        embed(clips, backbone, workers=workers)
    return len(files) / (time.perf_counter() - began), (time.process_time() - cpu) / len(files)


def serving(args: argparse.Namespace, files: list[Path], workers: int) -> tuple[float, float]:
    """(clips per second, CPU seconds per clip) of the server; prints the rest."""
    earmark = [sys.executable, "-c", "from earmark.cli import main; main()"]
    log = open(os.devnull, "w")  # noqa: SIM115, PTH123 - closed below
    process = subprocess.Popen(
        [*earmark, "serve", str(args.model), "--port", "0", "--workers", str(workers)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = re.search(r"http://(\S+):(\d+)/", process.stderr.readline())
    if not address:
        raise SystemExit("the server did not start")
    drain = threading.Thread(target=lambda: [log.write(line) for line in process.stderr or ()], daemon=True)
    drain.start()
    host, port = address[1], int(address[2])
    wait_until_ready(host, port)
    bodies = [f.read_bytes() for f in files]
    took: list[float] = []
    status: collections.Counter[int] = collections.Counter()
    memory: list[float] = []
    began = time.perf_counter()
    used = cpu_of(process.pid)
    ends = began + args.seconds

    def client(number: int) -> None:
        at = number
        link = http.client.HTTPConnection(host, port, timeout=120)
        while time.perf_counter() < ends:
            start = time.perf_counter()
            link.request("POST", f"/api/predict?{args.query}", bodies[at % len(bodies)])
            answer = link.getresponse()
            answer.read()
            status[answer.status] += 1
            took.append(time.perf_counter() - start)
            if answer.status == 503:
                time.sleep(float(answer.headers.get("retry-after", 1)))
            at += args.clients
        link.close()

    threads = [threading.Thread(target=client, args=(k,)) for k in range(args.clients)]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        memory.append(memory_of(process.pid))
        time.sleep(1)
    seconds = time.perf_counter() - began
    used = cpu_of(process.pid) - used
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    drain.join(5)
    log.close()
    p50, p99 = np.quantile(took, [0.5, 0.99])
    good = status[200]
    print(
        f"{args.clients} clients, {seconds:.0f} s: {dict(status)}; {good / seconds:.2f} clips/s, {used / good:.3f} CPU s a clip"
    )
    print(
        f"time to an answer: p50 {p50:.2f} s, p99 {p99:.2f} s (every client waits for its answer before it asks again)"
    )
    points = [memory[min(len(memory) - 1, len(memory) * k // 8)] for k in range(1, 9)]
    print(f"memory of the server at each eighth of the time, MiB: {', '.join(f'{m:.0f}' for m in points)}")
    return good / seconds, used / good


def wait_until_ready(host: str, port: int) -> None:
    """Ask /readyz until it says yes."""
    for _ in range(300):
        try:
            link = http.client.HTTPConnection(host, port, timeout=5)
            link.request("GET", "/readyz")
            if link.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            link.close()
        time.sleep(0.1)
    raise SystemExit("the server was not ready after 30 s")


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident memory of a process, MiB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
