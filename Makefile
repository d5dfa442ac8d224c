# Everything here sets itself up in .venv: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml CMakeLists.txt constraints.txt $(wildcard forecaster/_native/*.cpp forecaster/_native/*.hpp)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test sanitize lint types contracts check clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py --out demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

# The kernel tests under the address and undefined-behaviour sanitizers. The build lies beside the editable one: a path in
# PYTHONPATH is not searched for .pth files, so the editable install stays out of the way. Without libstdc++ the sanitizer cannot
# follow an exception.
SANITIZED := build/sanitize
sanitize: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --upgrade --target $(SANITIZED)/site . \
	  --config-settings=cmake.define.FORECASTER_SANITIZE=ON --config-settings=cmake.define.FORECASTER_WERROR=ON \
	  --config-settings=cmake.build-type=Debug --config-settings=build-dir=$(SANITIZED)/cmake
	PYTHONPATH=$(SANITIZED)/site:$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('platlib'))") PYTHONSAFEPATH=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 FORECASTER_SANITIZED=1 \
	  $$(readlink -f $(BIN)/python) -m pytest tests/native tests/features/test_windows.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types contracts test

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

$(VENV)/.dev: $(SOURCES) | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build demo .pytest_cache .mypy_cache .ruff_cache
