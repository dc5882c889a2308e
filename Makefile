# PYTHON makes .venv and may be any Python from 3.11 on: make demo PYTHON=python3.13
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --quiet
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header
CODE := schemas detectors sinks pipeline tests benchmarks
# Four queues that mostly wait (tests/side_by_side.py), and two that compute.
WORKERS ?= 6
PYTEST := $(BIN)/pytest --numprocesses=$(WORKERS)
# Without its bytecode each of the tests' hundreds of processes compiles the code anew.
unexport PYTHONDONTWRITEBYTECODE
# Debian puts mosquitto into /usr/sbin, which only root's path names.
export PATH := $(PATH):/usr/sbin

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check check-tests lint nightly bench stale documents lock clean

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 8

setup: .venv/dev.stamp ## install what development and the tests need into .venv

demo: .venv/runtime.stamp ## watch it learn a generated household; needs no broker and no account
	@$(BIN)/ha-ai demo

test: .venv/dev.stamp ## run the tests; those whose broker or Home Assistant is absent skip
	$(PYTEST) -m "not drill"

coverage: .venv/dev.stamp ## run the tests and show which lines and branches of the packages they reach
	$(PYTEST) -m "not drill" --cov --cov-report=term:skip-covered

check: .venv/dev.stamp ## run all that CI runs
	@$(MAKE) --no-print-directory --jobs=2 lint check-tests

check-tests: .venv/dev.stamp
	$(PYTEST)

lint: .venv/dev.stamp ## check style, types and import contracts
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

nightly: .venv/dev.stamp ## run what takes hours: long properties, all mutants, full drills; NIGHT="drills --minutes 30"
	$(BIN)/python -m benchmarks.nightly $(NIGHT)

bench: .venv/dev.stamp ## measure anew what benchmarks/RESULTS.md states
	$(BIN)/python -m benchmarks

stale: .venv/dev.stamp ## list the rows of benchmarks/RESULTS.md that are older than the code they measure
	@$(BIN)/python -m benchmarks.stale

documents: .venv/dev.stamp ## write anew what is generated from the code: schemas, settings, catalogue, figures
	$(BIN)/python -m pipeline.documents
	$(BIN)/python -m benchmarks.figures

lock: .venv/dev.stamp ## resolve the lock files anew within the bounds of pyproject.toml
	$(LOCK) --upgrade --group build --output-file requirements.lock
	$(LOCK) --upgrade --group dev --all-extras --constraints requirements.lock --output-file requirements-dev.lock
	@! grep --line-number "://" requirements.lock requirements-dev.lock

clean: ## remove .venv and every cache
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

.venv/bin/pip:
	@$(PYTHON) -c "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
		echo "$(PYTHON) cannot make the environment: Python 3.11 or newer with its venv module is needed." >&2; \
		echo "Name another one with 'make PYTHON=python3.13 ...'; on Debian and Ubuntu install python3-venv." >&2; \
		exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing into .venv, which takes about half a minute."

.venv/runtime.stamp: requirements.lock pyproject.toml | .venv/bin/pip
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml | .venv/bin/pip
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ .venv/runtime.stamp
