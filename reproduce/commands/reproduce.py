"""The command `reproduce`: the essay's experiments, beside the published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.commands.options import (
    RECORDS,
    DataChoice,
    FirstSeedOption,
    JsonOption,
    Machine,
    RecordsOption,
    SeedsOption,
    SplitOption,
    configured,
    option,
)
from reproduce.commands.terminal import progress, show_records
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.essay import comparison, draws, experiments, problems
from reproduce.records import Record
from reproduce.summary import score_table
from reproduce.support.table import Table

EXPERIMENTS = (*experiments.EXPERIMENTS, "transfer", "problems", "all")


@dataclass(frozen=True)
class Transfer:
    """The network of the transfer experiment."""

    backbone: str = option("resnet18", "Transfer: the name of a classifier of torchvision.")
    layer: str = option("", "Transfer: a layer's name. Default: what the classifier sees.")
    weights: Path | None = option(None, "Transfer: file of a state dict. Default: a download.")


@configured
def reproduce(
    choice: DataChoice,
    transfer: Transfer,
    machine: Machine,
    experiment: Annotated[
        str, typer.Argument(help=f"{', '.join(EXPERIMENTS)}, or one protocol, as for `score`.")
    ] = "all",
    draw: Annotated[str, typer.Option(help="The essay's draw: table or figures.")] = "table",
    n: Annotated[str, typer.Option(help="Images per class; 0 takes all.")] = "1,5,10",
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    records: RecordsOption = RECORDS,
    as_json: JsonOption = False,
) -> None:
    """Run the essay's experiments and set ours beside the published numbers."""
    sizes = _sizes(n, experiment)
    source = choice.open()
    candidates = [draws.rmnist(source, size, draw) for size in sizes]
    if experiment not in EXPERIMENTS:
        _check_protocol(experiment, candidates[0])
    oracle = machine.oracle(source, records)
    scored: list[Record] = []
    for protocol in _protocols(experiment, source, transfer):
        # Full MNIST under every protocol would take weeks; the essay has it for eight.
        some = [c for c in candidates if c.draw or protocol in experiments.FULL_PROTOCOLS]
        with progress(f"{protocol:<12}") as update:
            replicates = range(first_seed, first_seed + seeds)
            scored += oracle.score_many(some, protocol, replicates, split, progress=update)
    show_records(scored, as_json, published_table(scored, draw))


def _sizes(text: str, experiment: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--n {text!r}: give whole numbers like 1,5,10") from None
    full = (*experiments.FULL, *experiments.FULL_PROTOCOLS)
    if 0 in sizes and experiment not in (*full, "all"):
        known = ", ".join(dict.fromkeys(full))
        raise UserError(f"full MNIST (--n 0) is for {known}; give {experiment} --n 1,5,10")
    return sizes


def _check_protocol(name: str, candidate: Candidate) -> None:
    """UserError for a name that is neither an experiment nor a protocol."""
    try:
        protocols.learner(name, candidate)
    except UserError as error:
        known = ", ".join(EXPERIMENTS)
        raise UserError(f"unknown experiment {name!r}, use one of {known}; or {error}") from None


def _protocols(experiment: str, source: Dataset, transfer: Transfer) -> Iterator[str]:
    """The protocols of an experiment, each once; those that need weights come last."""
    if experiment not in EXPERIMENTS:
        yield experiment
        return
    parts = EXPERIMENTS[:-1] if experiment == "all" else (experiment,)
    backbone, weights = transfer.backbone, transfer.weights
    # Weights that are no good are refused before anything is computed.
    last = problems.essay_transfer(backbone, transfer.layer, weights) if "transfer" in parts else []
    taps = problems.reached(backbone, weights) if "problems" in parts else []
    names = [name for part in parts for name in experiments.EXPERIMENTS.get(part, ())]
    if "problems" in parts:
        names += [name for names in problems.EXPANSIONS.values() for name in names]
    yield from dict.fromkeys(names)
    if "problems" in parts:
        with progress("autoencoder") as update:
            yield from problems.register_autoencoder(source, update)
    yield from last
    if taps:
        with progress(f"{backbone} features") as update:
            yield from dict.fromkeys(problems.register_transfer(taps, source, update))


def published_table(records: Sequence[Record], draw: str) -> Table:
    """Ours beside the published numbers; plain scores where none is published."""
    cells = comparison.compare(records, draw)
    if not cells:
        return score_table(records, "no published numbers for these")
    return comparison.table(cells, "The essay")
