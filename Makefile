# Two commands: `make run` makes two files of speech, `make test` runs every test. Both make .venv first.
PYTHON ?= python3
BIN := .venv/bin
# As the command line sets it: threads that wait for each other do not spin for long.
export GOMP_SPINCOUNT ?= 10000
# Tests run in a process for each core, up to four; each file of tests stays in one.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile

# Torch comes first and pinned, so that no other wish for it brings another build. TORCH_INDEX: where it comes from; on
# Linux pip's own index has the build for CUDA, of several gigabytes.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

# PyTorch for CUDA brings its own; beside one for the CPU this one's interpreter runs the GPU kernels' tests.
TRITON := triton==3.7.1; sys_platform == "linux"
.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[f5,xtts,asr,train,codecs,download,dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps resemblyzer distillmos xls-r-sqa
	$(BIN)/python -c 'import triton' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps '$(TRITON)'
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
	$(PYTEST) -m "not slow"

# Only to check and test the studio's scripts: TypeScript, and axe, which looks for barriers on the pages.
NODE := $(if $(shell command -v npm),node_modules/.package-lock.json)
node_modules/.package-lock.json: package-lock.json
	npm ci --silent --no-audit --no-fund
	touch $@

.PHONY: slow
slow: .venv/installed-dev $(NODE) ## Tests that listen, render much, drive a browser, or run every command of the docs
	$(PYTEST) -m slow

.PHONY: smoke
smoke: .venv/installed-dev ## Service up, 100 clips taught for an epoch, checkpoint listed, its sample and a job's audio heard
	$(BIN)/python scripts/smoke.py

.PHONY: lint
lint: .venv/installed-dev $(NODE) ## Style, types and who may import whom
	$(BIN)/ruff format --check src tests recipes benchmarks scripts docs
	$(BIN)/ruff check src tests recipes benchmarks scripts docs
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(if $(NODE),npm run --silent check)

PO := src/locutor/i18n/locales/pt_BR/LC_MESSAGES/locutor.po
.PHONY: words
words: .venv/installed-dev ## Bring the catalogue of translations up to date, and compile it
	@mkdir -p out
	$(BIN)/pybabel --quiet extract --mapping-file babel.cfg --keywords t:1 --no-location --sort-output --output-file out/locutor.pot .
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --no-wrap --input-file out/locutor.pot --output-file $(PO) --locale pt_BR
	$(BIN)/pybabel --quiet compile --input-file $(PO) --output-file $(PO:.po=.mo)

.PHONY: screenshots
screenshots: .venv/installed-dev ## Pictures of every page of the studio into out/screenshots, six of them into docs/screenshots
	$(BIN)/python scripts/screenshots.py

.PHONY: help
help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'
