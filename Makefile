# Two commands matter: `make book` and `make test`. Everything lives in .venv; a second call installs nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help

MINIMUM := 3.11
MAXIMUM := 3.13
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt
SITE := $(VENV)/.installed-site
ALL := $(VENV)/.installed-all
NOTEBOOKS := $(wildcard book/*.ipynb book/evidence/*.ipynb)
HTML := _build/html

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# A half-made environment is not taken for a whole one (Debian's Python lacks venv until python3-venv is there).
.DELETE_ON_ERROR:
$(VENV)/bin/python:
	@"$(or $(PYTHON),false)" -c '$(SUITS)' 2>/dev/null || { \
		echo "The book needs Python $(MINIMUM) to $(MAXIMUM); $(if $(PYTHON),$(PYTHON) is not one,none was found)" \
			"($$("$(or $(PYTHON),python3)" --version 2>&1))."; \
		echo "Install one, or name it: make book PYTHON=/path/to/python3.12"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(SITE): pyproject.toml requirements.txt | $(VENV)/bin/python
	$(PIP) pip
	$(PIP) --group site
	@touch $@

$(ALL): $(SITE)
	@echo "Installing torch and the test tools: about 7 GB on Linux, a few minutes."
	$(PIP) --group all --editable .
	@touch $@

.PHONY: help install
install: $(ALL)  ## .venv with everything the book and its tests need

# The pages are read anew each time, a few seconds: an old _build can hide nothing. Stored outputs are shown, nothing runs.
.PHONY: book serve zip figures test-browser clean
book: $(SITE)  ## the site, warnings as errors, and the path to open
	@rm -rf $(HTML) _build/.doctrees _build/jupyter_execute
	@$(BIN)/jupyter-book build . -n -W --keep-going -q > /dev/null
	@echo "The book: $(HTML)/index.html"
	@$(BIN)/python -c 'import pathlib, sys; print("  open", pathlib.Path(sys.argv[1]).resolve().as_uri())' $(HTML)/index.html

serve: book  ## the site at http://127.0.0.1:8000 (another port: make serve PORT=8001)
	$(BIN)/python -m http.server $(or $(PORT),8000) --bind 127.0.0.1 --directory $(HTML)

zip: book  ## the site as one file, _build/book-VERSION.zip, to be unpacked and opened anywhere without a network
	@$(BIN)/python book/_tools/zip_site.py

figures: $(SITE)  ## writes _build/figures/, every figure as a file for slides (PNG beside SVG after make install)
	@$(BIN)/python book/_tools/figures.py

test-browser: $(ALL) book  ## the built site in Chromium: sliders, search, links, accessibility, no outside request
	$(BIN)/python -m pytest -m browser tests/browser -n $(WORKERS) --dist load

clean:  ## removes the built site; .venv and downloaded data stay
	rm -rf _build

# One thread a worker, and two workers: faster than two threads, on a busy machine by far.
WORKERS ?= 2
OMP_NUM_THREADS ?= 1
OMP_WAIT_POLICY ?= PASSIVE
export OMP_NUM_THREADS OMP_WAIT_POLICY

# Both are made without torch, from the pages and from the first lines that the grader knows.
PLAIN := $(BIN)/python book/_tools/plain.py && PYTHONPATH=. $(BIN)/python book/_tools/classroom.py

.PHONY: run notebooks lint test test-slow address lock bench
run: $(ALL)  ## executes the notebooks in place and stamps them (one: make run NOTEBOOKS=book/01_temperature.ipynb)
	@$(BIN)/python book/_tools/address.py --cells
	@$(BIN)/python book/_tools/run.py $(NOTEBOOKS); failed=$$?; $(PLAIN) && exit $$failed

notebooks: $(SITE)  ## writes notebooks/ (plain Markdown for Jupyter, VS Code and Colab) and classroom/
	@$(PLAIN)

lint: $(ALL)  ## ruff, mypy, and which room imports which
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# Tests and notebooks keep data and runs of their own, so that they neither use nor touch the reader's.
APART := KDLIB_DATA="$(CURDIR)/_build/test/data" KDLIB_RUNS="$(CURDIR)/_build/test/runs" TQDM_DISABLE=1

# nbval's kernel measures coverage only where --cov-config is spelled out.
test: lint  ## lint, types, unit tests, and every notebook executed and compared with what it shows
	@test -n "$(NOTEBOOKS)" || { echo "There is no notebook in book/: nothing to test."; exit 1; }
	@rm -rf _build/test .coverage .coverage.*
	$(APART) $(BIN)/python -m pytest -m "not slow and not browser" tests $(NOTEBOOKS) \
		-n $(WORKERS) --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=120 --durations=5 \
		--cov=kdlib --cov-config=pyproject.toml --cov-report=term --cov-report=json:_build/test/coverage.json
	@$(BIN)/python book/_tools/covered.py _build/test/coverage.json

test-slow: $(ALL)  ## kills, several processes, full data sets
	@rm -rf _build/test
	$(APART) $(BIN)/python -m pytest -m "slow and not browser" tests -n $(WORKERS) --dist load --durations=5

address: $(SITE)  ## writes the repository's address into _config.yml and the set-up cells, to be committed
	@$(BIN)/python book/_tools/address.py
	@$(PLAIN)

lock: | $(VENV)/bin/python  ## pins in requirements.txt what pyproject.toml asks for (all anew: make lock UPGRADE=--upgrade)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 pyproject.toml --group all \
		--custom-compile-command "make lock" --output-file requirements.txt

bench: $(ALL)  ## measures what the book promises and compares it with its targets
	$(BIN)/python benchmarks/run.py
