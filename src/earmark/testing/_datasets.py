"""What every data set promises."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..core import plugins
from ..data.clips import Clip, Dataset
from ..data.load import load_dataset
from ._wanted import part_of, wanted


def check_dataset(dataset: str | ModuleType) -> None:
    """Check a data set by name, or its module, on its own LAYOUT. Raises AssertionError for a promise not kept."""
    module = part_of("datasets", dataset)
    name = dataset if isinstance(dataset, str) else None
    for check in CHECKS:
        with tempfile.TemporaryDirectory(prefix="earmark-") as folder:
            check(Case(module, name), Path(folder))


@dataclass(frozen=True)
class Case:
    """A data set under check: its module, and the name it opens by (None: it is not installed)."""

    module: ModuleType
    name: str | None


def lay_out(folder: Path, layout: dict[str, str]) -> Path:
    """Write an example layout; sounds are empty files (building reads no audio)."""
    for name, text in layout.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def builds_its_example(case: Case, folder: Path) -> None:
    """build(path) gives a clip for each sound of LAYOUT, with labels, the same each time."""
    module = case.module
    wanted(module.__doc__, "a docstring that says what the data set is")
    layout = getattr(module, "LAYOUT", None)
    wanted(isinstance(layout, dict) and layout, 'LAYOUT = {"file": text, "sound": ""}, a tiny example')
    made = module.build(path=lay_out(folder, module.LAYOUT))
    wanted(isinstance(made, Dataset), f"build(path) gives a Dataset; found {type(made).__name__}")
    sounds = sum(not text for text in module.LAYOUT.values())
    wanted(len(made.clips) == sounds, f"a clip for each of the {sounds} sounds of LAYOUT; found {len(made.clips)}")
    wanted(len(made.classes) >= 2, f"two classes or more in LAYOUT; found {made.classes}")
    wanted(all(isinstance(c, Clip) and c.path.exists() for c in made.clips), "clips whose path exists")
    wanted(made == module.build(path=folder), "the same Dataset when it is built again")


def is_recognised_or_named(case: Case, folder: Path) -> None:
    """It opens as NAME:PATH; if it can be told by its looks, matches() tells it and nothing else."""
    module, name = case.module, case.name
    lay_out(folder, module.LAYOUT)
    if name is not None:
        opened = load_dataset(f"{name}:{folder}").clips
        wanted(opened == plugins.build("datasets", name, path=folder).clips, f"{name}:PATH opens it")
    if not hasattr(module, "matches"):
        return
    wanted(module.matches(folder), "matches(path) is true of LAYOUT")
    if name is not None:
        wanted(load_dataset(folder) == load_dataset(f"{name}:{folder}"), "LAYOUT opens by its path as by its name")
    wanted(not module.matches(folder / "nowhere"), "matches(path) is false where nothing is")
    (folder / "empty").mkdir()
    wanted(not module.matches(folder / "empty"), "matches(path) is false of an empty folder")


CHECKS: tuple[Callable[[Case, Path], None], ...] = (builds_its_example, is_recognised_or_named)
