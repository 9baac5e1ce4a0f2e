# Every target makes its own .venv first (with uv if it is present, else venv and pip).
# Extra arguments: make test ARGS="tests/models -x", make run ARGS="--max-memory 1GB"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
ARGS ?=
# Tests run in this many processes, two more than a small machine has cores: many tests only wait.
# 0 is this process alone.
# The tests of a module stay together, in their order: they share what the first of them started.
WORKERS ?= 4
PYTEST := $(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadscope
SOURCES := src tests benchmarks scripts training

# The first Python that is new enough; uv brings one where there is none.
define VENV
	for python in python3.11 python3.12 python3.13 python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" scripts/install.py $(1); \
	  fi; \
	done; \
	if command -v uv >/dev/null; then \
	  exec uv run --quiet --no-project --python '>=3.11' python scripts/install.py $(1); \
	fi; \
	echo 'AI Runner needs Python 3.11 or newer, or uv, which brings one.' >&2; exit 1
endef

# The tests start hundreds of programs. Without bytecode each of them compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run quick lint lint-form lint-types test check fuzz bench lock screenshots clean

help:  ## What can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

run: .venv/.runtime  ## Install for this GPU, then show one turn of a team in a tight budget
	-@$(BIN)/airunner engine
	@$(BIN)/airunner demo $(ARGS)
	@echo 'Next: `source .venv/bin/activate`, then `airunner setup` gets a real team,' \
	  'and `airunner ui` opens the page.'

quick: lint  ## Lint, and the tests that start no program and load no model
	@$(PYTEST) -m 'not real' $(ARGS)

test: .venv/.dev  ## Run the tests
	@$(BIN)/python -m scripts.browser
	@rm -f .pytest_cache/v/cache/lastfailed
	@$(PYTEST) $(ARGS) || $(BIN)/python -m scripts.second_try $$? $(PYTEST)

fuzz: .venv/.dev  ## The properties of tests/security with fifty times the examples; every route; each reader, guided
	@$(PYTEST) tests/security tests/server/clients/test_openapi_document.py \
	  --hypothesis-profile=fuzz --timeout=3600 $(ARGS)
	@$(BIN)/python -m tests.security.fuzz

# Types are checked beside the tests, which wait more than they compute; what is found is told
# after them.
check: .venv/.dev  ## Everything a commit has to pass: lint, format, types, imports, tests
	@$(MAKE) --no-print-directory lint-form
	@$(MAKE) --no-print-directory lint-types >.venv/types.log 2>&1 & types=$$!; \
	failed=0; $(MAKE) --no-print-directory test || failed=$$?; \
	wait $$types || failed=$$?; cat .venv/types.log; exit $$failed

lint: lint-form lint-types  ## Lint, format, types and imports

lint-form: .venv/.dev
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

lint-types: .venv/.dev
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# All are run and the tables filled, also where one misses its own target, which fails at the end.
bench: .venv/.dev  ## Measure this machine, store benchmarks/results, fill the tables of the manual
	@missed=; \
	for name in benchmarks.startup benchmarks.eviction benchmarks.conversation benchmarks.swap benchmarks.gateway \
	  benchmarks.server benchmarks.memory benchmarks.images benchmarks.image_memory benchmarks.toolbox \
	  benchmarks.worst_inputs training.shapes.evaluate; do \
	  $(BIN)/python -m $$name || missed="$$missed $$name"; \
	done; \
	$(BIN)/python -m benchmarks.readme; \
	if [ -n "$$missed" ]; then echo "failed or missed a target:$$missed" >&2; exit 1; fi

lock: .venv/.dev  ## Pin anew what pyproject.toml allows (UPGRADE=1 takes newer releases)
	@uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then $(BIN)/python -m pip install --quiet uv; uv=$(BIN)/uv; fi; \
	for group in build:runtime dev:dev; do \
	  "$$uv" pip compile --quiet --config-file constraints/uv.toml pyproject.toml \
	    --extra all \
	    --group "$${group%:*}" --output-file "constraints/$${group#*:}.txt" \
	    --constraints constraints/torch.txt --no-emit-package torch \
	    --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) || exit; \
	done

screenshots: .venv/.dev  ## Take the pictures of the page in the manual anew
	@$(BIN)/python -m scripts.screenshots $(ARGS)

clean:  ## Remove .venv, caches and build products
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml constraints/runtime.txt constraints/torch.txt scripts/install.py
	@($(call VENV,runtime)) && touch $@

.venv/.dev: pyproject.toml constraints/dev.txt constraints/torch.txt scripts/install.py
	@($(call VENV,dev)) && touch .venv/.runtime $@
