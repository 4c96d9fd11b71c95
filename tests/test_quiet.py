"""Nothing leaves the machine unasked: no name is looked up, nothing is written but what was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.core.quiet import QUIET
from serving import write_tones

_WATCH = """
import atexit, os, socket, sys
asked = []
def watched(name, real):
    def call(*given, **more):
        host = given[0] if name != "connect" else given[1]
        local = host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None, socket.gethostname()) or (
            isinstance(host, (str, bytes)) and name == "connect"  # a socket of Unix
        ) or (isinstance(host, tuple) and str(host[0]).startswith(("127.", "::1")))
        if not local:
            asked.append(f"{name} {host}")
            with open(os.environ["ASKED"], "a") as file:
                file.write(f"{sys.argv[:2]} {name} {host}\\n")
        return real(*given, **more)
    return call
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, watched(name, getattr(socket, name)))
"""


def _run(tmp_path: Path, code: str) -> tuple[list[str], str]:
    """Run ``code`` with a home of its own: what it left there, and which names it looked up."""
    home, watch = tmp_path / "home", tmp_path / "watch"
    home.mkdir()
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(_WATCH)
    env = {k: v for k, v in os.environ.items() if k not in QUIET and not k.startswith("XDG_")}
    env |= {
        "HOME": str(home), "ASKED": str(tmp_path / "asked"), "EARMARK_HOME": str(tmp_path / "earmark"),
        "PYTHONPATH": os.pathsep.join([str(watch), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=240, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    asked = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()), asked


def _own_addresses() -> set[str]:
    import ray.util

    return {ray.util.get_node_ip_address()}


def test_training_and_predicting_leave_no_trace(tmp_path: Path) -> None:
    table = write_tones(tmp_path / "tones")
    sound = next((tmp_path / "tones").rglob("*.wav"))
    code = (
        f"import earmark\nearmark.train({str(table)!r}, 'mfcc/logreg', 'model', folds=2)\n"
        f"print(earmark.load('model').predict({str(sound)!r}))\n"
    )
    left, asked = _run(tmp_path, code)
    assert not asked
    assert [f for f in left if "matplotlib" not in f] == []


def test_workers_inherit_it(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
    table = write_tones(tmp_path / "tones")
    code = (
        "import sys; from earmark.cli import main\n"
        f"main(['embed', {str(table)!r}, '-b', 'mfcc', '--engine', 'ray', '-o', 'embeddings/'])"
    )
    left, asked = _run(tmp_path, code)
    # Ray looks which cloud it runs in and where itself is, with its statistics off as well (docs/reliability.md).
    own = {"169.254.169.254", "metadata.google.internal", *_own_addresses()}
    assert {line.split()[-1] for line in asked.splitlines()} <= own
    assert not [f for f in left if "icrosoft" in f or "telemetry" in f.lower() or "usage" in f.lower()]


def test_it_is_said_before_anything_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys, earmark, os\nassert 'onnxruntime' not in sys.modules\n"
        f"assert all(os.environ[k] == v for k, v in {QUIET!r}.items())\n"
    )
    _run(tmp_path, code)


def test_what_a_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.core.quiet import be_quiet

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    be_quiet()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
