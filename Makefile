# Two commands do all: `make demo` and `make test`. Each sets up .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= 2
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" --quiet

.PHONY: demo test test-all check lock clean

demo: .venv/.ready
	$(BIN)/snakemake --cores $(CORES) results/demo_map.csv

test: .venv/.ready
	$(BIN)/python -m pytest -m "not slow" tests

# the slow tier too, with a Slurm and an S3 server on this machine: the former's packages are
# installed where this user may, and its tests fail where they are missing
test-all: .venv/.ready .venv/.cluster
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

.venv/.cluster: requirements-cluster.txt .venv/.ready
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-cluster.txt
	touch $@

# Lock every version with hashes; needs uv (`pip install uv`).
lock:
	$(LOCK) --extra dev --output-file requirements.txt pyproject.toml
	$(LOCK) --group cluster --constraint requirements.txt --output-file requirements-cluster.txt

clean:
	rm -rf results logs .snakemake
