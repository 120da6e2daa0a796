# Everything sets itself up in .venv; python3, make and git are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
CATALOG := runner/wechat_campaigns/translations/zh/LC_MESSAGES/campaign.mo
LOCK := runner/requirements.lock
BUILD_LOCK := .github/build.lock
DEV_LOCK := .github/dev.lock
# LOCKED=1, as in CI: exactly the files whose hashes are locked. A developer's machine takes what pyproject.toml allows,
# since its index may not hold them.
LOCKED ?=
# A lock is whole: --no-deps keeps pip from looking for newer versions of what an extra asks for.
HASHED := --no-deps --require-hashes --only-binary :all: -r
PIP := -m pip install --quiet --disable-pip-version-check
# Where uv is on PATH it installs, in a tenth of the time; what it cannot, such as from an index that is set for pip
# alone, pip does.
UV := $(shell command -v uv)
install = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python $(1) 2>/dev/null ||) $(BIN)/python $(PIP) $(1)

# What Python has compiled is kept, whatever the environment says: else every start compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo inbox test test-unit test-clock test-lowest check lock audit docs dist editor growth generated container bench model torture mutants clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifeq ($(LOCKED),)
	@$(call install,--upgrade pip)
	@$(call install,--editable '.[all]')
else
	@$(call install,$(HASHED) $(LOCK) -r $(BUILD_LOCK))
	@$(call install,--no-deps --no-build-isolation --editable .)
endif
	@touch $(STAMP)

# A catalog is compiled when the package is installed; one that changed since is compiled anew.
$(CATALOG): $(CATALOG:.mo=.po) | $(STAMP)
	@test $@ -nt $< || $(BIN)/python $(PIP) --no-deps --editable .
	@touch $@

# Tests and tools are much larger than the tool itself: who only wants to see it does not wait for them.
$(DEV): $(STAMP) | $(CATALOG)
ifeq ($(LOCKED),)
	@$(call install,--group dev)
else
	@$(call install,$(HASHED) $(DEV_LOCK))
	@$(BIN)/python -m pip --disable-pip-version-check check
endif
	@touch $(DEV)

demo: $(STAMP) $(CATALOG)  ## rehearse every example on the local sandbox, from plan to phone
	@$(BIN)/python -m tests.tools.demo

inbox: $(STAMP) $(CATALOG)  ## look at the phones of the rehearsal in a browser (Ctrl-C ends it)
	@$(BIN)/campaign sandbox --rehearsal

# ALL=1, as in CI: also the deep tests (packages, clones, browsers, whole corpora, torture), and coverage.
ALL ?=
# A third of its time a test waits for a process or a clock, so there is work for half as many again.
WORKERS = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 3 // 2 or 1)')
# A file, or a group, goes to one worker: handing over small tests one by one takes longer than running them. In the
# order of the folders the long ones come first, so that no worker is left alone with one of them.
BY_FILE := --dist loadgroup --no-loadscope-reorder
test: $(DEV) $(CATALOG)  ## run the tests, in minutes; ALL=1: the deep ones too, with coverage
	@$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) $(if $(ALL),--cov --cov-report=term:skip-covered,-m 'not deep')

test-unit: $(DEV) $(CATALOG)  ## run the unit tests, while you work
	@$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) -q -m 'not deep' tests/unit

# What depends on the clock most: windows, quiet hours, quotas of days and months, figures, notices, approvals that
# expire, waiting runs. Files and git's locks keep the machine's own times, so what compares those with the clock is out.
CLOCKED := $(addprefix tests/unit/,notify plan report run send) $(addprefix tests/acceptance/test_,$(addsuffix .py,\
	apply_wait by_hand fleet hold isolation late_acceptance moved_messages notifications own_token ready reports))
# Another moment: make test-clock CLOCK='2028-02-29 20:00'
CLOCK ?=
test-clock: $(DEV) $(CATALOG)  ## run the tests of what depends on the clock by another one; needs libfaketime
	@$(BIN)/python -m tests.tools.other_clock $(CLOCK) -- -n $(WORKERS) $(BY_FILE) -q -m 'not deep' $(CLOCKED)

