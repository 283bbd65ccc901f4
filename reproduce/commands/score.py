"""The command `score`: the oracle scores candidate files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reproduce import protocols
from reproduce.commands.options import (
    RECORDS,
    DataChoice,
    FirstSeedOption,
    JsonOption,
    RecordsOption,
    SeedsOption,
    SplitOption,
    WorkersOption,
    configured,
    load_candidates,
)
from reproduce.commands.terminal import progress, show_records
from reproduce.oracle import Fidelity, Oracle
from reproduce.summary import score_table


@configured
def score(
    choice: DataChoice,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    protocol: Annotated[str, typer.Option(help=", ".join(protocols.names()))] = "conv",
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    images: Annotated[
        int | None,
        typer.Option(help="Score on N images of the split, a stratified subset.", min=1),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Train for at most N epochs.", min=1)] = None,
    again: Annotated[
        bool, typer.Option(help="Compute anew also scores that are on record.")
    ] = False,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score candidate files with the oracle and show every accuracy, or their mean."""
    candidates = load_candidates(files)
    source = choice.open_for(candidates)
    oracle = Oracle(source, records, workers=workers)
    for candidate in candidates:
        oracle.plan_of(candidate, protocol, epochs)  # before anything is computed
    with progress(f"score {protocol}") as update:
        scored = oracle.score_many(
            candidates,
            protocol,
            range(first_seed, first_seed + seeds),
            split,
            fidelity=Fidelity(images, epochs),
            again=again,
            progress=update,
        )
    show_records(scored, as_json, score_table(scored, f"{source.name}, {protocol}"))
