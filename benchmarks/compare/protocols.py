"""Searched sets, and those of simple rules, under protocols that no search has used.

`python -m benchmarks.compare.protocols FILE...` appends to `results/records/cross-protocol.jsonl`,
on the half of validation and on seeds that no search has used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reproduce import Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured, load_candidates
from reproduce.commands.terminal import progress, show_records
from reproduce.records import Record
from reproduce.summary import score_table
from search import finalists
from search.rivals import simple_sets

OUT = Path("results/records/cross-protocol.jsonl")
PROTOCOLS = "knn,svm-rbf,forest,mlp,conv,conv-shift1,conv-shift2,convnet,best"


@configured
def cross(
    choice: DataChoice,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    seeds: Annotated[int, typer.Option(help="Networks for each set and protocol.", min=1)] = 5,
    protocols: Annotated[str, typer.Option(help="Protocols, separated by commas.")] = PROTOCOLS,
    rivals: Annotated[
        bool, typer.Option(help="Score the sets of the essay and of simple rules, too.")
    ] = True,
    records: Annotated[Path, typer.Option(help="File of records.")] = OUT,
    workers: WorkersOption = None,
) -> None:
    """Score the sets, and with them sets of the essay and of simple rules of the same sizes."""
    candidates = load_candidates(files)
    data = choice.open_for(candidates)
    oracle = Oracle(data, records, workers=workers)
    if rivals:
        for ipc in sorted({round(candidate.ipc) for candidate in candidates}):
            candidates += simple_sets(data, ipc)
    once = finalists.once(candidates)
    scored: list[Record] = []
    for protocol in protocols.split(","):
        with progress(protocol) as update:
            scored += finalists.rescore(oracle, once, protocol, seeds, update)
    show_records(scored, False, score_table(scored, "Other protocols"))


if __name__ == "__main__":
    run(application(cross, help="Score searched sets under other protocols."))
