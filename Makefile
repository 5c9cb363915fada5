# Two commands: `make up` runs PyZn, `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help setup up test check wheels bench lock start-containers stop-containers test-containers survive chaos chaos-selftest screenshots

PYTHON ?= python3
BIN := .venv/bin

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed  ## the virtual environment, from the lock

# uv comes from the same lock by its hash, and then installs the rest of it in seconds.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "PyZn needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

up: setup  ## start everything here, with a synthetic sample; Ctrl-C stops it
	$(BIN)/pyzn up

check: setup wheels  ## linters, strict types, and a wheel of every dependency for every platform
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The hashes of the lock name the wheels for good, so what uv's cache knows is asked first, and the index for the rest.
# The oldest and the newest Python that PyZn is tried with.
wheels: setup  ## show that nothing in the lock has to be compiled, on any platform that PyZn is promised for
	@for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin; do for python in 3.11 3.13; do \
	    resolve="$(BIN)/uv pip install --quiet --dry-run --reinstall --python $(BIN)/python --require-hashes -r requirements.lock \
	        --only-binary :all: --python-platform $$platform --python-version $$python"; \
	    $$resolve --offline 2>/dev/null || $$resolve || \
	        { echo "requirements.lock: not everything in it has a wheel for $$platform with Python $$python, see above"; exit 1; }; \
	done; done

test: check  ## linters, types and every test
	$(BIN)/pytest -n 2 --dist loadfile

# Sizes come from variables, which make hands on: make chaos KILLS=1000, make chaos FULL=1; see python -m chaos --help.
chaos: setup  ## break everything on purpose, and count what came out wrong; ONLY="kills network" for some of it
	$(BIN)/python -m chaos $(ONLY)

chaos-selftest: setup  ## show that each of those checks can fail: take what it guards away
	$(BIN)/python -m chaos.selftest

# Compose recreates whatever depends on a container that it recreates: the two that ended, `databases` and `migrate`, are
# removed first and made anew, so that a new password of one part restarts that part alone.
start-containers:  ## the production shape, built and started; settings from .env (see .env.example)
	docker compose rm --force
	docker compose up --build --detach --wait

stop-containers:  ## stop it; the volumes keep the data
	docker compose down

test-containers: setup  ## the containers and docs/operations.md, in a real container engine
	$(BIN)/python -m tests.containers

survive: setup  ## the production shape, its parts killed at random: DAYS (30), KILLS (6), OUTAGE (120 seconds), SEED
	$(BIN)/python -m tests.deployment.survival --days $(or $(DAYS),30) --kills $(or $(KILLS),6) \
	    --outage $(or $(OUTAGE),120) $(if $(SEED),--seed $(SEED))

screenshots: setup  ## the pictures in docs/images, from the running stack
	$(BIN)/uv run --quiet --no-project --script docs/screenshots.py "$$($(BIN)/pyzn env | sed -n 's/^PYZN_DAGSTER_URL=//p')"

bench: setup  ## every speed that is promised, beside its limit; SIZE=1 is a full day of PyPI (0.002)
	$(BIN)/python -m bench $(or $(SIZE),0.002)

lock: setup  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --upgrade \
	    --python-version 3.11 --all-extras --output-file requirements.lock pyproject.toml
