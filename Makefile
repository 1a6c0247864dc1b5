# Every target sets up what it needs: a machine with only Python >= 3.11 is enough.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8080

.PHONY: demo test faults soak docs contract spark serve lint format bench bench-full lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

.venv/installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Chronicle needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: .venv/installed  ## sample events through the real HTTP door, then three questions to ask
	$(BIN)/chronicle demo --port $(PORT)

test: .venv/installed  ## every test
	$(BIN)/pytest -n auto --dist loadgroup -q

faults: .venv/installed  ## every fault at full length, every mutant; writes docs/reliability.md
	$(BIN)/python -m tests.faults

soak: .venv/installed  ## a simulated week of polling: a million events, fifty faults, nothing lost
	$(BIN)/python -m tests.soak

docs: .venv/installed  ## what a server answers, into docs/http.md, docs/audit.md and the OpenAPI document
	$(BIN)/python -m tests.described

contract: .venv/installed  ## what takes too long for `make test`, but for faults: every answer beside its description, and more
	$(BIN)/pytest -n auto --dist loadgroup -q -m long --ignore tests/faults --ignore tests/soak --ignore tests/promises/test_fetching.py

.venv-spark/installed: tests/readers/spark.txt
	test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/readers/spark.txt
	touch $@

spark: .venv/installed .venv-spark/installed  ## Spark reads an export; it needs Java
	$(BIN)/pytest -q -m spark

serve: .venv/installed  ## the server on the folder of CHRONICLE_DATABASE
	$(BIN)/chronicle serve --port $(PORT)

lint: .venv/installed  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed  ## what a machine can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed  ## measure, beside floors and peers, in one run; writes docs/performance/
	$(BIN)/python -m scripts.bench --out docs/performance

bench-full: .venv/installed  ## the same, and how it grows to ten million events: hours
	$(BIN)/python -m scripts.bench --full --out docs/performance

lock: .venv/installed  ## choose dependency versions anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml requirements-build.in
	for locked in scripts/bench/locks/*.in tests/readers/spark.in; do $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -o $${locked%.in}.txt $$locked; done

clean:  ## remove what the targets made
	rm -rf .venv .venv-spark .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench build *.egg-info
