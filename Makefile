# make demo    boots a 4-CPU machine and runs the demo guest
# make test    runs the whole test suite
# make lint    style checks
# make mutants puts faults in, one at a time, and reports those that no test notices (ARGS: see tests/mutants)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint mutants clean

demo: $(VENV)/.installed
	$(BIN)/emu run --cpus 4 mandelbrot

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

mutants: $(VENV)/.installed-test
	$(BIN)/python -m tests.mutants $(ARGS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build *.egg-info
