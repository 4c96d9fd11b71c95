"""What people who carry it on expect: workflows, hooks, forms. What they name exists."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from earmark import __version__
from earmark.core import plugins

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (extra 'dev')")

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
TOLD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path.stem}: {name}", job) for path in WORKFLOWS for name, job in read(path)["jobs"].items()]


def commands() -> list[str]:
    """Every line that a workflow runs."""
    runs = [step["run"] for _, job in jobs() for step in job["steps"] if "run" in step]
    return [line for run in runs for line in run.splitlines() if line.strip()]


def made(line: str) -> list[str]:
    """Targets of make in a line of shell."""
    words = shlex.split(line)
    after = words[words.index("make") + 1 :] if "make" in words else []
    return [w for w in after if re.fullmatch(r"[a-z-]+", w)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_there_are_workflows_hooks_and_forms() -> None:
    assert {p.stem for p in WORKFLOWS} == {"ci", "release"}
    assert {p.stem for p in FORMS} == {"bug", "wrong-number", "feature"}
    assert (ROOT / "SECURITY.md").is_file()
    assert isinstance(read(GITHUB / "ISSUE_TEMPLATE" / "config.yml"), dict)


def test_the_core_runs_on_every_system_and_python_that_is_promised() -> None:
    core = read(GITHUB / "workflows" / "ci.yml")["jobs"]["core"]
    axes = core["strategy"]["matrix"]
    assert axes == {
        "os": ["ubuntu-latest", "macos-latest", "windows-latest"],
        "python": ["3.11", "3.12", "3.13"],
    }
    assert all(isinstance(version, str) for version in axes["python"])  # 3.10 without quotes is 3.1
    assert TOLD["project"]["requires-python"] == f">={axes['python'][0]}"
    assert not any("torch" in str(step) or "[" in step.get("run", "") for step in core["steps"])


@pytest.mark.parametrize(("name", "job"), jobs(), ids=[name for name, _ in jobs()])
def test_what_a_job_names_is_there(name: str, job: dict[str, Any]) -> None:
    axes = set(job.get("strategy", {}).get("matrix", {}))
    assert set(re.findall(r"\$\{\{\s*matrix\.(\w+)", str(job))) == axes
    workflow = read(GITHUB / "workflows" / f"{name.split(':')[0]}.yml")
    needs = job.get("needs", [])
    assert set([needs] if isinstance(needs, str) else needs) <= set(workflow["jobs"])
    assert job["timeout-minutes"] <= 60
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", step["uses"]), (
                "an action is pinned by its major version"
            )


def test_jobs_may_read_only_and_only_one_may_publish() -> None:
    assert [read(path)["permissions"] for path in WORKFLOWS] == [{"contents": "read"}] * len(WORKFLOWS)
    assert {name: job["permissions"] for name, job in jobs() if "permissions" in job} == {
        "release: publish": {"id-token": "write"}
    }
    # ``on`` is true in YAML 1.1.
    assert read(GITHUB / "workflows" / "release.yml")[True] == {"push": {"tags": ["v*"]}}


def test_what_is_made_can_be_made() -> None:
    said = [*commands(), *(ROOT / ".ci" / "run").read_text("utf-8").splitlines()]
    wanted = {target for line in said if line.lstrip().startswith(("make", "TAG")) for target in made(line)}
    assert {"setup", "check", "coverage", "types", "test", "version", "dist"} <= wanted
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    texts.append((GITHUB / "pull_request_template.md").read_text("utf-8"))
    for text in texts:
        wanted |= {t for code in re.findall(r"`(make [a-z -]+)`", text) for t in made(code)}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    wanted |= set(re.findall(r'@echo "make ([a-z-]+)', makefile))
    assert wanted <= targets()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == targets()


def test_files_that_are_named_exist() -> None:
    named = {word for line in commands() for word in line.split() if "/" in word and word.endswith((".py", ".txt"))}
    named |= set(re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    named |= set(re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "SECURITY.md").read_text("utf-8")))
    assert len(named) > 8
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_hooks_run_from_the_environment() -> None:
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert {hook["entry"].split()[0] for hook in hooks.values()} == {"ruff", "mypy", "lint-imports"}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    made = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"$(BIN)/{hook['entry'].split()[0]}" in made for hook in hooks.values())


@pytest.mark.parametrize("path", FORMS, ids=[p.stem for p in FORMS])
def test_forms(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "labels", "body"} == set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    for field in form["body"]:
        assert field["type"] in ("textarea", "input", "dropdown")
        assert field["attributes"]["label"]
        assert (field["type"] == "dropdown") == ("options" in field["attributes"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_there_is_a_checklist_for_each_kind_of_part() -> None:
    text = (GITHUB / "pull_request_template.md").read_text("utf-8")
    lists = {
        title: body.count("- [ ]") for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    }
    for kind in ("Backbone", "Head", "Dataset", "Metric", "Command"):
        assert lists[kind] >= 3
    assert {kind.removesuffix("s").capitalize() for kind in plugins._ROOMS} <= set(lists)
    for path in re.findall(r"`(src/[\w/]+)/", text):
        assert (ROOT / path).is_dir(), path


def test_contributors_are_told_of_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = {p.parent.name for p in (ROOT / "src" / "earmark").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}`" not in text} == set()


def test_the_floor_of_coverage_stands() -> None:
    assert 90 <= TOLD["tool"]["coverage"]["report"]["fail_under"] <= 100
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^coverage: setup\n\t.*pytest.*--cov", makefile, re.MULTILINE)


def _version() -> Any:
    spec = importlib.util.spec_from_file_location("bench_version", ROOT / "bench" / "version.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_stands_twice_and_once() -> None:
    assert TOLD["project"]["version"] == __version__


def test_a_tag_is_a_release_if_everything_says_its_version(tmp_path: Path) -> None:
    (tmp_path / "src/earmark/core").mkdir(parents=True)
    (tmp_path / "src/earmark/core/version.py").write_text('__version__ = "0.2.0"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n")
    faults = _version().faults
    assert faults("v0.2.0", tmp_path) == []
    assert "wanted: v and a version, like v0.2.0" in faults("0.2.0", tmp_path)[0]
    assert len(faults("v0.2.1", tmp_path)) == 3
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n- 0.2.0\n")
    assert faults("v0.2.0", tmp_path) == ["CHANGELOG.md has no section 0.2.0: write one, ## 0.2.0 (date)"]


def test_what_hard_use_promises_names_tests_that_exist() -> None:
    told = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    files = set(re.findall(r"`((?:src|tests|bench)/[\w/]+\.py)`", told))
    files |= {f"tests/{name}" for name in re.findall(r"`(test_\w+\.py)`", told)}
    assert not [name for name in files if not (ROOT / name).is_file()]
    written = "".join(path.read_text("utf-8") for path in sorted((ROOT / "tests").glob("test_*.py")))
    tests = set(re.findall(r"`(test_\w+)`", told))
    assert tests
    assert not [name for name in tests if f"def {name}(" not in written]
