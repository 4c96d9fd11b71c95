"""The built wheel, installed with the core alone in an environment of its own, predicts with a bundle."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import earmark

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(sounds: Path, tmp_path: Path) -> None:
    def call(*command: str | Path) -> str:
        done = subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, check=False, cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
        )  # fmt: skip
        if done.returncode and "pip" in map(str, command) and "No matching distribution" in done.stderr:
            pytest.skip(f"the index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("earmark-*.whl")
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

    call(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    call(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    installed = call(python, "-m", "pip", "list", "--format=freeze").lower()
    for extra in ("torch", "scikit-learn", "scipy", "onnx==", "jinja2", "matplotlib", "fastapi", "pyarrow", "openvino"):
        assert f"\n{extra}" not in installed
    earmark.train(sounds, "mfcc:mean/lda", tmp_path / "model", folds=2)
    said = earmark.load(tmp_path / "model").predict(sounds.parent / "low-0-0.wav")
    code = (
        "import sys, earmark\n"
        "assert 'site-packages' in earmark.__file__\n"
        "print(repr(earmark.load(sys.argv[1]).predict(sys.argv[2]).score))\n"
    )
    told = call(python, "-c", code, tmp_path / "model", sounds.parent / "low-0-0.wav")
    assert float(told) == pytest.approx(said.score, abs=1e-6)
    tool = tmp_path / "env" / "bin" / "earmark"
    assert "predict" in call(tool, "--help")
    assert "yamnet" in call(tool, "list", "recipes")
    assert "yamnet" in call(tool, "list", "backbones")
    assert ",low," in call(tool, "predict", tmp_path / "model", sounds.parent / "low-0-0.wav", "--format", "csv")
    call(tool, "embed", sounds.parent, "-b", "mfcc", "-o", tmp_path / "rows.npz", "--no-cache")
    done = subprocess.run([tool, "compare", sounds, "-r", "mfcc/lda"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'earmark[train]'" in done.stderr
