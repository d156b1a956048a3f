# Two commands do all: `make demo` and `make test`. Each sets up .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= 2

.PHONY: demo test test-all check lock clean

demo: .venv/.ready
	$(BIN)/snakemake --cores $(CORES) results/demo_map.csv

test: .venv/.ready
	$(BIN)/python -m pytest -m "not slow" tests

test-all: .venv/.ready
	$(BIN)/python -m pytest tests

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

.venv/.ready: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Lock every version with hashes; needs uv (`pip install uv`).
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		--quiet --output-file requirements.txt pyproject.toml

clean:
	rm -rf results logs .snakemake
