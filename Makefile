# Every target sets up what it needs first; the second time that takes no time.
SHELL := /bin/bash
PY := .venv/bin/python
CONFIG ?= jobs/configs/quickstart.toml
# Threads of torch in a test.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive
export RAY_USAGE_STATS_ENABLED ?= 0
# Compiling torch, transformers and vLLM anew in every process takes longer than most stages.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-light demo test check lint golden lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## .venv with the locked packages, a Docker engine that answers, a browser for tests
	@bash cluster/setup.sh

setup-light:
	@bash cluster/setup.sh python

demo: setup ## the whole loop on a small real model; CONFIG=... for another run
	.venv/bin/skeldpo run --config $(CONFIG)

# What fails is tried once more, alone, and both tries are shown: a test that something else on the
# machine disturbed passes then; a wrong program does not.
define PYTEST
$(PY) -m pytest $(1) -m "$(2)" || \
  { [ $$? = 1 ] && echo "make: once more, what failed" && $(PY) -m pytest --lf --lfnf none -m "$(2)"; }
endef

# Tests that time nothing run side by side, those with clusters or engines a file beside another; those
# with containers, which time programs, have the machine for themselves.
CLUSTERS = vllm or ray
test: setup lint ## every test that needs no GPU
	$(call PYTEST,-q -n 2 --dist worksteal,not gpu and not (docker or $(CLUSTERS)))
	$(call PYTEST,-q -n 2 --dist loadfile --durations=20 --durations-min=5,not gpu and not docker and ($(CLUSTERS)))
	$(call PYTEST,--durations=20 --durations-min=5,not gpu and docker)

# Importing torch and transformers takes longer than all unit tests that need neither.
WITHOUT_TORCH = $(addprefix --ignore=tests/test_,generate.py prompts.py starter.py suite_policy.py) \
	--ignore-glob=tests/test_train*.py
check: setup-light lint ## lint, format, types, import rules, quick unit tests; under a minute
	$(PY) -m pytest -q -n 2 --dist worksteal -m "not docker and not vllm and not ray and not gpu and not slow and not browser" $(WITHOUT_TORCH)

lint: setup-light
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo

golden: setup-light ## regenerate golden files, then fail if git shows a difference
	SKELDPO_UPDATE_GOLDEN=1 $(PY) -m pytest -q -m "not docker and not vllm and not ray and not gpu" tests/test_skeleton_golden.py tests/test_train_equality.py
	git diff --exit-code -- tests

lock: ## resolve cluster/locks/*.lock again; UPGRADE=1 for newer versions
	bash cluster/lock.sh

clean: ## remove .venv and caches; runs/ stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
