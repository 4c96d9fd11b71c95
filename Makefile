# Two commands are all a newcomer needs: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=

.PHONY: setup demo check test test-all bench docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [DATA=folder]   the whole road on synthetic music, or on your sounds"
	@echo "make test                 the tests (under 8 minutes on 2 cores)"
	@echo "make test-all             the long ones too"
	@echo "make check                formatting, lint, types"
	@echo "make bench                speed beside peers, in one run"

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,serve,ray,dev]"
	@touch $@

demo: setup
	$(BIN)/earmark demo $(if $(DATA),"$(DATA)",) --out demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-all: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow or not slow"

bench: setup
	$(BIN)/python bench/run.py $(if $(DATA),--data "$(DATA)",)

clean:
	rm -rf demo out dist build .pytest_cache .mypy_cache .ruff_cache
