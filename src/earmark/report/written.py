"""Who writes which report: what ``save`` of a result calls. Loaded by ``core.renderers``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ..audits import Audit
from ..core import renderers
from ..core.errors import need_extra
from ..models.results import Comparison
from ..studies.curve import Curve
from ..studies.ladder import Ladder
from ..studies.reproduce import Reproduction
from ..studies.rerun import Rerun
from ..studies.stress import Stress
from ..studies.tune import Tuned

_MODULES = {
    Audit: "audit",
    Comparison: "compare",
    Curve: "curve",
    Ladder: "ladder",
    Reproduction: "reproduce",
    Stress: "stress",
    Tuned: "tune",
}


def _writer(module: str) -> renderers.Writer:
    """The ``write`` of a module of this package, which is imported when it is called: figures are slow to import."""

    def write(value: Any, folder: Path, *, force: bool) -> Path:
        need_extra(f"the report of a {type(value).__name__}", "jinja2", "markupsafe", "matplotlib")
        written: Path = import_module(f"{__package__}.{module}").write(value, folder, force=force)
        return written

    return write


def _again(value: Rerun, folder: Path, *, force: bool) -> Path:
    return value.comparison.save(folder, force=force)


for _kind, _module in _MODULES.items():
    renderers.register_writer(_kind, _writer(_module))
renderers.register_writer(Rerun, _again)
