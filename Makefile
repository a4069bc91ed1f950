# Python 3.11+ and make are all this needs: everything else is installed into .venv from the locked requirements.
# `make PYTHON=/path/to/python3.12 run` chooses another interpreter.

VENV   := .venv
BIN    := $(VENV)/bin
SERVER := agentops-api
CLIENT := agentops-client
PIP    := $(BIN)/python -m pip --disable-pip-version-check
BUILD  := $(BIN)/python $(SERVER)/dashboard/build.py
TESTS  := $(SERVER)/tests $(CLIENT)/tests
LOCK   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
          --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint chaos bench fmt clean lock schema openapi dashboard screenshots install install-dev

help:
	@echo 'make run      build the dashboard and start the server on http://localhost:8000'
	@echo 'make test     formatting, lint, types, import rules, tests, of the server, the SDK and the dashboard'
	@echo 'make chaos    the long fault runs'
	@echo 'make bench    measure this machine'
	@echo 'make fmt      format the code'
	@echo 'make lock     take the newest versions into the lock files'
	@echo 'make schema   write $(SERVER)/database/schema.sql from the migrations'
	@echo 'make openapi  write docs/openapi.json, and the types that the dashboard has from it'
	@echo 'make dashboard    build the dashboard, if its sources changed'
	@echo 'make screenshots  write docs/images from a demo history (needs Chromium)'
	@echo 'make clean    remove what the commands above made (not your data)'

run: dashboard
	@echo 'Starting on http://localhost:8000 (Ctrl-C stops it)'
	@exec $(BIN)/agentops serve

dashboard: install
	@$(BUILD) build

# pytest comes last, so that its closing line ends the output. The tests of a group share a server and a browser.
test: lint dashboard
	$(BUILD) run test
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

lint: install-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache --no-logo
	$(BUILD) run check

screenshots: dashboard install-dev
	$(BIN)/python -m scripts.screenshots

chaos: install-dev
	$(BIN)/python -m pytest -m chaos $(TESTS)

bench: install-dev
	$(BIN)/python -m benchmarks.run

fmt: install-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BUILD) run format

# The later locks are bound by the earlier ones, so that all agree on every version.
lock: install
	$(PIP) install --quiet uv
	cd $(SERVER) && ../$(LOCK) pyproject.toml --output-file requirements.txt
	cd $(SERVER) && ../$(LOCK) requirements-build.in --output-file requirements-build.txt
	cd $(SERVER) && ../$(LOCK) requirements-dashboard.in --output-file requirements-dashboard.txt
	cd $(SERVER) && ../$(LOCK) pyproject.toml ../$(CLIENT)/pyproject.toml requirements-build.in \
	  requirements-dashboard.in requirements-dev.in --output-file requirements-dev.txt
	$(BUILD) lock
	@if grep -l '://' $(SERVER)/requirements*.txt $(SERVER)/dashboard/package-lock.json; then \
	  echo 'A lock file names a host.' >&2; exit 1; fi

schema: install
	mkdir -p $(SERVER)/database
	$(BIN)/agentops migrate --sql > $(SERVER)/database/schema.sql.new
	mv $(SERVER)/database/schema.sql.new $(SERVER)/database/schema.sql

openapi: install
	mkdir -p docs
	$(BIN)/agentops openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json
	$(BUILD) run types

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	rm -rf $(SERVER)/dashboard/node_modules $(SERVER)/agentops_api/dashboard_dist $(SERVER)/agentops_api/dashboard_dist.new
	find $(SERVER) $(CLIENT) scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

$(BIN)/python:
	@sh scripts/make-venv $(VENV)

# The stamps are older than a changed lock, and only then is anything installed.
LOCKS := $(SERVER)/requirements.txt $(SERVER)/requirements-build.txt $(SERVER)/requirements-dashboard.txt
$(VENV)/installed: $(LOCKS) $(SERVER)/pyproject.toml | $(BIN)/python
	@echo 'Installing the locked requirements into $(VENV) (once, about a minute) ...'
	$(PIP) install --require-hashes -r $(SERVER)/requirements.txt
	$(PIP) install --quiet --require-hashes -r $(SERVER)/requirements-build.txt -r $(SERVER)/requirements-dashboard.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable $(SERVER)
	@touch $@

$(VENV)/installed-dev: $(SERVER)/requirements-dev.txt $(CLIENT)/pyproject.toml $(VENV)/installed
	@echo 'Installing the locked development requirements into $(VENV) ...'
	$(PIP) install --require-hashes -r $(SERVER)/requirements-dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable $(CLIENT)
	@touch $@
