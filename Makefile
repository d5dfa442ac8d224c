# Everything here sets itself up in .venv: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml CMakeLists.txt constraints.txt $(wildcard forecaster/_native/*.cpp forecaster/_native/*.hpp)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo docs links test test-engines sanitize wheel lint types contracts check clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py --out demo

# Files in their own order: pytest-xdist would put those with few tests last, which are the longest (pages, notebooks, examples).
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The fault matrix on every engine, with real clusters on this machine (Spark needs Java).
test-engines: $(VENV)/.engines
	$(BIN)/python -m pytest -m engines tests/many_models tests/docs tests/test_frames.py

# The pages as a site, in site/: links are checked while it is built, and afterwards that it needs nothing from elsewhere.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	$(BIN)/python -m pytest -m site tests/docs

# The kernel tests under the address and undefined-behaviour sanitizers. The build lies beside the editable one: a path in
# PYTHONPATH is not searched for .pth files, so the editable install stays out of the way. libasan looks for the throw of libstdc++ when
# it is loaded, so both are there from the start. With malloc_debug Python ends where a kernel asks it for memory without its lock.
SANITIZED := build/sanitize
sanitize: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --upgrade --target $(SANITIZED)/site . \
	  --config-settings=cmake.define.FORECASTER_SANITIZE=ON --config-settings=cmake.define.FORECASTER_WERROR=ON \
	  --config-settings=cmake.build-type=Debug --config-settings=build-dir=$(SANITIZED)/cmake
	PYTHONPATH=$(SANITIZED)/site:$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('platlib'))") PYTHONSAFEPATH=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc_debug FORECASTER_SANITIZED=1 \
	  $$(readlink -f $(BIN)/python) -m pytest tests/native tests/features/test_windows.py

# A wheel, built and tried as cibuildwheel does it but outside of its container: in an environment of its own, with no compiler in reach.
WHEEL := build/wheel
wheel: $(VENV)/.dev
	rm -rf $(WHEEL)
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir $(WHEEL) .
	$(PYTHON) -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(WHEEL)/*.whl
	cd $(WHEEL) && PATH=$(CURDIR)/$(WHEEL)/venv/bin python $(CURDIR)/.ci/wheel.py *.whl

# Asks every address outside that the documents name: needs a network, so it is no part of CI.
links: $(VENV)/bin/python
	$(BIN)/python docs/making/links.py

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

# What the extra names; what is ours is there, and would be built once more by naming its folder.
$(VENV)/.engines: $(VENV)/.dev
	$(PIP) 'forecaster[engines]'
	touch $@

clean:
	rm -rf $(VENV) build demo site notebooks .pytest_cache .mypy_cache .ruff_cache
