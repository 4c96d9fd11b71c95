"""Licences of everything that Earmark needs, from what the installed packages say of themselves.

    python bench/licences.py            # prints; --write puts it into docs/licences.md

Packages are followed from Earmark's own dependencies, extra by extra, for this Python and system.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

EXTRAS = ("", "train", "serve", "fast", "ray", "pandas", "dev")
# What may be depended on: anything that lets Earmark be Apache-2.0 and be linked to. No GPL, no AGPL, nothing unknown.
ALLOWED = re.compile(
    r"apache|\bmit\b|mit-|bsd|\bisc\b|\bpsf|python software foundation|mpl|mozilla public|zlib|0bsd|cc0|bsl-1|boost|lgpl|lesser",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\bagpl|affero|(?<!l)gpl(?!v2\+\)|-2\.1)|proprietary|non-?commercial", re.IGNORECASE)
SAID_ELSEWHERE = {"axe-playwright-python": "MIT"}  # metadata name no licence: what the LICENSE file in the wheel says


def licence(name: str) -> str:
    """What a package says, shortest first: SPDX expression, classifier, the first line of the text."""
    facts = distribution(name).metadata
    named = facts.get("License-Expression")
    classes = [c.split("::")[-1].strip() for c in facts.get_all("Classifier") or [] if c.startswith("License ::")]
    text = (facts.get("License") or "").strip().splitlines()
    return named or "; ".join(classes) or (text[0] if text else SAID_ELSEWHERE.get(name.lower(), "not said"))


def declared(extra: str) -> list[str]:
    """What pyproject.toml asks for: an editable install may know an older one."""
    told = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    return [*told["dependencies"], *(told["optional-dependencies"][extra] if extra else [])]


def needed(extra: str) -> dict[str, str]:
    """Package -> version of everything that ``earmark[extra]`` brings and that is installed here."""
    found: dict[str, str] = {}
    waiting = [("earmark", extra)]
    seen = set()
    while waiting:
        name, of = waiting.pop()
        if (name, of) in seen:
            continue
        seen.add((name, of))
        if name == "earmark":
            requires = declared(of)
        else:
            try:
                one = distribution(name)
            except PackageNotFoundError:
                continue
            found[one.metadata["Name"]], requires = one.version, one.requires or []
        for text in requires:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": of}):
                waiting += [(wanted.name, ""), *((wanted.name, more) for more in wanted.extras)]
    return found


def refused(said: str) -> bool:
    """True for a licence that Earmark may not depend on, and for one that is not known."""
    alternatives = re.split(r"\s+OR\s+", said)
    return not any(ALLOWED.search(one) and not REFUSED.search(one) for one in alternatives)


def page() -> str:
    """docs/licences.md."""
    lines = [
        "# Licences of what Earmark depends on",
        "",
        "Earmark itself is Apache-2.0. Its packages and theirs, as their metadata say (`make licences`; Linux, CPU):",
        "",
    ]
    before: dict[str, str] = {}
    for extra in EXTRAS:
        here = {k: v for k, v in needed(extra).items() if k not in before}
        before |= here
        lines += [
            f"## {f'Extra `{extra}`' if extra else 'The core'}",
            "",
            "| package | version | licence |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | {here[name]} | {licence(name)} |" for name in sorted(here, key=str.lower)]
        lines.append("")
    lines += [
        "## Libraries inside packages",
        "",
        "| package | brings | licence |",
        "|---|---|---|",
        "| soundfile | libsndfile (with FLAC, Ogg, Vorbis, Opus, mpg123, LAME) | LGPL-2.1 or later, BSD, LGPL |",
        "| soxr | libsoxr | LGPL-2.1 or later |",
        f"| av | FFmpeg | {ffmpeg()} |",
        "",
        "They are shared libraries of their own packages, loaded at run time and replaceable; Earmark copies nothing of "
        "them. Who ships an image or an installer with these wheels in it ships those libraries, too, and takes on what "
        "their licences ask. Licences of pretrained weights and of training sounds are another matter: "
        "`earmark list backbones` and each model's card name them.",
        "",
    ]
    return "\n".join(lines)


def ffmpeg() -> str:
    """What the FFmpeg inside the installed wheel says of its licence."""
    from av import _core

    return str(_core.library_meta["libavcodec"]["license"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    text = page()
    if parser.parse_args().write:
        (Path(__file__).parents[1] / "docs" / "licences.md").write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
