"""The README's Python is run as it stands; its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from earmark.cli import main
from earmark.recipes import recipe

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed) -> None:  # type: ignore[no-untyped-def]
    installed("yamnet")
    draw = np.random.default_rng(0)
    for k, label in enumerate(("hum", "whistle")):
        (tmp_path / "my-sounds" / label).mkdir(parents=True)
        for take in range(8):
            time = np.arange(16000) / 16000
            sound = 0.3 * np.sin(2 * np.pi * 150 * 10**k * (1 + 0.02 * take) * time) + 0.02 * draw.standard_normal(
                16000
            )
            soundfile.write(tmp_path / "my-sounds" / label / f"{take}.wav", sound, 16000)
    soundfile.write(tmp_path / "new.wav", sound, 16000)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["embeddings"].shape == (16, 1024)  # type: ignore[attr-defined]
    assert (tmp_path / "my-model" / "earmark.json").exists()


def test_commands_are_parsed_and_recipes_exist() -> None:
    lines = [line.split("#")[0] for line in README.splitlines() if line.startswith("earmark ")]
    assert len(lines) >= 3
    for line in lines:
        command: click.Command = main
        args = shlex.split(line)[1:]
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), args[0])
            assert found is not None, line
            command, args = found, args[1:]
        context = command.make_context("earmark", args)
        for given in context.params.get("recipes") or [context.params.get("recipe") or "mfcc/svm"]:
            recipe.find(given).check()
