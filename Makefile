# Everything a newcomer types. Needs Python 3.11 to 3.13, make and a network to PyPI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_ARGS ?= --once

.PHONY: demo test check format contracts interop long bench clean

demo: $(VENV)/.installed
	$(BIN)/gateway demo $(DEMO_ARGS)

test: $(VENV)/.installed
	$(BIN)/pytest

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway agreement check
	$(BIN)/gateway contract check
	$(BIN)/pytest

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: $(VENV)/.installed
	$(BIN)/gateway contract write

interop: $(VENV)/.installed
	bash tests/interop/install.sh
	$(BIN)/pytest tests/interop

long: $(VENV)/.installed
	$(BIN)/pytest -rP -m long tests

clean:
	rm -rf $(VENV) build *.egg-info demo

$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@
