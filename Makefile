# Each target does all its own set-up; it needs make, git and Python 3.11 with venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test judges clean
.DEFAULT_GOAL := demo

$(READY): setup.cfg pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,plot]'
	touch $@

demo: $(READY)
	$(BIN)/python -m gateway demo --out demo-out $(if $(AUDIO),--audio)

# Everything that such a machine can: style, types, import rules, tests.
test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -m 'not judge' -n auto --dist loadfile

# What needs programs of Debian's; `.ci/run` lists and installs them.
judges: $(VENV)/.audio
	$(BIN)/python -m pytest -m judge

$(VENV)/.audio: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pyaudio>=0.2.14'
	touch $@

clean:
	rm -rf $(VENV) demo-out build *.egg-info
