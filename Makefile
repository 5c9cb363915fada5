# Two commands: `make up` runs PyZn, `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help setup up browser test test-slow check check-code check-style check-imports check-types check-dagster \
    check-migrations check-workflows check-kubernetes check-docs wheels package docs bench lock start-containers \
    stop-containers pin-images test-containers test-kubernetes survive chaos screenshots

PYTHON ?= python3
BIN := .venv/bin

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/complete  ## the virtual environment, from the lock, with all that tests, checks and documentation need

# uv comes from the lock by its hash, and then installs the rest in seconds; it checks the hashes of constraints as well.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "PyZn needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock -r pyproject.toml --extra local setuptools
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/complete: .venv/installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

up: .venv/installed  ## start everything here, with a synthetic sample; Ctrl-C stops it
	$(BIN)/pyzn up

CHECKS := check-code check-dagster check-migrations check-workflows check-docs wheels

check: $(CHECKS) check-kubernetes  ## all that can be seen without running PyZn

check-code: check-style check-imports check-types  ## linters, who may import whom, and strict types

check-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-imports: setup
	$(BIN)/lint-imports

check-types: setup
	$(BIN)/mypy

# Settings that lead nowhere: loading the definitions connects to nothing. The folder keeps Dagster from asking home.
check-dagster: setup  ## Dagster's own tools load the definitions
	@mkdir -p .venv/dagster && echo 'telemetry: {enabled: false}' > .venv/dagster/dagster.yaml
	DAGSTER_HOME="$(CURDIR)/.venv/dagster" PYZN_DATABASE_URL=postgresql://nobody@127.0.0.1/nowhere PYZN_BIGQUERY_PROJECT=none \
	    $(BIN)/dg check defs --no-check-yaml

check-migrations: setup  ## no migration locks readers out, or breaks the version that runs beside it; see .squawk.toml
	$(BIN)/squawk pyzn_pipeline/store/migrations/versions/*.sql

check-workflows: setup  ## the files that GitHub and the commit hooks read
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/prek validate-config .pre-commit-config.yaml

check-kubernetes: setup  ## deploy/kubernetes as kubectl renders it, by the schemas of Kubernetes and what PyZn needs there
	$(BIN)/pytest tests/deployment/test_kubernetes.py

# Not --quiet: mkdocs then counts no warnings, and passes.
check-docs: setup  ## every page is in the site, and every link leads somewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs: setup  ## the documentation as a site, built again at every change, at http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# The hashes of the lock identify the wheels, so uv first looks in its cache, and in the index for the rest.
# The oldest and the newest Python that PyZn is tried with.
wheels: .venv/wheels  ## show that nothing in the lock has to be compiled, on any platform that PyZn is promised for

# Once for each lock: nothing else can change the answer.
.venv/wheels: .venv/complete
	@for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin; do for python in 3.11 3.13; do \
	    resolve="$(BIN)/uv pip install --quiet --dry-run --reinstall --python $(BIN)/python --require-hashes -r requirements.lock \
	        --only-binary :all: --python-platform $$platform --python-version $$python"; \
	    $$resolve --offline 2>/dev/null || $$resolve || \
	        { echo "requirements.lock: not everything in it has a wheel for $$platform with Python $$python, see above"; exit 1; }; \
	done; done
	@touch $@

# What a release publishes. Python's own venv, so that nothing of this one can be missing in the wheel's list of needs.
package: setup  ## wheel and sdist in dist/, and the wheel installed where there is nothing else
	rm -rf dist .venv/package
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist
	$(BIN)/uv venv --quiet --python $(BIN)/python .venv/package
	$(BIN)/uv pip install --quiet --python .venv/package --constraint requirements.lock dist/*.whl
	cd .venv/package && bin/pyzn --version && bin/python -c 'import pyzn_api.app, pyzn_site, pyzn_pipeline.definitions' && bin/pyzn backfill --help >/dev/null

browser: setup  ## a browser for the tests of the pages, installed where there is none; without one, all others run
	@$(BIN)/python -m tests.browser

# Tests start many processes; without bytecode each would compile Dagster again.
unexport PYTHONDONTWRITEBYTECODE

# By file, in the order that tests/conftest.py gives them: one with a test of minutes would come last, with one core idle.
# Without the plugin of schemathesis, which takes a second of each start: its own command is what the tests run.
PYTEST := $(BIN)/pytest -p no:schemathesis --numprocesses logical --dist loadfile --no-loadscope-reorder

test:  ## linters, types and every test but those of `make test-slow`; five minutes on two cores
	$(MAKE) --jobs 2 $(CHECKS) browser
	$(PYTEST) -m "not slow"

test-slow: browser  ## the tests that take minutes: starts of the whole stack, many kills, load
	$(PYTEST) -m slow

# Sizes come from variables, which make passes on: make chaos KILLS=1000; see python -m chaos --help.
chaos: setup  ## break everything on purpose, and count what came out wrong; ONLY="kills network" for some of it
	$(BIN)/python -m chaos $(ONLY)

# Compose recreates whatever depends on a container that it recreates: the two that ended, `databases` and `migrate`, are
# removed first and made anew, so that a new password of one part restarts that part alone.
start-containers:  ## the production shape, built and started; settings from .env (see .env.example)
	docker compose rm --force
	docker compose up --build --detach --wait

stop-containers:  ## stop it; the volumes keep the data
	docker compose down

# Dependabot then keeps the digests current.
pin-images:  ## write the digests of the base images into Dockerfile and docker-compose.yml; needs a registry
	@for image in python:3.12-slim postgres:18 caddy:2; do \
	    digest=$$(docker buildx imagetools inspect $$image --format '{{.Manifest.Digest}}') || exit 1; \
	    sed -i.bak -E "s|$$image(@sha256:[0-9a-f]+)?|$$image@$$digest|" Dockerfile docker-compose.yml || exit 1; \
	done; rm Dockerfile.bak docker-compose.yml.bak

test-containers: setup  ## the containers and docs/operations.md, in a real container engine
	$(BIN)/python -m tests.containers

test-kubernetes: setup  ## deploy/kubernetes/demo in a cluster of kind: kills, a canceled backfill, networks, a rolled API
	tests/deployment/cluster.sh

survive: setup  ## the production shape, its parts killed at random: DAYS (30), KILLS (6), OUTAGE (120 seconds), SEED
	$(BIN)/python -m tests.deployment.survival --days $(or $(DAYS),30) --kills $(or $(KILLS),6) \
	    --outage $(or $(OUTAGE),120) $(if $(SEED),--seed $(SEED))

screenshots: setup  ## the pictures in docs/images, most of them from the running stack
	$(if $(ONLY),,$(BIN)/python -m docs.page_states)
	$(BIN)/pyzn env | $(BIN)/python docs/screenshots.py $(ONLY)

bench: setup  ## every speed that is promised, beside its limit; SIZE=1 is a full day of PyPI (0.002); ONLY="publishing exchange" for some; wrk for serving
	$(BIN)/python -m bench $(or $(SIZE),0.002) $(ONLY)

lock: setup  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --upgrade \
	    --python-version 3.11 --all-extras --output-file requirements.lock pyproject.toml
