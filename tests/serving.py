"""What the tests of the servers share: small sounds, a small model, and a server in a thread on a free port."""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
import soundfile
from fastapi import FastAPI

from earmark.web.server import listening, server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATE = 16000
get = functools.partial(httpx.get, timeout=60)  # machines that run tests may be busy
post = functools.partial(httpx.post, timeout=60)


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


def find_chromium() -> str:
    """Where Chromium is; skips the test if there is none."""
    found = next(
        (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None
    )
    if found is None:
        pytest.skip("no Chromium here: install it with apt-get install chromium")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium with a fake microphone; skips the test where there is none."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
    microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=find_chromium(), args=[*quiet, *microphone])
        try:
            yield made
        finally:
            made.close()


def serious_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical on the page as it is; the page's context must bypass its own CSP."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['help']} ({n['target']}: {n['failureSummary']})"
        for v in found
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]
