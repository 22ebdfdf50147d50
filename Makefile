.DEFAULT_GOAL := help
# Debian's own first: it is built with profile-guided optimisation, which answers calls a tenth quicker.
PYTHON ?= $(firstword $(shell for one in /usr/bin/python3.11 python3.11 python3; do \
	  $$one -c 'import ensurepip' 2>/dev/null && command -v $$one; done; command -v python3.11 || command -v python3))
BIN := .venv/bin
# Test by test to whichever worker is free, in the order of tests/conftest.py. There are more workers than cores, as the
# journeys wait for half of their time.
PYTEST := $(BIN)/python -m pytest --dist loadgroup --no-loadscope-reorder
DATA ?= data

help: ## List these verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## Make .venv with exactly the locked packages

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Carillon needs Python 3.11 or later: apt install python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv; } || \
	  { echo "Debian keeps Python's venv in a package of its own: sudo apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "Installing the locked packages, about a minute the first time:"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --require-hashes --requirement requirements.lock
	@echo "Installing Carillon itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "Installed: $(BIN)/carillon"
	@touch $@

run: install ## Install, start PostgreSQL in ./data and serve on 127.0.0.1:8080 (or CARILLON_PORT=…)
	@exec $(BIN)/carillon serve --data-dir $(DATA)

test: install check peers ## Install, check and run the whole suite (also on Debian's PostgreSQL 15, when it is installed)
	@$(BIN)/python -m compileall -q src  # more than a hundred processes import it
	@$(BIN)/python tests/side_by_side.py \
	  '$(BIN)/python tests/on_debian_postgres.py $(PYTEST) -n 1 -m "not any_database" tests/integration tests/upgrade tests/dialects' \
	  '$(PYTEST) -n 3'

peers:
	@command -v bearerbox >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { timeout 180 apt-get update -qq && timeout 180 apt-get install -y -qq --no-install-recommends kannel; } >/dev/null 2>&1; } || \
	  echo "Kannel can't be installed here, and its tests are skipped: sudo apt install kannel"

check: install ## Lint, format, types, import contracts
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint types contracts

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports

bench: install ## Measure every claim of speed against its limit (about two hours)
	@for name in normalise inforu_http dialects import_contacts xlsx materialise send_accept send_path send_latency kannel receipts old_ledger links half_load; do echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

docs: install ## Write the pages that are generated from the code
	@$(BIN)/python docs/generate.py

clean: ## Remove what these verbs have made, but not ./data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help install run test check peers lint types contracts bench docs clean
