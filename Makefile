# Two commands need nothing but Python 3.11+ and a package index: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q

.PHONY: demo test lint types unit bench soak kills parity clean

demo: $(VENV)/.installed
	@$(BIN)/headwater demo

test: lint types unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(PYTEST) -n 3 --dist worksteal

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/run.py

soak: $(VENV)/.installed-dev
	$(BIN)/python tests/faults/soak.py --mixtures 500 --seconds 500 --processes 2

kills: $(VENV)/.installed-dev
	$(BIN)/python tests/faults/kills.py --kills 50 --seconds 540 --processes 2

parity: $(VENV)/.installed-dev
	$(BIN)/python tests/parity/run.py --cases 2000 --pipelines 500 --seconds 840 --processes 2

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the development tools into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
