"""Nothing leaves the machine unasked: dependencies that report themselves are told not to, before they are imported.

onnxruntime (its wheels for Linux report since 1.29), Ray (usage statistics) and OpenVINO (``engines``) do. Set in the
environment, so that worker processes and clusters inherit it; what a user has set otherwise stays.
"""

from __future__ import annotations

import os

QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


def be_quiet() -> None:
    """Set what is not set."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
