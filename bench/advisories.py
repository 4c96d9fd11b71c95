"""Known faults of the installed packages, as pip-audit finds them; says so and does not fail where none can be had.

    pip install pip-audit && python bench/advisories.py

pip-audit asks the network about every package by name and version, so it is no part of the ``dev`` extra: where it is
not installed, nothing is asked.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys

COMMAND = (sys.executable, "-m", "pip_audit", "--local", "--format=json", "--progress-spinner=off", "--timeout=5")


def faults(command: tuple[str, ...] = COMMAND, *, seconds: float = 60) -> list[str] | str:
    """One line for each known fault, or why none can be had."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        told = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return f"no answer in {seconds:g} s"
    except (ValueError, KeyError, TypeError):
        return (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    return [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for one in told
        for fault in one.get("vulns", [])
    ]


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if importlib.util.find_spec("pip_audit") is None:
        print("advisories: not asked (pip-audit is not installed)")
        return
    found = faults()
    if isinstance(found, str):
        print(f"advisories: none could be had ({found})")
        return
    print("\n".join(found) or "advisories: no known fault")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
