# What each target does: make help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Only what is installed here counts, whatever the caller's environment has.
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH

PYTHON ?= python3
SAMPLE_EVENTS ?= 200000
SAMPLE_SEED ?= 1
EVENTS ?=
FEED ?=
ONLY ?=

.PHONY: help setup run up down status verify docs lint lint-python lint-types lint-models lint-statements format test test-unit test-long test-airflow benchmark clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(INSTALLED) ## Create the virtual environment with the locked requirements

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "make: Python 3.11 or newer is needed ($(PYTHON) is not); name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "make: $(PYTHON) has no venv module; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the requirements into $(VENV), once; this takes a minute or two ..."
	@$(PYTHON) -m venv $(VENV)
	@# Not compiled: what is imported compiles itself, and much never is.
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-compile --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(INSTALLED) ## Run the main job: the sample, or EVENTS=<file, folder or address> FEED=<name>
	@$(BIN)/warehouse run --events="$(EVENTS)" --feed="$(FEED)" \
	    --sample-events=$(SAMPLE_EVENTS) --sample-seed=$(SAMPLE_SEED)

up: $(INSTALLED) ## Start Airflow and the HTTP service; prints their addresses and a key
	@$(BIN)/warehouse up

down: ## Stop everything that runs; data stays
	@if [ -e $(INSTALLED) ]; then $(BIN)/warehouse down; fi

status: $(INSTALLED) ## Show what is running and the state of each feed
	@$(BIN)/warehouse status

verify: $(INSTALLED) ## Prove that every record is accounted for
	@$(BIN)/warehouse verify

docs: $(INSTALLED) ## Write dbt's documentation to dbt_project/target/static_index.html
	@cd dbt_project && ../$(BIN)/dbt --quiet docs generate --static
	@echo "The documentation is one page: dbt_project/target/static_index.html"

lint: $(INSTALLED) ## Check style and types: ruff, mypy, sqlfluff
	@$(MAKE) --no-print-directory --jobs 2 lint-python lint-types lint-models lint-statements

lint-python:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types:
	@$(BIN)/mypy

lint-models:
	@cd dbt_project && ../$(BIN)/sqlfluff lint --nocolor .

lint-statements:
	@cd plugins && ../$(BIN)/sqlfluff lint --nocolor .

format: $(INSTALLED) ## Fix style, as far as the linters can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@for folder in dbt_project plugins; do (cd $$folder && ../$(BIN)/sqlfluff fix .); done

test: lint ## Lint, then run the tests, on a Postgres of their own
	@# In the order of the folders: the unit tests, short files, even out the processes' ends.
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-unit: $(INSTALLED) ## Run the tests that need no database; takes seconds
	@$(BIN)/pytest tests/unit

test-long: $(INSTALLED) ## Run the long and rare cases that test leaves out
	@$(BIN)/pytest -m "long and not airflow"

test-airflow: $(INSTALLED) ## Run the tests against a running Airflow and its UI in Chromium; takes minutes
	@$(BIN)/pytest -m airflow tests/airflow

benchmark: $(INSTALLED) ## Run the benchmarks, all or ONLY=a1,b2
	@$(BIN)/python -m benchmarks.run --only="$(ONLY)"

# What has landed is its sender's, but for the samples that `run` has made and noted.
clean: down ## Stop; remove .venv and local state, except files that have landed
	@for note in .warehouse/samples/*.json; do \
	    rm -rf ".warehouse/landing/customer_events/sample-$$(basename "$$note" .json)"; done
	@if [ -d .warehouse ]; then \
	    find .warehouse -mindepth 1 -maxdepth 1 ! -name landing -exec rm -rf {} +; fi
	rm -rf $(VENV) dbt_project/target dbt_project/logs
