# Two commands are all a newcomer needs: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=

.PHONY: help setup demo check types advisories licences version dist test test-all coverage bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [DATA=folder]   the whole road on synthetic music, or on your sounds"
	@echo "make test                 the tests (under 8 minutes on 2 cores)"
	@echo "make test-all             the long ones too"
	@echo "make coverage             the tests, with the lines they run counted"
	@echo "make check                formatting, lint, the order of the rooms, types"
	@echo "make types                types as Windows and macOS see them"
	@echo "make dist                 sdist and wheel, and the wheel tried in an empty environment"
	@echo "make licences             docs/licences.md from what is installed"
	@echo "make bench                speed beside peers, in one run"

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,serve,fast,ray,pandas,dev]"
	@touch $@

demo: setup
	$(BIN)/earmark demo $(if $(DATA),"$(DATA)",) --out demo

check: setup advisories
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

types: setup
	$(BIN)/mypy --platform win32 --python-version 3.13
	$(BIN)/mypy --platform darwin --python-version 3.13

# Known faults of what is installed: bounded in time, and no failure where none can be had.
advisories: setup
	$(BIN)/python bench/advisories.py

licences: setup
	$(BIN)/python bench/licences.py --write

# A release's tag says the version that is installed, and the changelog has a section for it.
version: setup
	@$(BIN)/python bench/version.py "$$TAG"

# sdist and wheel; the wheel is then tried with the core alone in an environment of its own.
dist: setup
	$(BIN)/python -m build
	$(BIN)/python -m pytest -m slow tests/test_wheel.py

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

coverage: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov

test-all: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow or not slow"

bench: setup
	$(BIN)/python bench/run.py $(if $(DATA),--data "$(DATA)",)

clean:
	rm -rf demo out dist build .pytest_cache .mypy_cache .ruff_cache .coverage
