"""The API against its own description: Schemathesis makes requests, right and wrong ones, and checks the answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import earmark
from earmark.serve.app import create_app
from earmark.serve.limits import Limits
from serving import running, write_tones


def test_answers_are_as_described(tmp_path: Path) -> None:
    earmark.train(write_tones(tmp_path / "tones"), "mfcc(seconds=0.5):mean/logreg", tmp_path / "m", folds=3)
    app = create_app({"tones": earmark.load_model(tmp_path / "m")}, limits=Limits(bytes=2**20, seconds=10))
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with running(app) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-c", "import sys; from schemathesis.cli import schemathesis; schemathesis()"),
                *(
                    "run",
                    f"{address}/openapi.json",
                    "--checks",
                    "all",
                    "--max-examples",
                    "15",
                    "--seed",
                    "1",
                    "--no-color",
                ),
            ],
            cwd=tmp_path,  # it writes files beside
            env={**os.environ, "PYTHONPATH": paths, "SCHEMATHESIS_HOOKS": "sounds_for_schemathesis"},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases, done.stdout
    assert int(cases[1]) > 50
