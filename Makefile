# Thin: each target is what a person could type. `make prove` needs Python 3.11+, git and make; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TARGET ?= lab

.PHONY: prove host test slow lint sabotage host-sabotage bench lock clean

prove: $(VENV)/.run
	@$(BIN)/python tools/prove.py --target $(TARGET)

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -m "not slow"

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

host: $(VENV)/.run
	@$(BIN)/python tools/prove.py --target $(or $(HOST),db01)

host-sabotage: $(VENV)/.run
	$(BIN)/python tools/host_matrix.py

sabotage: $(VENV)/.run
	$(BIN)/python tools/sabotage_matrix.py

bench: $(VENV)/.run
	$(BIN)/python tools/benchmark_chain.py

lock: $(VENV)/.dev
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command 'make lock' run.in -o run.txt
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command 'make lock' dev.in -o dev.txt

clean:
	rm -rf $(VENV) build dist

$(VENV)/.run: requirements/run.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/run.txt
	touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/dev.txt
	touch $(VENV)/.run $@
