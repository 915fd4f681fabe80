# The commands of this project; `make help` lists them. Everything is installed into .venv and .tools, here.

PYTHON := .venv/bin/python
EMBEDDED := $(PYTHON) -m drift_detector.embedded
# uv from the PATH, or one of our own: pip's --target works where the system's Python is "externally managed".
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
LOCK := pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
# Looked for when it is used: `make chromium test-browser` installs it between the two.
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
KAFKA_TESTS := tests/drift_detector/events tests/detections/outcomes/test_consumer.py \
	tests/detections/outcomes/test_tenant_topics.py tests/e2e \
	tests/drift_detector/embedded/test_kafka.py tests/drift_detector/embedded/test_apache_kafka.py \
	"tests/chaos/test_faults.py::test_service__fault__keeps_what_was_promised[kafka-cut]" \
	"tests/chaos/test_faults.py::test_service__fault__keeps_what_was_promised[relay-killed]"
# Django wants its settings to be there even where no server is asked for anything.
PLACEHOLDERS := \
	AUMOS_DRIFT_SECRET_KEY=only-for-checks-that-start-no-server \
	AUMOS_DRIFT_DATABASE__URL=postgresql://nobody@127.0.0.1:1/none AUMOS_DRIFT_DATABASE__POOL_SIZE=0 \
	AUMOS_DRIFT_REDIS__URL=redis://127.0.0.1:1/0 AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:1

.PHONY: help install run manage test test-quick test-random test-kafka test-browser chromium pgbouncer servers test-one lint format typecheck all bench calibration fuzz chaos attack wheel sbom lock clean-state
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

install: .venv/.installed ## Install the locked packages into .venv, if they changed

run: .venv/.installed ## Run everything on this machine (PORT=8000 WORKERS=1 METRICS_PORT= KAFKA=tansu); Ctrl-C stops it
	@exec $(EMBEDDED) run

manage: .venv/.installed ## Run a command of manage.py against what `make run` has started: ARGS="tail_events"
	@set -a; . .state/service.env; exec $(PYTHON) manage.py $(ARGS)

test: .venv/.installed ## Run all tests with coverage; ARGS="…" goes to pytest
	@exec $(EMBEDDED) exec -- $(PYTHON) -m pytest --cov -n 3 --dist worksteal $(if $(ARGS),--cov-fail-under=0) $(ARGS)

test-quick: .venv/.installed ## Run the tests without coverage, up to the first failure
	@exec $(EMBEDDED) exec -- $(PYTHON) -m pytest -n 3 --dist worksteal --no-cov -x $(ARGS)

test-random: .venv/.installed ## Run the property tests on examples that were not tried before
	@exec env DRIFT_EXAMPLES=random $(EMBEDDED) exec -- \
		$(PYTHON) -m pytest -n 3 --dist worksteal --no-cov -m hypothesis $(ARGS)

test-kafka: .venv/.installed ## Run what touches Kafka on Apache Kafka, which needs Java 17 and Maven
	@exec env KAFKA=apache $(EMBEDDED) exec -- $(PYTHON) -m pytest -n 2 --dist worksteal --no-cov $(KAFKA_TESTS) $(ARGS)

chromium: ## Install the system's Chromium for test-browser (Debian, as root)
	@test -n "$(CHROMIUM)" || { apt-get update -q && apt-get install -q -y --no-install-recommends chromium; }

pgbouncer: ## Install Debian's PgBouncer for its test (as root)
	@command -v pgbouncer >/dev/null || { apt-get update -q && apt-get install -q -y --no-install-recommends pgbouncer; }

test-browser: .venv/.installed ## Test the pages of the demo in Chromium; renews docs/screens
	@test -n "$(CHROMIUM)" || { echo "There is no Chromium: run make chromium first."; exit 1; }
	@exec env $(PLACEHOLDERS) DRIFT_CHROMIUM=$(CHROMIUM) $(PYTHON) -m pytest --no-cov -v tests/browser $(ARGS)

servers: .venv/.installed ## Keep the servers for tests up; test-one uses them. Ctrl-C stops them
	@exec $(EMBEDDED) servers

test-one: .venv/.installed ## Run one test by itself: T=tests/…::test_name; ARGS=--pdb opens the debugger
	@exec $(EMBEDDED) exec --kept -- $(PYTHON) -m pytest --no-cov $(if $(T),$(T),$(error T= must name a test)) $(ARGS)

lint: .venv/.installed ## Check style, layering and that no migration is missing
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports
	@exec env $(PLACEHOLDERS) $(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: .venv/.installed ## Format the code and repair what can be repaired
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

typecheck: .venv/.installed ## Check the types
	@exec env $(PLACEHOLDERS) .venv/bin/mypy .

all: lint typecheck test ## Lint, check types and test

bench: .venv/.installed ## Measure speed next to the peers; rewrites docs/benchmarks.md (ARGS="--gate")
	@exec $(EMBEDDED) exec -- $(PYTHON) -m tests.bench $(ARGS)

calibration: .venv/.installed ## Measure false alarms and power; rewrites docs/calibration.md
	@exec env $(PLACEHOLDERS) $(PYTHON) -m tests.calibration $(ARGS)

fuzz: .venv/.installed ## Send many requests made from the OpenAPI document (EXAMPLES=300 each); ARGS="-k runs"
	@exec env FUZZ_EXAMPLES=$(or $(EXAMPLES),300) $(EMBEDDED) exec -- \
		$(PYTHON) -m pytest -n 3 --dist worksteal --no-cov tests/drift_detector/api/test_whole_schema.py $(ARGS)

chaos: .venv/.installed ## Kill, stop and cut what can fail; rewrites docs/guarantees.md (ARGS="--short")
	@exec $(PYTHON) -m tests.chaos $(ARGS)

attack: .venv/.installed ## Attack the service as a stranger and as a tenant; rewrites docs/security.md (ARGS="--short")
	@exec $(PYTHON) -m tests.attack $(ARGS)

wheel: .venv/.installed ## Build the package into dist/: a wheel and a source archive
	@$(PYTHON) -m hatchling build --directory dist

sbom: .venv/.installed ## Write sbom.json, the service's packages in the form of CycloneDX
	@exec .venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.json requirements.txt

lock: | $(filter .tools/%,$(UV)) ## Resolve the dependencies again; ARGS=--upgrade takes newer ones
	@echo "==> Locking requirements-dev.txt and requirements.txt"
	@$(UV) $(LOCK) --extra dev --output-file requirements-dev.txt $(ARGS)
	@$(UV) $(LOCK) --extra server --extra reports --extra tracing --constraint requirements-dev.txt --output-file requirements.txt $(ARGS)

clean-state: .venv/.installed ## Remove what `make run` keeps: database, logs, demo keys
	@exec $(EMBEDDED) clean

.venv/.installed: requirements-dev.txt .python-version | $(filter .tools/%,$(UV))
	@echo "==> Installing the locked packages into .venv (some minutes the first time)"
	@test -x $(PYTHON) || $(UV) venv --python "$$(cat .python-version)" || $(UV) venv --python ">=3.12"
	@$(UV) pip sync --python $(PYTHON) --require-hashes --compile-bytecode requirements-dev.txt
	@echo "==> Compiling the numeric kernels"
	@$(PYTHON) -m algorithms.warm
	@touch $@

.tools/bin/uv:
	@echo "==> Fetching uv into .tools"
	@python3 -m pip install --quiet --disable-pip-version-check --target .tools "uv>=0.9"
