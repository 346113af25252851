# One command each: `make demo` shows what Lilliput does, `make test` runs what CI runs.
# PYTHON=… names another Python (3.11 or newer), CC=… another C compiler.

.DEFAULT_GOAL := help
.PHONY: help demo test test-exact test-slow fuzz lint format docs bench fit-cycles clean

BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
JOBS ?= 2
FUZZ_SECONDS ?= 1800
# Compiled for good: with -fsyntax-only no compiler says what is unused, nor what only an optimizer sees.
C_CHECK := -std=c99 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -c -o /dev/null
CPPCHECK := --quiet --error-exitcode=1 --std=c99 --inline-suppr --enable=warning,performance,portability \
    --check-level=exhaustive --suppress=missingIncludeSystem
RUNTIME_C := $(wildcard src/lilliput/runtime/*.c)
RUNTIME_H := $(wildcard src/lilliput/runtime/*.h)
FIRMWARE_C := $(wildcard src/lilliput/measure/*/*.c src/lilliput/measure/*/*.h)
# Kernels for a core's own instructions are only seen by a compiler for such a core.
ARM_GCC := $(shell command -v arm-none-eabi-gcc)
compile_all = printf '%s\n' $(RUNTIME_C) | xargs -P $(JOBS) -I{} $(1) $(C_CHECK) {}
export PYTHON CC

help:
	@echo 'make demo        data in the box -> a search -> C measured on an emulated Cortex-M4, with a report'
	@echo 'make test        the test suite that CI runs'
	@echo 'make test-exact  300 random networks: reference = host C = emulated C, byte for byte'
	@echo 'make test-slow   the tests that take minutes each'
	@echo 'make fuzz        coverage-guided fuzzing of all readers of files; FUZZ_SECONDS=1800'
	@echo 'make lint        ruff, mypy --strict, clang-format, cppcheck, cc with all warnings'
	@echo 'make format      rewrites Python and C in the house format'
	@echo 'make docs        writes docs/configuration.md; checks links, commands and examples in all pages'
	@echo 'make bench       benchmarks; prints machine, versions, seed and ratios'
	@echo 'make fit-cycles  measures kernels anew: code sizes and cycles that costs are predicted from'
	@echo 'make clean       removes everything that these commands made, .venv included'

demo:
	@tools/environment.sh run
	@$(BIN)/lilliput demo -o demo-run $(if $(wildcard demo-run),--resume)

test:
	@tools/environment.sh dev
	$(PYTEST) -n $(JOBS) --dist loadgroup -m "not slow"

test-exact:
	@tools/environment.sh dev
	LILLIPUT_EXACT_NETS=300 $(PYTEST) -n $(JOBS) --dist loadgroup -m exact

test-slow:
	@tools/environment.sh dev
	$(PYTEST) -n $(JOBS) --dist loadgroup -m slow

fuzz:
	@tools/environment.sh dev
	$(BIN)/python -m tests.fuzz.run $(FUZZ_SECONDS)

lint:
	@tools/environment.sh dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(RUNTIME_C)$(FIRMWARE_C),$(BIN)/clang-format --dry-run -Werror $(RUNTIME_C) $(RUNTIME_H) $(FIRMWARE_C))
	$(if $(RUNTIME_C),$(BIN)/cppcheck $(CPPCHECK) $(RUNTIME_C))
	$(call compile_all,$(or $(CC),cc))
	$(if $(ARM_GCC),$(call compile_all,$(ARM_GCC) -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16))
	$(if $(ARM_GCC),$(call compile_all,$(ARM_GCC) -mcpu=cortex-m0plus -mthumb))
	$(if $(ARM_GCC),$(call compile_all,$(ARM_GCC) -mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16))
	$(if $(ARM_GCC),$(call compile_all,$(ARM_GCC) -mcpu=cortex-m55 -mthumb -mfloat-abi=hard))

format:
	@tools/environment.sh dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(RUNTIME_C)$(FIRMWARE_C),$(BIN)/clang-format -i $(RUNTIME_C) $(RUNTIME_H) $(FIRMWARE_C))

docs:
	@tools/environment.sh dev
	$(BIN)/python tools/configuration_reference.py
	$(PYTEST) -q tests/test_docs.py

bench:
	@tools/environment.sh bench
	$(BIN)/python benchmarks/run.py

fit-cycles:
	@tools/environment.sh dev
	$(BIN)/python benchmarks/fit_cost.py

clean:
	rm -rf .venv .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo-run src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
