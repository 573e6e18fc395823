# make help says what there is. Everything a target needs, it sets up: python3 and make are enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

export STILLREACH_DATA ?= $(CURDIR)/data
export AIRFLOW_HOME ?= $(STILLREACH_DATA)/airflow
export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
export AIRFLOW__CORE__LOAD_EXAMPLES := False
export AIRFLOW__CORE__EXECUTOR := LocalExecutor
export AIRFLOW__API__HOST := 127.0.0.1
export AIRFLOW__LOGGING__LOGGING_LEVEL ?= WARNING
export PYTHONWARNINGS ?= ignore

PEOPLE ?= 20000
SEED ?= 1
DAYS ?= 91
BENCH_PEOPLE ?= 1000000

.PHONY: help setup demo test test-fast harness mutants check wheel docs fix live-bluesky notebooks airflow bench lock dictionary clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## Make .venv with the locked versions, bytecode compiled

$(READY): requirements.lock requirements-uv.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Land the demo county, run its night through Airflow, print who reaches whom
	@$(BIN)/stillreach demo --to $(STILLREACH_DATA) --people $(PEOPLE) --seed $(SEED) --days $(DAYS)

$(AIRFLOW_HOME)/.ready: | $(READY)
	@mkdir -p $(AIRFLOW_HOME)
	@$(BIN)/airflow db migrate > $(AIRFLOW_HOME)/migrate.log 2>&1 || { tail -n 40 $(AIRFLOW_HOME)/migrate.log; exit 1; }
	@$(BIN)/airflow pools import dags/pools.json > /dev/null 2>&1
	@touch $@

test: $(READY) ## Run the tests, all but every mutant of the SQL models
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(READY) ## Run the fast tests: no whole night, no Airflow, no large world; under a minute
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not (night or airflow or slow or harness)"

harness: $(READY) ## Damaged files, marked persons, killed nights, readers while nights are published, the installed wheel
	@$(BIN)/python -m pytest -n auto -m harness tests/harness tests/test_faults.py

mutants: $(READY) ## Change each SQL model in every way an operator knows; fail where too few changes are noticed
	@$(BIN)/python -m tests.sql.mutant_runner

check: $(READY) docs ## Check formatting, lint, types, SQL style and documentation; change nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint -q sql

fix: $(READY) ## Mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/sqlfluff fix -q sql
	@$(BIN)/nbstripout notebooks/*.ipynb

live-bluesky: $(READY) ## Pull a real AT Protocol network on this machine (docs/LIVE.md says what it needs)
	@$(BIN)/python tests/live/run_bluesky.py

notebooks: $(READY) ## Run the notebooks on the published snapshot
	@$(BIN)/python -m pytest --nbmake --nbmake-timeout=300 notebooks

airflow: $(READY) $(AIRFLOW_HOME)/.ready $(AIRFLOW_HOME)/bin/airflow ## Start Airflow on 127.0.0.1:8080 with the DAGs loaded
	@PATH="$(AIRFLOW_HOME)/bin:$$PATH" airflow standalone

# Airflow's log servers listen on every interface; on one machine nobody needs them: logs are read from disk.
$(AIRFLOW_HOME)/bin/airflow: | $(READY)
	@mkdir -p $(@D)
	@printf '%s\n' '#!/bin/sh' \
		'case "$$1" in scheduler | triggerer) set -- "$$@" --skip-serve-logs ;; esac' \
		'exec "$(CURDIR)/$(BIN)/airflow" "$$@"' > $@
	@chmod +x $@

bench: $(READY) ## Time two nights of a million people, step by step; measure expansion, audits, suggestions, keep-sets, the attack
	@$(BIN)/python tests/bench.py --people $(BENCH_PEOPLE)
	@for what in expansion audit discover keep release pull; do PYTHONPATH=. $(BIN)/python tests/bench_$$what.py || exit 1; done

dictionary: $(READY) ## Write docs/DATA_DICTIONARY.md from the contracts
	@$(BIN)/stillreach dictionary > docs/DATA_DICTIONARY.md

wheel: $(READY) ## Build dist/stillreach-*.whl, which installs anywhere
	@$(BIN)/python -m hatchling build -t wheel -d dist

docs: $(READY) ## Build the documentation site into build/site; fail on a broken link
	@mkdir -p build && $(BIN)/python -m docs.generate build
	@$(BIN)/zensical build --strict --clean -f build/mkdocs.yml > build/docs.log 2>&1 || { cat build/docs.log; exit 1; }

lock: $(READY) ## Resolve the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra dev \
		--custom-compile-command "make lock" --upgrade pyproject.toml -o requirements.lock
	@echo uv | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --upgrade - -o requirements-uv.lock

clean: ## Remove the virtual environment and caches; data stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
