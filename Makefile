# Everything a developer or CI runs, by name. Relative paths only: make splits absolute ones at spaces.
# PYTHON=python3.12 chooses the interpreter; ARGS="..." is passed on by up, test and bench.

PYTHON ?= python3
ARGS ?=
export PYTHON UPGRADE
# Cached bytecode halves the start of every command, of which the tests give many.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv/bin/python
.PHONY: help setup peers demo up test check bench docs lock fuzz faults chaos sim
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'

setup: ## install everything into .venv; does nothing when it is up to date
	@sh ci/setup.sh

demo: setup ## one power-limit order through all nine steps, with its proof
	@$(VENV) -m aforo demo --data .aforo/demo

up: setup ## run the system until Ctrl-C; ARGS="--port 8080 --town FILE"
	@$(VENV) -m aforo up $(ARGS)

peers: ## an independent SOAP client from npm for the tests, where there is npm
	@sh ci/peers.sh

test: setup peers ## all tests; ARGS="-k limit" for some
	$(VENV) -m pytest -n auto $(ARGS)

check: setup ## lint, format, types, import contracts, budgets, docs in step
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo
	$(VENV) -m pytest tests/architecture

bench: setup ## the DLMS codec, orders per second of the whole, and of the SOAP door
	@$(VENV) -m aforo bench codec $(ARGS)
	@$(VENV) -m aforo bench orders $(ARGS)
	@$(VENV) -m aforo bench intake $(ARGS)
	@$(VENV) -m aforo bench campaign $(ARGS)

fuzz: setup ## coverage-guided fuzzing of every decoder, and of the SOAP door; RUNS=1000000, DECODERS="data soap_door"
	@sh ci/fuzz.sh $(or $(RUNS),100000) $(DECODERS)

faults: setup ## every fault below step 3, injected on real sockets: is the right cause reported?
	@PYTHONPATH=src:tests $(VENV) -m faults

chaos: setup ## real processes killed, cut off, frozen, their disk full: what became of the orders? ARGS="--times 10"
	@PYTHONPATH=src:tests $(VENV) -m chaos $(ARGS)

sim: setup ## the whole system in virtual time: fixed seeds, then seeds of today; ARGS="--seeds 1000" for others
	@sh ci/sim.sh $(ARGS)

docs: setup ## write the reference pages that are made from the code
	@$(VENV) -m aforo.app.reference_pages docs/reference

lock: ## write both locks anew from pyproject.toml; UPGRADE=1 for the newest versions
	@sh ci/lock.sh
