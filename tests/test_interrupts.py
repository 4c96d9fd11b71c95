"""Ctrl-C and SIGTERM: commands end within a second, say what is kept, and leave nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earmark.core import interrupts

ENDS = 3.0  # seconds; a second, and room for a machine that is busy
if sys.platform == "win32":
    pytest.skip("signals are sent otherwise there", allow_module_level=True)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of noise in class folders: one sound each."""
    folder = tmp_path_factory.mktemp("long")
    noise = np.random.default_rng(0).normal(0, 0.1, 8000 * 600).astype("f")
    for label in ("a", "b"):
        (folder / "data" / label).mkdir(parents=True)
        with soundfile.SoundFile(folder / "data" / label / "x.wav", "w", 8000, 1, subtype="PCM_16") as file:
            for _ in range(18):
                file.write(noise)
    return folder


def stopped(args: list[str], cwd: Path, number: signal.Signals, after: float = 2.5) -> tuple[int, str, float]:
    """Exit status, stderr and seconds to the end of a command that gets a signal."""
    env = os.environ | {"EARMARK_HOME": str(cwd / "home"), "OMP_NUM_THREADS": "1"}
    work = subprocess.Popen(
        args, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(after)
    assert work.poll() is None, work.stderr.read() if work.stderr else ""
    work.send_signal(number)
    began = time.monotonic()
    _, said = work.communicate(timeout=30)
    took = time.monotonic() - began
    with pytest.raises(ProcessLookupError):  # no child is left in its session
        os.killpg(work.pid, 0)
    return work.returncode, said, took


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_long_work_ends_at_once_and_says_what_is_kept(
    long: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    (tmp_path / "data").symlink_to(long / "data")
    command = [sys.executable, "-m", "earmark", "embed", "data", "-b", "mfcc", "-o", "out.npz"]
    code, said, took = stopped(command, tmp_path, number)
    assert code == status, said
    assert took < ENDS
    assert said.count("\n") == 1
    assert said.startswith(f"Stopped by {'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'}: ")
    assert "kept in the cache" in said
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert not [name for name in left if name.startswith("out") or name.endswith(".part")], left


STUCK = """
import sys, tempfile, time, threading, click
from pathlib import Path
from earmark.core.atomic import whole
import earmark.cli as cli
folder = tempfile.TemporaryDirectory(dir=".")
@click.command()
def stuck():
    def work():
        with whole(Path("half.bin")) as file:
            file.write(b"x"); file.flush()
            time.sleep(60)
    threading.Thread(target=work).start()
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as a training loop may that takes it for its own
            pass
cli.main.add_command(stuck)
cli.main.get_command = lambda ctx, name: stuck
cli.main.resolve_command = lambda ctx, args: ("stuck", stuck, [])
cli.main(["stuck"])
"""


def test_work_that_never_looks_is_ended_and_its_leftovers_are_removed(tmp_path: Path) -> None:
    code, said, took = stopped([sys.executable, "-c", STUCK], tmp_path, signal.SIGINT, after=2.0)
    assert (code, took < ENDS) == (130, True), said
    assert said.startswith("Stopped by Ctrl-C: ")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_threads_of_a_pool_end_with_whoever_uses_them() -> None:
    ended, begun = threading.Event(), threading.Event()

    def work(number: int) -> None:
        begun.set()
        try:
            while True:
                interrupts.check()
                time.sleep(0.01)
        except KeyboardInterrupt:
            ended.set()
            raise

    with pytest.raises(ValueError, match="enough"), interrupts.pool(2) as pool:  # noqa: PT012
        waiting = [pool.submit(work, n) for n in range(9)]
        assert begun.wait(5)
        raise ValueError("enough")
    assert ended.wait(5)
    assert sum(one.cancelled() for one in waiting) == 7
    interrupts.check()  # nobody asked this process to stop


def test_a_pool_that_is_read_to_its_end_gives_everything() -> None:
    with interrupts.pool(3) as pool:
        assert list(pool.map(lambda n: n * n, range(20))) == [n * n for n in range(20)]
