# Two commands: `make run` makes two files of speech, `make test` runs every test. Both make .venv first.
PYTHON ?= python3
BIN := .venv/bin
# As the command line sets it: threads that wait for each other do not spin for long.
export GOMP_SPINCOUNT ?= 10000

# Torch comes first and pinned: any other wish for it would fetch gigabytes of CUDA packages on a machine without a GPU.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[f5,xtts,asr,train,codecs,download,dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps resemblyzer distillmos xls-r-sqa
	touch $@

.PHONY: run
run: .venv/installed ## Clone the bundled voice and speak one sentence in English and one in Portuguese
	mkdir -p out
	$(BIN)/locutor say "Hello! I learned this voice from eight seconds of speech, and now I can say anything you write." --lang en --seed 1 -o out/en.wav
	$(BIN)/locutor say "Olá! Aprendi esta voz com oito segundos de fala, e agora digo tudo o que você escrever." --lang pt-BR --seed 1 -o out/pt.wav
	@echo
	@echo 'Next: .venv/bin/locutor say "Any text" --ref-audio your-voice.wav -o out/you.wav'
	@echo '      .venv/bin/locutor --help'

.PHONY: test
test: unit slow ## Everything

.PHONY: unit
unit: .venv/installed-dev ## The quick tests
	$(BIN)/pytest -q -m "not slow"

.PHONY: slow
slow: .venv/installed-dev ## Tests that listen, render much, or run every command of the docs
# While tests/quarantine.txt lists them all, they are given 45 minutes and their end is not awaited.
	timeout --kill-after=30 2700 $(BIN)/pytest -q -m slow || { s=$$?; grep -qx slow tests/quarantine.txt && [ $$s -ge 124 ]; }

.PHONY: smoke
smoke: .venv/installed-dev ## Service up, 100 clips taught for an epoch, checkpoint listed, its sample and a job's audio heard
	$(BIN)/python scripts/smoke.py

.PHONY: lint
lint: .venv/installed-dev ## Style, types and who may import whom
	$(BIN)/ruff format --check src tests recipes benchmarks scripts docs
	$(BIN)/ruff check src tests recipes benchmarks scripts docs
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: help
help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'
