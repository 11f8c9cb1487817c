# Everything sets itself up: `make demo` and `make test` work from a fresh clone, and quickly the second time.
.DEFAULT_GOAL := help
.PHONY: help setup system demo test test-all lab present dashboard docs lint format assignments bundle reference gallery bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SYSTEM := $(VENV)/.system
JOBS ?= 2
LECTURE ?= 03

help: ## list what make can do
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(SYSTEM) ## make the virtual environment, with every package at its tested version

# What JupyterLab loads is copied by the installation, so that a change of it is one of the installation.
$(READY): pyproject.toml constraints.txt $(wildcard course/jupyter/*.* course/jupyter/dashboard/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another one: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment $(VENV) …"; $(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian: apt-get install python3-venv)"; exit 1; }; }
	@echo "Installing packages (a few minutes the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Chromium runs the browser tests, bubblewrap the grading sandbox, PostgreSQL the tests of a gradebook in it. All are optional.
$(SYSTEM): $(READY)
	@sh .ci/system.sh $(BIN)/python
	@touch $@

demo: setup ## the whole path: a sample class hands in, is graded, gets feedback; prints the table
	@$(BIN)/autograder demo

# Each run of the tests has a folder of its own, so that what a killed one left behind cannot trouble the next.
PYTEST := scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM && \
  $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --basetemp="$$scratch/tests"

test: setup ## all tests but the slow ones
	@$(PYTEST) -m 'not slow'

test-all: setup ## all tests
	@$(PYTEST)

lab: setup ## JupyterLab, opened on the list of lectures and assignments
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url=/lab/tree/lectures/index.md

present: setup ## slides with everything live: make present LECTURE=03
	@$(BIN)/python course/jupyter/present.py $(LECTURE)

dashboard: setup ## one lecture as a page without its code, everything live: make dashboard LECTURE=03
	@$(BIN)/voila lectures/$(LECTURE)*.ipynb

docs: gallery ## the course's web site, which needs no network, in docs/_build/html
	@$(BIN)/python docs/build_site.py

lint: $(READY) ## formatting, style, types, which room may import which, and that notebooks carry no outputs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/nbstripout --keep-id --verify $$(git ls-files '*.ipynb')

format: $(READY) ## format code and notebooks, strip notebook outputs
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/nbstripout --keep-id $$(git ls-files '*.ipynb')

assignments: $(READY) ## regenerate assignments/ from solutions/
	@for name in $$(ls solutions); do $(BIN)/autograder generate $$name || exit 1; done

bundle: $(READY) ## what students receive, without answers, as dist/students.zip
	@$(BIN)/autograder bundle

reference: $(READY) ## regenerate docs/modules.md, lectures/index.md and the names in course/figures
	@$(BIN)/python docs/generate_modules.py
	@$(BIN)/python docs/generate_figures.py
	@$(BIN)/python docs/generate_landing.py

gallery: $(READY) ## draw all figures into docs/_build/gallery, with a page that shows them
	@$(BIN)/python docs/generate_gallery.py

bench: $(READY) ## the benchmarks: ours against a named peer, interleaved, medians
	@for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

clean: ## remove the virtual environment and what grading left behind
	rm -rf $(VENV) autograder/work
