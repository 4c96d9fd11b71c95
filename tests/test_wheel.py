"""The built wheel, installed with the core alone in environments of its own, predicts with a model."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earmark
from test_audio import encode

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
FORMATS = (".wav", ".flac", ".mp3", ".ogg")
# Prints the score of each sound that is named.
CODE = (
    "import sys, earmark\n"
    "assert 'site-packages' in earmark.__file__\n"
    "model = earmark.load_model(sys.argv[1])\n"
    "print(*(repr(model.predict(path).score) for path in sys.argv[2:]))\n"
)
EXTRAS = ("torch", "scikit-learn", "scipy", "onnx==", "jinja2", "matplotlib", "fastapi", "pyarrow", "openvino")


def call(folder: Path, *command: str | Path) -> str:
    """What a command prints. Skips where pip finds no index; fails for any other failure."""
    done = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
    )
    if done.returncode and "pip" in map(str, command) and "No matching distribution" in done.stderr:
        pytest.skip(f"the index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(folder, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("earmark-*.whl")
    return built


@pytest.fixture(scope="module")
def model(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "model"
    earmark.train(sounds, "mfcc:mean/lda", folder, folds=2)
    return folder


def environment(folder: Path, python: str | Path, *wanted: str | Path) -> Path:
    """A new environment with what pip is asked for in it: its Python."""
    call(folder, python, "-m", "venv", folder / "env")
    inside = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    call(folder, inside, "-m", "pip", "install", "--quiet", *wanted)
    return inside


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(wheel: Path, model: Path, sounds: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        inside = set(file.namelist())
    source = ROOT / "src"
    there = {p.relative_to(source).as_posix() for p in (source / "earmark").rglob("*") if p.is_file()}
    wanted = {name for name in there if "__pycache__" not in name}
    assert not wanted - inside, "files of the package that the wheel lacks"
    assert {
        f"earmark/recipes/shipped/{p.name}" for p in (ROOT / "src/earmark/recipes/shipped").glob("*.toml")
    } <= inside
    assert any(name.endswith("licenses/LICENSE") for name in inside)

    python = environment(tmp_path, sys.executable, "--constraint", ROOT / "constraints.txt", wheel)
    installed = call(tmp_path, python, "-m", "pip", "list", "--format=freeze").lower()
    for extra in EXTRAS:
        assert f"\n{extra}" not in installed
    sound = sounds.parent / "low-0-0.wav"
    told = call(tmp_path, python, "-c", CODE, model, sound)
    assert float(told) == pytest.approx(earmark.load_model(model).predict(sound).score, abs=1e-6)
    tool = python.with_name("earmark")
    assert "predict" in call(tmp_path, tool, "--help")
    assert "yamnet" in call(tmp_path, tool, "list", "recipes")
    assert "yamnet" in call(tmp_path, tool, "list", "backbones")
    assert ",low," in call(tmp_path, tool, "predict", model, sound, "--format", "csv")
    call(tmp_path, tool, "embed", sounds.parent, "-b", "mfcc", "-o", tmp_path / "embeddings.npz", "--no-cache")
    done = subprocess.run([tool, "compare", sounds, "-r", "mfcc/lda"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'earmark[train]'" in done.stderr


def pythons(version: str) -> Iterator[Path]:
    """Programs that may be this version of Python: this one, pyenv's, what is on the path (maybe a shim)."""
    yield Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    found = shutil.which(f"python{version}")
    yield from [Path(found)] if found else []


def python_of(version: str) -> Path:
    """A Python of this version that can make environments; skips where there is none."""
    code = "import ensurepip, sys, venv; print('{}.{}'.format(*sys.version_info))"
    for candidate in pythons(version):
        done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    pytest.skip(f"no Python {version} with venv here: looked at this one, ~/.pyenv/versions and the path")


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_the_core_on_each_python_with_the_newest_of_everything(
    version: str, wheel: Path, model: Path, sounds: Path, tmp_path: Path
) -> None:
    """No constraints: what a user gets who installs Earmark today."""
    python = environment(tmp_path, python_of(version), wheel)
    call(tmp_path, python, "-m", "pip", "check")
    given, rate = soundfile.read(sounds.parent / "low-0-0.wav", dtype=np.float32)
    files = [tmp_path / f"a{ending}" for ending in FORMATS]
    for file in files:
        soundfile.write(file, given, rate)
    files.append(tmp_path / "a.m4a")  # FFmpeg's; the others are libsndfile's
    encode(files[-1], "ipod", "aac", given[:, None], rate)
    wanted = [earmark.load_model(model).predict(file) for file in files]
    told = call(tmp_path, python, "-W", "error", "-c", CODE, model, *files)
    *scores, score = [float(score) for score in told.split()]
    assert scores == pytest.approx([w.score for w in wanted[:-1]], abs=1e-3)
    # FFmpeg of PyAV 19 cuts the coder's padding off the end (36 ms of AAC at 16 kHz), that of PyAV 18 does not.
    assert score == pytest.approx(wanted[-1].score, abs=0.05)
    tool = python.with_name("earmark")
    answers = call(tmp_path, tool, "predict", model, *files, "--format", "csv")
    assert [line["label"] for line in csv.DictReader(answers.splitlines())] == [w.label for w in wanted]
