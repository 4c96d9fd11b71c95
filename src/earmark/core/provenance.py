"""What numbers depend on, to be told beside them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    import platform

    found = {"python": platform.python_version()}
    for name in ("earmark", "numpy", "onnxruntime", "soundfile", "soxr", "scikit-learn", "torch", "skorch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
