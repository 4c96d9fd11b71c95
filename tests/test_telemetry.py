"""Nothing leaves the machine unasked: libraries that report are told not to, in workers too."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import earmark
from earmark.core import telemetry
from serving import write_tones

SOURCE = Path(earmark.__file__).parent

# Runs in every process below, Ray's own included. Names that are looked up, and connections that are opened.
WATCH = """
import json, os, socket, sys
OWN = {"localhost", "", None, socket.gethostname(), socket.getfqdn()}

def watch(event, given):
    if event == "socket.getaddrinfo" or event == "socket.gethostbyname":
        host = given[0]
    elif event == "socket.connect" and isinstance(given[1], tuple) and given[0].type != socket.SOCK_DGRAM:
        host = given[1][0]  # "connecting" a datagram socket sends nothing: Ray asks for its own address so
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    own = host in OWN or host.startswith(("127.", "::1", "0.0.0.0")) or host in addresses
    if not own:
        with open(os.environ["WATCHED"], "a") as out:
            out.write(json.dumps([event, host, sys.argv[:3]]) + "\\n")

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    try:
        one.connect(("192.0.2.1", 9))  # sends nothing: the system says from which address it would
        addresses = {one.getsockname()[0]}
    except OSError:
        addresses = set()
sys.addaudithook(watch)
"""


def watched(code: str, folder: Path) -> tuple[list[str], list[str]]:
    """Files that a process leaves in the user's home, and hosts that it or its children asked for."""
    home, told = folder / "user", folder / "told"
    home.mkdir()
    told.touch()
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WATCH)
    env = {k: v for k, v in os.environ.items() if k not in telemetry.SWITCHES and not k.startswith("XDG_")}
    env |= {
        "HOME": str(home),
        "WATCHED": str(told),
        "EARMARK_HOME": str(folder / "earmark"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{SOURCE.parent}",
        "MPLCONFIGDIR": str(folder / "figures"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    left = sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())
    return left, [line for line in told.read_text().splitlines() if line]


def test_the_watch_sees(tmp_path: Path) -> None:
    code = """
import pathlib, socket
(pathlib.Path.home() / ".id").write_text("x")
try:
    socket.create_connection(("telling.invalid", 443), timeout=1)
except OSError:
    pass
"""
    left, asked = watched(code, tmp_path)
    assert left == [".id"]
    assert json.loads(asked[0])[:2] == ["socket.getaddrinfo", "telling.invalid"]


def test_training_and_predicting_tell_nobody(sounds: Path, tmp_path: Path) -> None:
    code = f"""
import earmark
earmark.train({str(sounds)!r}, "mfcc/lda", "model", protocol="clips", folds=2)
model = earmark.load_model("model")
clips = earmark.load_dataset({str(sounds)!r}).clips
assert model.predict(clips[0].path).label
assert len(list(model.predict_many([c.path for c in clips[:4]], workers=2))) == 4
"""
    assert watched(code, tmp_path) == ([], [])


def test_a_table_and_calibrated_answers_tell_nobody(tmp_path: Path) -> None:
    table = write_tones(tmp_path / "tones")
    sound = next((tmp_path / "tones").rglob("*.wav"))
    code = (
        f"import earmark\nearmark.train({str(table)!r}, 'mfcc/logreg', 'model', folds=2)\n"
        f"print(earmark.load_model('model').predict({str(sound)!r}))\n"
    )
    assert watched(code, tmp_path) == ([], [])


def test_a_ray_cluster_tells_nobody(sounds: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
    earmark.train(sounds, "mfcc/lda", tmp_path / "model", protocol="clips", folds=2)
    code = f"""
from earmark.cli import main
from earmark.embeddings.ray import cluster
with cluster(workers=1):
    main(["embed", {str(sounds)!r}, "-b", "mfcc", "--engine", "ray", "-o", "embeddings/"], standalone_mode=False)
    main(["predict", "model", {str(sounds)!r}, "--engine", "ray", "-o", "answers/"], standalone_mode=False)
"""
    left, asked = watched(code, tmp_path)
    assert left in ([], [".ray/auth_token"])  # the key to this cluster, which Ray makes for those on this machine
    assert asked == []
    assert list((tmp_path / "embeddings").rglob("*.parquet"))
    assert list((tmp_path / "answers").rglob("*.parquet"))


def test_a_cluster_that_a_command_starts_tells_nobody(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
    table = write_tones(tmp_path / "tones")
    code = f"from earmark.cli import main\nmain(['embed', {str(table)!r}, '-b', 'mfcc', '--engine', 'ray', '-o', 'embeddings/'])"
    left, asked = watched(code, tmp_path)
    assert left in ([], [".ray/auth_token"])
    assert asked == []


def test_another_ray_has_no_such_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own name for it is private: where there is none, nothing is kept from starting."""
    pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
    from ray._private.node import Node

    from earmark.embeddings.ray import _asking_nobody

    start = Node.start_api_server
    with _asking_nobody():
        assert Node.start_api_server is not start
    assert Node.start_api_server is start
    monkeypatch.delattr(Node, "start_api_server")
    with _asking_nobody():
        assert not hasattr(Node, "start_api_server")


def test_it_is_off_before_anything_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys, earmark, os\nassert 'onnxruntime' not in sys.modules\n"
        f"assert all(os.environ[k] == v for k, v in {telemetry.SWITCHES!r}.items())\n"
    )
    assert watched(code, tmp_path) == ([], [])


def test_switches_are_set_where_the_user_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    telemetry.off()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"


def test_what_reports_is_imported_in_one_way() -> None:
    """Ray is imported by ``embeddings.ray`` only (see there), and its switch is in the environment by then."""
    module = re.compile(r"^\s*(?:import|from) (onnxruntime|openvino)\b", re.MULTILINE)
    found = {f.relative_to(SOURCE).as_posix(): f.read_text("utf-8") for f in SOURCE.rglob("*.py")}
    others = {name for name, text in found.items() if module.search(text)} - {"core/telemetry.py"}
    assert others == {"backbones/quantize/rounded.py"}  # its parts, after the whole was imported that way
    text = found["backbones/quantize/rounded.py"]
    first = module.search(text)
    assert first
    assert "    import_onnxruntime()\n" in text[: first.start() + 1]


def test_onnxruntime_imported_before_is_told_too() -> None:
    code = """
import onnxruntime
called = []
onnxruntime.disable_telemetry_events = lambda: called.append(1)
from earmark.backbones import runtimes
assert runtimes.import_onnxruntime() is onnxruntime and called
del onnxruntime.disable_telemetry_events
assert runtimes.import_onnxruntime() is onnxruntime
"""
    env = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(SOURCE.parent)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
