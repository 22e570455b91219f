# Coolwright. `make demo` and `make test` are all a stranger needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTED := $(VENV)/.installed-dev
ARGS   ?=

.PHONY: demo test check format climates trip-week stories clean help

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*##/ —/'

demo: $(STAMP)   ## the main job on a simulated site: make demo ARGS="--for 24h --json result.json"
	@$(BIN)/coolwright demo $(ARGS)

# Two workers on two cores: threads of a matrix library would only wait for each other.
test: export OMP_NUM_THREADS = 1
test: check      ## every check: ruff, mypy, import contracts, pytest
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

check: $(TESTED) ## the static half of the checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(TESTED) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

climates: $(TESTED) ## one week in each of three climates: fixed, trim-and-respond, mpc (minutes)
	$(BIN)/python -m benchmarks.climates $(ARGS)

trip-week: $(TESTED) ## a week on the simulator: after each change every machine is tripped in turn (an hour)
	$(BIN)/python -m benchmarks.trips $(ARGS)

stories: $(TESTED) ## random stories told to the whole supervision: make stories STORIES=2000 SEED=7 (minutes)
	STORIES=$(or $(STORIES),500) $(BIN)/python -m pytest -q tests/controller/test_whole_machine.py \
		-k whatever_happens --hypothesis-seed=$(or $(SEED),random) $(ARGS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Coolwright needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; install python3.11 and set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo 'make: the venv module is missing; on Debian and Ubuntu: apt-get install python3-venv'; exit 2; }

$(STAMP): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[reports]"
	@touch $@

$(TESTED): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,energyplus,postgres]"
	@touch $(STAMP) $@

clean:           ## remove what was made here
	rm -rf $(VENV) var runs .pytest_cache .mypy_cache .ruff_cache
