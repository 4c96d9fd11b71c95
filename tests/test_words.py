"""One thing, one name: words that were retired stay out of code, help, pages, docs and JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "earmark"
# What each was, and is now. History (log, changelog) may speak as it spoke; `core/legacy.py` reads what 0.1 wrote.
RETIRED = {
    r"judg(e|ed|es|ing)": "evaluate, score, cross-validate",
    r"gone on with": "resumed",
    r"made worse": "degraded",
    r"foretold": "forecast",
    r"strangeness": "nonconformity",
    r"evened": "equalized",
    r"truly": "true",
    r"row_accuracy|row_counts|branch_rows|image_rows|rows_of": "window_…, branch_inputs, image_windows, embedding_blocks",
    r"rows/\w+": "embeddings/…",
    r"--rows|--part-clips": "--embeddings, --shard-clips",
    r"folders? of (rows|parts)": "store",
    r"part-<hash>|(Parquet|corpora in|written in|in) parts (of|to)|_parts|in_parts": "shards",
    r"open_dataset": "load_dataset",
}
HISTORY = {
    "docs/log.md", "CHANGELOG.md", "docs/adr/0007-formats.md", "docs/adr/0008-verbs.md",
    "src/earmark/core/legacy.py", "src/earmark/cli/_retired.py", "src/earmark/cli/retired.toml",
}  # fmt: skip
# `row` stays for lines of tables, of matrices and of pages: in these files, and in no other.
TABLES = (
    "audio/", "audits/groups.py", "audits/labels.py", "backbones/nets/", "backbones/onnx.py", "backbones/weights/export.py",
    "cli/", "core/marks.py", "core/npy.py", "core/legacy.py", "data/duplicates/", "data/layouts/", "data/times.py",
    "heads/_export.py", "heads/_opinions.py", "metrics/", "report/", "serve/page/", "web/page/", "label/page/",
)  # fmt: skip


def texts() -> list[Path]:
    source = [p for ending in ("py", "j2", "js", "html", "toml", "css") for p in SOURCE.rglob(f"*.{ending}")]
    found = [*source, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile"]
    return [p for p in found if p.relative_to(ROOT).as_posix() not in HISTORY]


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_are_gone(word: str) -> None:
    pattern = re.compile(rf"(?<![\w-])({word})(?![\w-])", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, f"say {RETIRED[word]}: " + "; ".join(found[:10])


def test_rows_are_lines_of_tables() -> None:
    pattern = re.compile(r"(?<![\w])rows?(?![\w])", re.IGNORECASE)
    found = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if pattern.search(path.read_text("utf-8")) and not path.relative_to(SOURCE).as_posix().startswith(TABLES)
    ]
    assert not found, "say window (the piece of sound) or embedding (what a backbone makes of it)"
