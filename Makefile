# make run    install what the app needs and open it on http://127.0.0.1:8501
# make test   install what tests need and run them all
# make lint   ruff, mypy and pip-audit;  make fix  lets ruff repair what it can
# make screenshots   pictures of every page into docs/, by the chromium on the PATH
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile
# pip compiles on one core, and also 100 MB that nothing here imports. That a package ships a file
# for another Python is no failure.
UNUSED := /(tests|kubernetes)/|/transformers/models/(?!auto|bert/)
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '$(UNUSED)' .venv/lib || true

.PHONY: run test lint fix screenshots
.DELETE_ON_ERROR:

run: .venv/.app
	$(BIN)/python -m ui.serve

test: .venv/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/python scripts/audit.py

fix: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: .venv/.dev
	$(BIN)/python scripts/screenshots.py

# A stamp is newer than its requirements exactly when they are installed.
.venv/.app: requirements.txt constraints.txt | $(BIN)/python
	$(PIP) -r requirements.txt
	@$(COMPILE)
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt constraints.txt | $(BIN)/python
	$(PIP) -r requirements-dev.txt
	@$(COMPILE)
	@touch .venv/.app $@

$(BIN)/python:
	$(PYTHON) -m venv .venv
