# The two main commands are `make demo` and `make test`. Each creates .venv on its first run.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= 2
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" --quiet

.PHONY: demo test test-all check lock clean

demo: .venv/.ready
	$(BIN)/snakemake --cores $(CORES) results/demo_map.csv

test: .venv/.ready
	$(BIN)/python -m pytest -m "not slow" -n logical --dist loadgroup --no-loadscope-reorder tests

# The slow tier too, with Slurm, an S3 server and a browser on this machine. Root installs Slurm's packages;
# tests whose program is missing fail with the command that installs it.
test-all: .venv/.ready .venv/.cluster .venv/.browser .venv/exchange/.ready
	$(BIN)/python -m pytest tests
	.venv/exchange/bin/python -m pytest tests/test_exchange_packages.py

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

.venv/.cluster .venv/.browser: .venv/.%: requirements-%.txt .venv/.ready
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	touch $@

# Tools whose files we exchange, which need other versions of our own requirements.
.venv/exchange/.ready: requirements-exchange.txt .venv/.ready
	$(BIN)/python -m venv .venv/exchange
	.venv/exchange/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	touch $@

# Lock every version with hashes; needs uv (`pip install uv`).
lock:
	$(LOCK) --extra dev --output-file requirements.txt pyproject.toml
	$(LOCK) --group cluster --constraint requirements.txt --output-file requirements-cluster.txt
	$(LOCK) --group browser --constraint requirements.txt --output-file requirements-browser.txt
	$(LOCK) --group exchange --output-file requirements-exchange.txt

clean:
	rm -rf results logs .snakemake
