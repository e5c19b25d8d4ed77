# Everything a developer does. Each target makes .venv first and keeps it in step with requirements*.txt.
SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help venv run test check requirements bench chaos fuzz screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

venv: ## the virtual environment .venv with everything in requirements-dev.txt
	@dev/venv.sh

run: venv ## the whole product on this machine: PORT=8000 SIMULATOR_PORT=8100
	@exec $(PY) -m dev.run

test: venv ## all tests; ARGS="payments -k refund" picks some, BROWSER=no leaves out those that need a browser
	@exec $(PY) -m dev.test $(ARGS)

check: venv ## lint, types, import rules, missing migrations, all tests
	@exec $(PY) -m dev.check

requirements: venv ## every requirement with the tests that prove it
	@exec $(PY) -m dev.requirements_map

bench: venv ## measures the product beside this machine: only=ack,settle
	@exec $(PY) -m dev.bench $(if $(only),only=$(only)) $(ARGS)

fuzz: venv ## 10,000 random callbacks, forgeries and API requests: EXAMPLES=… SEED=…
	@exec $(PY) -m dev.fuzz $(ARGS)

chaos: venv ## 1,300 payments while everything dies, three seeds, then proof: ARGS="--seeds 7"
	@exec $(PY) -m tests.chaos $(ARGS)

screenshots: venv ## pictures of every page into docs/screens, of the product that runs
	@exec $(PY) -m dev.screenshots $(ARGS)

clean: ## forgets the virtual environment and the development database
	@$(if $(wildcard .venv/bin/python),$(PY),python3) -m dev.clean
	@rm -rf .venv .run
