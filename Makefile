# What a developer does here. `make` alone lists it.
.PHONY: help run test fmt lint check docs lock
.DEFAULT_GOAL := help
RUN := .venv/bin/python -m
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate pyproject.toml

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

run:  ## play the demo and keep it up
	@./start

test:  ## run the tests, on both databases
	@./test

fmt:  ## put all code in the one layout and mend what can be mended
	@tools/install requirements-test.lock
	$(RUN) ruff check --fix-only --quiet .
	$(RUN) ruff format .

check: lint test  ## all that must hold: layout, lint, types, then the tests (architecture and docs are tests)

lint:  ## layout, lint and types only
	@tools/install requirements-test.lock
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

docs:  ## write docs/reference.md and docs/berichtenboek/ anew from code and schemas
	@tools/install requirements-test.lock
	.venv/bin/python tools/reference.py
	.venv/bin/python tools/berichtenboek.py

lock:  ## renew both lock files from pyproject.toml (needs uv)
	printf '%s\n' hatchling editables | $(LOCK) -o requirements.lock -
	printf '%s\n' hatchling editables | $(LOCK) --extra test -o requirements-test.lock -
