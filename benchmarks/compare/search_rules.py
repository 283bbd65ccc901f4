"""Simple rules: the sets that they choose from the whole training split, scored alike.

`python -m benchmarks.compare.search_rules --ipc 1` writes
`results/benchmarks/search-rules-ipc1.json`, set by set; the same command goes on. Rules that draw
at random choose a set for each draw.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.rows import Rows, chosen
from reproduce import Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured
from search import METHODS, SearchConfig, rivals
from search.finalists import REPORTS
from search.seeds import FRESH

SCORES = Path("runs/search-rules.jsonl")
RULES = [name for name, method in METHODS.items() if method.pure]


@configured
def rules(
    choice: DataChoice,
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    protocol: Annotated[str, typer.Option(help="Protocol of the scores.")] = "conv",
    draws: Annotated[int, typer.Option(help="Draws of each rule.", min=1)] = 5,
    networks: Annotated[int, typer.Option(help="Networks for each draw.", min=1)] = 4,
    only: Annotated[str, typer.Option(help="Rules, separated by semicolons. Default: all.")] = "",
    workers: WorkersOption = None,
) -> None:
    """Score the sets of rules on validation-b, every draw with other seeds."""
    data = choice.open()
    oracle = Oracle(data, SCORES, workers=workers)
    common = {"ipc": ipc, "protocol": protocol, "networks": networks, "dataset": data.title}
    rows = Rows(f"search-rules-ipc{ipc}", **common)
    for draw, rule in itertools.product(range(draws), chosen(only, RULES)):
        if rows.has(rule=rule, draw=draw):
            continue
        begun = time.perf_counter()
        (found,) = rivals.rule_sets(oracle, SearchConfig(ipc=ipc, seed=draw), [rule])
        seconds = time.perf_counter() - begun
        seeds = FRESH[draw * networks : (draw + 1) * networks]
        scored = oracle.score(found, protocol, seeds, REPORTS)
        accuracies = [record["accuracy"] for record in scored]
        rows.add(rule=rule, draw=draw, seconds=seconds, set=found.hash, accuracies=accuracies)


if __name__ == "__main__":
    run(application(rules, help="Compare the simple rules."))