test-lowest: $(DEV) $(CATALOG)  ## run the unit tests with the lowest versions that pyproject.toml allows
	@$(BIN)/python $(PIP) --group lock
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/lowest
	@$(BIN)/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct \
		--editable '.[all]' --group tests --group lint
	@build/lowest/bin/python -m pytest -n $(WORKERS) $(BY_FILE) -p no:cacheprovider tests/unit

lock: $(DEV)  ## lock the newest versions that pyproject.toml allows, with their hashes
	@$(BIN)/python $(PIP) --group lock
	@$(BIN)/python -m tests.tools.make_lock

audit: $(DEV)  ## look up known faults of the locked versions; needs the network
	@$(BIN)/python $(PIP) --group audit
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r $(LOCK) -r $(BUILD_LOCK)

check: $(DEV) $(CATALOG)  ## lint, format, types, schemas, workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.tools.check_schemas
	@$(BIN)/python -m tests.tools.check_workflows

growth: $(DEV)  ## print how many lines of Python this branch adds, by package
	@$(BIN)/python -m tests.tools.growth $(SINCE)

generated: $(DEV)  ## write all that is made from the code: schemas, reference, catalog, pictures; say what to translate
	@$(BIN)/python -m tests.tools.make_reference
	@$(BIN)/python -m tests.tools.make_catalog
	@$(MAKE) --no-print-directory $(CATALOG)
	@$(BIN)/python -m tests.tools.make_reference
	@$(BIN)/python -m tests.tools.make_architecture

docs: $(DEV) $(CATALOG)  ## write the reference anew and build the site into build/site
	@$(BIN)/python -m tests.tools.make_reference
	@$(BIN)/python -m tests.tools.make_architecture
	@$(BIN)/python -m mkdocs build -f .mkdocs.yml --strict --quiet

dist: $(DEV) $(CATALOG)  ## build sdist, wheel and a list of what the wheel needs (SBOM) into dist
	@rm -rf dist build/sbom
	@$(BIN)/python -m hatchling build -d dist
	@$(PYTHON) -m venv build/sbom
	@build/sbom/bin/python $(PIP) $(HASHED) $(LOCK)
	@build/sbom/bin/python $(PIP) --no-deps dist/*.whl
	@$(BIN)/cyclonedx-py environment build/sbom --output-reproducible -o dist/sbom.cdx.json

editor:  ## build the studio's editor anew from the locked packages; needs node and npm, and the network
	@cd runner/editor && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

# Another engine: `make container ENGINE=podman`. BUILD takes options of the build, such as --build-arg BASE=IMAGE@DIGEST.
ENGINE ?= docker
BUILD ?=
container:  ## build the container image, and run the command in it as nobody, without network; needs docker or podman
	@$(ENGINE) build --file .github/container/Dockerfile --tag campaign $(BUILD) .
	@test "$$($(ENGINE) run --rm --entrypoint id campaign -u)" = 10001
	@$(ENGINE) run --rm --network none --read-only --tmpfs /tmp --cap-drop ALL --entrypoint sh campaign -euc \
		'cd /tmp && campaign init --ci none && campaign validate && campaign plan --offline && git --version'
	@$(ENGINE) run --rm --network none --read-only --tmpfs /tmp --cap-drop ALL campaign --version

bench: $(DEV) $(CATALOG)  ## measure speed against known tools, as ratios
	@$(BIN)/python -m tests.bench

model: $(DEV) $(CATALOG)  ## search every interleaving of the send protocol, far beyond the suite; print the snapshots seen
	@$(BIN)/python -m tests.protocol

torture: $(DEV) $(CATALOG)  ## play random histories, then kill, cut and race the runner for as long as it takes; print what was lost or doubled
	@$(BIN)/python -m tests.torture

# Another list of files or functions: make mutants ONLY='ledger/ attempt.py'
ONLY ?=
mutants: $(DEV) $(CATALOG)  ## break the program in one place at a time; print which of them no test notices
	@$(BIN)/python -m tests.mutants $(ONLY)

clean:  ## remove what make made
	rm -rf $(VENV) $(CATALOG) runner/editor/node_modules build/npm build/pip build/sdk build/bench .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
