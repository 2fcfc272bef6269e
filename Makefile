# Two commands do everything from a fresh clone: `make read` and `make test`. Both keep to the folder .venv.

VENV := .venv
BIN := $(VENV)/bin
# the first Python that is new enough and can make an environment
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXAMPLE := examples/printed_page.jpg

.PHONY: help read test check docs clean

help:
	@echo "make read    read the example page with the embedded models"
	@echo "make test    run the tests (installs PyTorch)"
	@echo "make check   ruff, mypy --strict, generated docs up to date"
	@echo "make docs    write the generated docs again"
	@echo "make clean   remove the environment and caches"

read: $(VENV)/.light
	@mkdir -p out
	@$(BIN)/foveal read $(EXAMPLE) --overlay out/printed_page.png

# a file's tests stay in one process, which has one thread: two cores are busy with two files
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/docs.py --check

docs: $(VENV)/.dev
	$(BIN)/python tools/docs.py

clean:
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Stamps: an empty environment, the light install, the light install with everything for development.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "foveal needs Python 3.10 or newer with venv and ensurepip" \
		"(on Debian and Ubuntu: apt install python3-venv; another Python: make PYTHON=/path/to/python3 ...)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.light: pyproject.toml | $(VENV)/.made
	$(PIP) install --no-compile --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints-dev.txt | $(VENV)/.made
	$(PIP) install --editable '.[dev]' --constraint constraints-dev.txt
	@touch $(VENV)/.light $@
