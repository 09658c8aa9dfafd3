# From nothing but Python 3.11+: each target makes the virtual environment it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Two processes on two cores: without this the threads of one spin while the other works.
export OMP_WAIT_POLICY := passive

.PHONY: demo docs links first-steps test test-slow dist support extras audit lint types format kernels clean

$(VENV)/installed: pyproject.toml constraints.txt hatch_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[attacks,docs,estimators,gpu,lab,models,onnx,ray,test,dev]" -c constraints.txt
	touch $@

demo: $(VENV)/installed  ## accuracy, memory and time against the kept band, on real data
	$(BIN)/passband demo --out runs/demo

test: $(VENV)/installed  ## the whole test suite of CI
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(VENV)/installed  ## what `test` leaves out
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow

docs: $(VENV)/installed  ## the site, docs/_build/html: its examples are run, a warning is an error
	rm -rf docs/reference/api/generated
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

links: $(VENV)/installed  ## whether the site's links to other sites lead somewhere
	$(BIN)/sphinx-build -q -D plot_gallery=0 -b linkcheck docs docs/_build/links

first-steps:  ## what the README says a newcomer does, from an empty environment, timed
	$(PYTHON) tests/docs/first_steps.py

dist:  ## the source distribution and the wheel, built twice and compared by bytes, into dist/
	$(PYTHON) tests/support/distributions.py dist

support:  ## the wheel, with the oldest and newest Python and torch to be had, and light extras
	OMP_NUM_THREADS=1 $(PYTHON) tests/support/matrix.py

extras:  ## each extra alone in an empty environment
	OMP_NUM_THREADS=1 $(PYTHON) tests/support/extras.py

audit:  ## known vulnerabilities of what is pinned, where there is a service to ask
	$(PYTHON) tests/support/audit.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

kernels: $(VENV)/installed  ## compile the CPU kernels again, after an edit
	$(BIN)/python hatch_build.py

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache src/passband/kernels/cpu/_kernels_*.so
