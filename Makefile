# The two commands are `make demo` and `make test`; each builds .venv when it is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test report venv lint check-published bench-oracle bench-proxies clean

demo: venv
	$(BIN)/supertrainer demo

test: venv
	$(BIN)/pytest

# The page of all results, in report/index.html.
report: venv
	$(BIN)/supertrainer report results --out report

# One line for each published number; `make check-published FULL=--full-mnist` takes hours.
check-published: venv
	$(BIN)/pytest -m published -s $(FULL)

# Speed of the oracle against a plain loop, and how well the proxies rank; minutes each.
bench-oracle: venv
	$(BIN)/python -m benchmarks.bench_oracle

bench-proxies: venv
	$(BIN)/python -m benchmarks.bench_proxies

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

venv: .venv/built

.venv/built: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e ".[dev]" -c constraints.txt
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
