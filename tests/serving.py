"""What the tests of the servers share: small sounds, a small model, and a server in a thread on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from fastapi import FastAPI

from earmark.serve.server import listening, server

RATE = 16000
CHROMIUM = Path("/usr/bin/chromium")


def tone(pitch: float, seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """A noisy tone (n,)."""
    time_ = np.arange(int(rate * seconds)) / rate
    return 0.3 * np.sin(2 * np.pi * pitch * time_) + 0.05 * np.random.default_rng(seed).standard_normal(len(time_))


def write_tones(folder: Path) -> Path:
    """Three classes of tones by six makers each, two sounds a maker; returns the table."""
    lines = ["path,label,group"]
    for k, label in enumerate(("low", "mid", "high")):
        (folder / label).mkdir(parents=True)
        for maker in range(6):
            for take in range(2):
                name = f"{label}/{maker}-{take}.wav"
                sound = tone(200 * 3**k * (1 + 0.1 * maker), 0.8 + 0.2 * take, seed=100 * k + 10 * maker + take)
                soundfile.write(folder / name, sound, RATE)
                lines.append(f"{name},{label},maker {k}.{maker}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Run ``app`` on a free port of this machine; yields its address, stops it at the end."""
    bound = listening("127.0.0.1", 0)
    made = server(app, grace=5)
    thread = threading.Thread(target=made.run, args=([bound],))
    thread.start()
    try:
        ends = time.monotonic() + 20
        while not made.started and thread.is_alive() and time.monotonic() < ends:
            time.sleep(0.01)
        if not made.started:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        made.should_exit = True
        thread.join(30)
        bound.close()
    if thread.is_alive():
        raise RuntimeError("the server did not stop")
