"""Nothing leaves the machine unasked: what the libraries below would tell their makers is off before they are imported.

============  ======================================================================================================
onnxruntime   from 1.29 on writes a device id and a queue of events into the user's cache when it is imported, and
              sends them to Microsoft: ``ORT_DISABLE_TELEMETRY``
Ray           reports each cluster that it starts, every hour: ``RAY_USAGE_STATS_ENABLED``
OpenVINO      reports each import by the package ``openvino_telemetry``, and has no switch: it does not find that package
others        what a part from outside may bring along: ``HF_HUB_DISABLE_TELEMETRY``, ``DO_NOT_TRACK``
============  ======================================================================================================

Switches are variables of the environment, which processes that are started inherit; ``earmark/__init__.py`` sets them, so
that workers on other machines have them, too. Who sets a variable himself, to whatever value, is left his choice.
"""

from __future__ import annotations

import os
import sys
from typing import Any

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
_REPORTER = "openvino_telemetry"


def off() -> None:
    """Turn off what variables of the environment turn off, where the user has not set them."""
    for name, value in SWITCHES.items():
        if not os.environ.get(name):
            os.environ[name] = value


def import_onnxruntime() -> Any:
    """onnxruntime with its reports off, also where somebody imported it before Earmark."""
    off()
    import onnxruntime

    if os.environ["ORT_DISABLE_TELEMETRY"] == SWITCHES["ORT_DISABLE_TELEMETRY"]:
        getattr(onnxruntime, "disable_telemetry_events", lambda: None)()
    return onnxruntime


def import_openvino() -> Any:
    """OpenVINO without the package that reports."""
    off()
    before = sys.modules.get(_REPORTER)
    sys.modules[_REPORTER] = None  # type: ignore[assignment]  # to import it fails
    try:
        import openvino
    finally:
        if before is None:
            del sys.modules[_REPORTER]
        else:
            sys.modules[_REPORTER] = before
    return openvino
