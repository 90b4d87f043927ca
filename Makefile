# make demo    the whole pipeline on the bundled capture
# make test    lint, format checks and the whole test suite
# make lint    lint and format checks alone
# make clean   take away what the pipeline computed (results, logs, benchmarks); .venv stays
#
# Everything runs in .venv, which is set up first. Another interpreter for it: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALL := UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}" $(BIN)/uv pip install --quiet --python $(BIN)/python \
	--override envs/overrides.txt
OLD_PYTHON = nerfkit needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true). \
	Name another one: make PYTHON=python3.12

.PHONY: demo test lint clean

demo: .venv/.ready
	$(BIN)/snakemake --cores all scene=demo --configfile data/demo/config.yaml
	$(BIN)/snakemake --cores all scene=demo --configfile data/demo/config.yaml --report results/demo/report.html --quiet
	@echo
	@echo "The place without the object:"
	@echo "  video    results/demo/default/seed0/video/video.mp4"
	@echo "  metrics  results/demo/default/seed0/metrics/metrics.json"
	@echo "  report   results/demo/report.html"

test: .venv/.ready-dev
	$(BIN)/python -m pytest

lint: .venv/.ready-dev
	$(BIN)/python -m pytest tests/workflow/test_lint.py

clean:
	rm -rf results logs benchmarks .snakemake scene=* object=*

.venv/.ready: envs/requirements.txt envs/overrides.txt | $(BIN)/uv
	$(INSTALL) -r envs/requirements.txt
	touch $@

.venv/.ready-dev: envs/requirements.txt envs/requirements-dev.txt envs/overrides.txt | $(BIN)/uv
	$(INSTALL) -r envs/requirements-dev.txt
	touch $@ .venv/.ready

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { echo "$(OLD_PYTHON)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv==0.13.8
