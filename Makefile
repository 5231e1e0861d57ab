# Everything a newcomer types. Needs Python 3.11 to 3.13, make and a network to PyPI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_ARGS ?= --once
# Tests start hundreds of processes: each would compile the house anew where compiled modules may not be written.
unexport PYTHONDONTWRITEBYTECODE
# Two test processes: a file stays together, and files that share a running gateway do; the long ones come first.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo sandbox test faults check format contracts interop long fuzz lock bundle bench bench-quick bench-growth bench-check clean

demo: $(VENV)/.installed
	$(BIN)/gateway demo $(DEMO_ARGS)

# A sandbox for vendors in the folder sandbox/, until Ctrl-C; for example SANDBOX_ARGS="--fresh --port 9443".
sandbox: $(VENV)/.installed
	$(BIN)/gateway serve --sandbox $(SANDBOX_ARGS)

test: $(VENV)/.installed
	$(PYTEST)

# Kills processes at every step, fills disks, stops databases; on SQLite and PostgreSQL.
faults: $(VENV)/.installed
	$(PYTEST) $(addprefix tests/fault/test_,request_crashes.py poll_crashes.py *.py)

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gateway agreement check
	$(BIN)/gateway contract check
	$(PYTEST)

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: $(VENV)/.installed
	$(BIN)/gateway contract write

interop: $(VENV)/.installed
	bash tests/interop/install.sh
	$(PYTEST) $(addprefix tests/interop/test_foreign_,clients.py tls.py bundle.py *.py)

# Coverage-guided fuzzing of parser, envelope and signature verification; a finding is written to build/fuzz.
FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.installed
	mkdir -p build/fuzz
	$(BIN)/python -m tests.fuzz.fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -artifact_prefix=build/fuzz/ \
		build/fuzz tests/fuzz/corpus

# Locks every package with the hashes of its files; after a change of setup.cfg.
lock:
	.ci/lock.sh

# Everything to install without a network, with its bill of materials (CycloneDX), in build/.
bundle:
	PYTHON=$(PYTHON) .ci/bundle.sh

# How fast answers are, beside other ways to give the same answer: figures, table and pictures in docs/performance.md.
# It takes about 20 minutes; parts by themselves with, for example, BENCH_ARGS="--only audit city".
bench: $(VENV)/.installed $(VENV)/.bench
	$(BIN)/python -m tests.bench.run $(BENCH_ARGS)

# The same in less than two minutes: fewer rounds, a smaller stock; nothing is written but build/bench.
bench-quick: $(VENV)/.installed
	$(BIN)/python -m tests.bench.run --quick

# Growth: a stock of 500,000 persons, kept in BENCH_FOLDER (3 GB; the first time 20 minutes), and 50,000 on PostgreSQL.
bench-growth: $(VENV)/.installed
	$(BIN)/python -m tests.bench.growth $(or $(BENCH_FOLDER),build/bench/large) --kept
	$(BIN)/python -m tests.bench.growth build/bench --large 50000 --postgresql --kept

# Fails if an answer costs a third more processor time than it did.
bench-check: $(VENV)/.installed
	$(BIN)/python -m tests.bench.regression

long: $(VENV)/.installed
	$(BIN)/pytest -rP -m long tests

clean:
	rm -rf $(VENV) build *.egg-info demo sandbox

$(VENV)/.installed: setup.cfg pyproject.toml requirements/test.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	touch $@
