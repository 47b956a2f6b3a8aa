# Two commands for everyone: `make demo` and `make test`. Each sets up .venv by itself from python3 and a C compiler.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUFF := ruff==0.17.6
CLANG_FORMAT := clang-format==23.1.5
C_FILES := $(shell find src_c -name '*.c' -o -name '*.h')
BUILD_INPUTS := pyproject.toml setup.py $(wildcard fastconv/*.pyx) $(C_FILES) $(wildcard src_c/kernels/*.def)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONUTF8 = 1

.PHONY: demo test lint bench-smoke clean

demo: $(VENV)/.demo
	$(BIN)/fastconv train digits --out demo

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

bench-smoke: $(VENV)/.test
	$(BIN)/python bench/compare.py --quick
	$(BIN)/python bench/train.py --quick --networks cifar10

clean:
	rm -rf $(VENV) build *.egg-info fastconv/*.so fastconv/_core.c

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fastconv needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# The package stands in the tree (editable) with its extension built beside it; a stamp is redone when the C changes.
$(VENV)/.demo: $(BUILD_INPUTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[data,plot,progress,scipy]'
	touch $@

$(VENV)/.test: $(BUILD_INPUTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.lint: Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet '$(RUFF)' '$(CLANG_FORMAT)'
	touch $@
