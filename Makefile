# The two commands are `make demo` and `make test`; each builds .venv when it is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test fuzz report venv lint check-published bench-oracle bench-proxies bench-search \
	bench-distill bench-scaling tune-best clean

demo: venv
	$(BIN)/supertrainer demo

# A process a core, each of one thread.
test: export OMP_NUM_THREADS = 1
test: venv
	$(BIN)/pytest -n auto --dist worksteal

# 10,000 mutated files of every format that is read; the suite tries 300.
fuzz: venv
	$(BIN)/pytest -n auto -m fuzz --hypothesis-profile=fuzz

# The page of all results, in report/index.html.
report: venv
	$(BIN)/supertrainer report results --out report

# One line for each published number; `make check-published FULL=--full-mnist` takes hours.
check-published: venv
	$(BIN)/pytest -m published -s $(FULL)

# Speed of the oracle against a plain loop, what compiling gains, and how well the proxies rank; minutes each.
bench-oracle: venv
	$(BIN)/python -m benchmarks.speed.oracle
	$(BIN)/python -m benchmarks.speed.essay_net

bench-proxies: venv
	$(BIN)/python -m benchmarks.speed.proxies

# Variants of `best` on random draws; takes long, the same command goes on where it was stopped.
tune-best: venv
	$(BIN)/python -m benchmarks.compare.best

# What distillation costs, and minutes to accuracies beside the peers' plain loops; a quarter of an hour.
bench-distill: venv
	$(BIN)/python -m benchmarks.speed.distillation
	$(BIN)/python -m benchmarks.speed.distill_peers

# Seconds and memory of scores and of a search as work grows; minutes.
bench-scaling: venv
	$(BIN)/python -m benchmarks.speed.scaling

# How well the search's proxy ranks, its stages' speed, and its batches against a plain loop.
bench-search: venv
	$(BIN)/python -m benchmarks.speed.search rank
	$(BIN)/python -m benchmarks.speed.search stages
	$(BIN)/python -m benchmarks.speed.search swap

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
