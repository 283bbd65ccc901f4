"""The command `reproduce`: the essay's experiments, beside the published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    RecordsOption,
    SeedsOption,
    SplitOption,
    WorkersOption,
    configured,
)
from reproduce.commands.terminal import progress, show_records
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.essay import comparison, draws, problems
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import score_table
from reproduce.support.table import Table

EXPERIMENTS = (*draws.EXPERIMENTS, "transfer", "problems", "all")


@configured
def reproduce(
    choice: DataChoice,
    experiment: Annotated[
        str, typer.Argument(help=f"{', '.join(EXPERIMENTS)}, or one protocol, as of `score`.")
    ] = "all",
    draw: Annotated[str, typer.Option(help="table or figures.")] = "table",
    n: Annotated[str, typer.Option(help="Images per class, 0 is all of them.")] = "1,5,10",
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    backbone: Annotated[
        str, typer.Option(help="Transfer: any of torchvision's classifiers.")
    ] = "resnet18",
    layer: Annotated[str, typer.Option(help="Transfer: else what the classifier sees.")] = "",
    weights: Annotated[
        Path | None, typer.Option(help="Transfer: file of a state dict; else a download.")
    ] = None,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the essay's experiments and set ours beside the published numbers."""
    sizes = _sizes(n)
    if 0 in sizes and experiment not in (*draws.FULL, *draws.FULL_PROTOCOLS, "all"):
        known = ", ".join(dict.fromkeys((*draws.FULL, *draws.FULL_PROTOCOLS)))
        raise UserError(f"full MNIST (--n 0) is for {known}; give {experiment} --n 1,5,10")
    source = choice.open()
    candidates = [draws.rmnist(source, size, draw) for size in sizes]
    if experiment not in EXPERIMENTS:
        _check_protocol(experiment, candidates[0])
    oracle = Oracle(source, records, workers=workers)
    seeds_asked = range(first_seed, first_seed + seeds)
    scored: list[Record] = []
    for protocol in _protocols(experiment, source, backbone, layer, weights):
        # Full MNIST under every protocol would take weeks; the essay has it for eight.
        asked = [c for c in candidates if c.draw or protocol in draws.FULL_PROTOCOLS]
        with progress(f"{protocol:<12}") as update:
            scored += oracle.score_many(asked, protocol, seeds_asked, split, progress=update)
    show_records(scored, as_json, published_table(scored, draw))


def _check_protocol(name: str, candidate: Candidate) -> None:
    """UserError where a name is neither an experiment's nor a protocol's."""
    try:
        protocols.learner(name, candidate)
    except UserError as error:
        known = ", ".join(EXPERIMENTS)
        raise UserError(f"unknown experiment {name!r}, use one of {known}; or {error}") from None


def _protocols(
    experiment: str, source: Dataset, backbone: str, layer: str, weights: Path | None
) -> Iterator[str]:
    """The protocols of an experiment, each once; what needs weights comes last."""
    if experiment not in EXPERIMENTS:
        yield experiment
        return
    wanted = EXPERIMENTS[:-1] if experiment == "all" else (experiment,)
    names: list[str] = []
    for part in wanted:
        if part in draws.EXPERIMENTS:
            names += draws.EXPERIMENTS[part]
        elif part == "problems":
            names += [name for problem in problems.EXPANSIONS for name in problem.protocols]
    yield from dict.fromkeys(names)
    if "problems" in wanted:
        with progress("autoencoder") as update:
            yield from problems.register_autoencoder(source, update)
    if "transfer" in wanted:
        yield from problems.essay_transfer(backbone, layer, weights)
    if "problems" in wanted:
        with progress(f"{backbone} features") as update:
            yield from dict.fromkeys(problems.register_transfer(backbone, weights, source, update))


def published_table(records: Sequence[Record], draw: str) -> Table:
    """Ours ± standard error beside the published numbers; plain scores where none is published."""
    cells = comparison.compare(records, draw)
    if not cells:
        return score_table(records, "no published numbers for these")
    rows = [
        [
            f"RMNIST/{cell.published.ipc} {cell.draw}" if cell.published.ipc else "MNIST",
            cell.published.protocol,
            f"{cell.published.accuracy:.2f}",
            cell.ours,
            f"{cell.ours.sd:.2f}" if cell.ours.n > 1 else "–",
            cell.ours.n,
            cell.verdict,
        ]
        for cell in cells
    ]
    head = ["set", "protocol", "published", "ours", "sd", "n", "verdict"]
    return Table(head, rows, "The essay")


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--n {text!r}: give whole numbers like 1,5,10") from None
