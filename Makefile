# Two commands for a newcomer: `make demo` and `make test`. Everything is installed into .venv/ beside this file.
PYTHON ?= python3
ROBOT := .venv/robot
FULL := .venv/full
BUILD := build

.PHONY: help demo bench test lint pipeline clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(ROBOT)/.installed  ## the shipped model over the shipped clip, with the robot's dependencies only
	$(ROBOT)/bin/sewer-edge run deploy/demo/drive.mp4 --odometer deploy/demo/odometer.csv --out $(BUILD)/demo --overwrite

bench: $(ROBOT)/.installed  ## quick benchmarks of this machine with the robot's dependencies, and a page of them
	rm -rf $(BUILD)/bench
	$(ROBOT)/bin/python -m benchmarks all --quick --out $(BUILD)/bench/results.jsonl --page $(BUILD)/bench

test: $(FULL)/.installed lint  ## style, types and every quick test
	OMP_NUM_THREADS=1 $(FULL)/bin/python -m pytest -n $$(nproc) --dist worksteal

lint: $(FULL)/.installed  ## style and types
	$(FULL)/bin/ruff check .
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/mypy

pipeline: $(FULL)/.installed  ## small rendered data -> training -> ONNX -> signed bundle -> inspection
	rm -rf $(BUILD)/pipeline
	PYTHON=$(FULL)/bin/python SEWER_EDGE=$(FULL)/bin/sewer-edge deploy/pipeline.sh $(BUILD)/pipeline

$(ROBOT)/.installed: pyproject.toml
	$(PYTHON) -m venv $(ROBOT)
	$(ROBOT)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(FULL)/.installed: pyproject.toml
	$(PYTHON) -m venv $(FULL)
	$(FULL)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'  # the first with --group
	$(FULL)/bin/python -m pip install --quiet --editable . --group trainer --group test
	touch $@

clean:  ## remove what was built; environments stay
	rm -rf $(BUILD) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
