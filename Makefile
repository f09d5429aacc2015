# `make` or `make help` says what each target does. All of them make .venv first, where there is none.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint types docs mutants hooks clean

help:  ## prints this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST) | sed 's/^  make \([a-z]*\)  /\1\t/' | expand -t 10

demo: $(VENV)/.installed  ## boots a machine of 4 CPUs and draws a Mandelbrot set with 8 guest threads
	$(BIN)/emu run --cpus 4 mandelbrot

test: $(VENV)/.installed-test  ## runs the whole suite, some seventeen minutes on two cores
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

lint: $(VENV)/.installed-test types  ## checks style and types
	$(BIN)/ruff check .

types: $(VENV)/.installed-test  ## checks the public API's annotations, and a user's program against them (mypy)
	$(BIN)/python -m mypy

docs: $(VENV)/.installed-docs  ## builds the documentation into build/docs; a warning or a broken link is an error
	$(BIN)/python -m docs.generate.picture
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky -b html -d build/doctrees docs build/docs

mutants: $(VENV)/.installed-test  ## puts faults in, one at a time, and reports those that no test notices (ARGS: see tests/mutants)
	$(BIN)/python -m tests.mutants $(ARGS)

hooks:  ## has git run the quick checks before each commit (.pre-commit-config.yaml)
	$(PYTHON) -m pip install --quiet pre-commit
	$(PYTHON) -m pre_commit install

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@ $(VENV)/.installed

clean:  ## removes .venv and what building left
	rm -rf $(VENV) build *.egg-info .mypy_cache
