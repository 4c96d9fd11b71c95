"""Progress where somebody is looking: on a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import earmark
from earmark.core import progress
from earmark.core.progress import bar, bars, in_notebook


class ZMQInteractiveShell:
    """What ipykernel's ``get_ipython`` gives."""


class ColabShell:
    """What others give: it is known by its kernel."""

    kernel = object()


class TerminalInteractiveShell:
    """IPython on a terminal."""


class Cell:
    """The output of a notebook's cell: what was shown, one picture after another."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    def display(self, page: str, *, display_id: bool) -> Cell:
        assert display_id
        self.update(page)
        return self

    def update(self, page: str) -> None:
        self.pages.append(page)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A kernel of a notebook, with IPython in it."""
    cell = Cell()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: ZMQInteractiveShell()  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]
    display.display = cell.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    return cell


def be_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make stderr, as it is within a test, a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")


def steps(total: int = 3, label: str = "fit") -> None:
    with bar(label, total) as step:
        for _ in range(total):
            step()


def test_a_notebook_shows_each_step_and_is_clear_at_the_end(notebook: Cell) -> None:
    steps(label="fit <b>")
    texts = [re.sub("<[^>]*>", "", page) for page in notebook.pages]
    assert texts == ["", *(f"fit &lt;b&gt;  {i} of 3" for i in range(4)), ""]
    assert '<progress max="3" value="2">' in notebook.pages[3]


def test_a_notebook_is_not_flooded(notebook: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 1000.0)
    steps(10_000)
    assert len(notebook.pages) == 4  # nothing, 0, all, nothing


def test_what_fails_leaves_no_bar_in_a_notebook(notebook: Cell) -> None:
    with pytest.raises(ZeroDivisionError), bar("fit", 3):
        _ = 1 / 0
    assert notebook.pages[-1] == ""


def test_functions_show_bars_in_a_notebook(notebook: Cell, sounds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earmark.compare(sounds, ["mfcc/lda"], folds=2)
    shown = " ".join(notebook.pages)
    assert "embed mfcc" in shown
    assert re.search("fit <progress[^>]*></progress> 3 of 3", shown)
    assert capsys.readouterr() == ("", "")


def test_sizes_are_told_as_such(notebook: Cell) -> None:
    with bars(sizes=True) as advance:
        assert advance is not None
        advance("yamnet", 1_500_000, 3_000_000)
        advance("vggish", 500_000, None)
    texts = [re.sub("<[^>]*>", "", page) for page in notebook.pages]
    assert texts[-2:] == ["yamnet  1.5 MB of 3.0 MBvggish  0.5 MB", ""]


@pytest.mark.parametrize(
    ("shell", "wanted"), [(ZMQInteractiveShell, True), (ColabShell, True), (TerminalInteractiveShell, False)]
)
@pytest.mark.parametrize("where", ["IPython", "builtins"])
def test_what_a_notebook_is_known_by(shell: type, wanted: bool, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    module: Any = builtins if where == "builtins" else ModuleType("IPython")
    monkeypatch.setattr(module, "get_ipython", shell, raising=False)
    monkeypatch.setitem(sys.modules, where, module)
    assert in_notebook() is wanted


def test_without_ipython_a_notebook_gets_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    steps()
    assert "3/3" in capsys.readouterr().err


def test_a_terminal_shows_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    be_terminal(monkeypatch)
    steps(label="fit [b]")
    out, err = capsys.readouterr()
    assert out == ""
    assert "fit [b]" in err
    assert "3/3" in err
    with bars(sizes=True) as advance:
        assert advance is not None
        advance("yamnet", 500, 1000)
    assert "yamnet" in capsys.readouterr().err


def test_bars_inside_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    be_terminal(monkeypatch)
    with bar("stress", 2) as step:
        steps(label="embed")
        step()
    assert "embed" in capsys.readouterr().err


@pytest.mark.parametrize("total", [0, 1])
def test_what_is_done_at_once_has_no_bar(total: int, notebook: Cell) -> None:
    steps(total)
    assert notebook.pages == []


def test_a_file_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    steps()
    assert capsys.readouterr() == ("", "")
