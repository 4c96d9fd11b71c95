"""Is a tag a release? It says the version that stands in both places, and the changelog has a section for it.

python bench/version.py v0.2.0
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def faults(tag: str, root: Path = ROOT) -> list[str]:
    """One line for each thing that keeps a tag from being a release."""
    version = tag.removeprefix("v")
    declared = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    code = re.search(r'^__version__ = "(.+)"$', (root / "src/earmark/core/version.py").read_text("utf-8"), re.MULTILINE)
    sections = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    found = [] if tag == f"v{version}" else [f"the tag is {tag}; wanted: v and a version, like v{declared}"]
    if declared != version:
        found.append(f"pyproject.toml says {declared}, the tag {tag}: change one of them")
    if code is None or code[1] != version:
        found.append(f"core/version.py says {code[1] if code else 'no version'}, the tag {tag}: change one of them")
    if version not in sections:
        found.append(f"CHANGELOG.md has no section {version}: write one, ## {version} (date)")
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag")
    if found := faults(parser.parse_args().tag):
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
