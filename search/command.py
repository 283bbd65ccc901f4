"""The command `search`: find a set, keep it, and re-score it beside a random search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from reproduce import data, essay
from reproduce.candidate import Candidate
from reproduce.command import (
    RECORDS,
    DataOption,
    DatasetOption,
    JsonOption,
    RecordsOption,
    SeedsOption,
    SplitSeedOption,
    WorkersOption,
    configured,
    progress,
    score_table,
    show,
)
from reproduce.oracle import Oracle
from reproduce.records import Record
from search import proposers
from search import study as studies
from search.pool import Pool
from search.study import SearchConfig

FRESH = 1000  # first of the seeds that no search uses
FRESH_SPLIT = "validation-b"
STORAGE = Path("runs/studies.journal")


@configured(SearchConfig)
def search(
    config: SearchConfig,
    name: Annotated[str, typer.Option(help="Name of the study; the same name resumes it.")] = "s1",
    storage: Annotated[Path, typer.Option(help="Optuna journal file.")] = STORAGE,
    out: Annotated[Path | None, typer.Option(help="Candidate file; else runs/NAME.npz.")] = None,
    seeds: SeedsOption = 10,
    random_sets: Annotated[int, typer.Option(help="Random sets to re-score, too.", min=0)] = 10,
    dataset: DatasetOption = "mnist",
    data_folder: DataOption = None,
    split_seed: SplitSeedOption = 0,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a real subset that trains well, then re-score it on fresh seeds and images."""
    source = data.load(dataset, data_folder, split_seed)
    scout = Oracle(source, workers=workers)
    target = out or Path("runs") / f"{name}.npz"
    found = run_search(scout, config, name, storage)
    found.save(target)
    rivals = [found, *rival_sets(scout, config, name, storage, random_sets)]
    scored = rescore(Oracle(source, records, workers=workers), rivals, config.protocol, seeds)
    title = f"Fresh seeds, {FRESH_SPLIT}; the set is in {target}"
    show(scored, as_json, lambda: score_table(title, scored))


def run_search(oracle: Oracle, config: SearchConfig, name: str, storage: Path) -> Candidate:
    """Run or resume a study with a progress bar; its winner as a candidate."""
    with progress(f"search {config.method}") as update:
        for state in studies.search(oracle, config, name, storage):
            update(state.done, state.trials, f"best {state.best:.2f} %")
    return studies.winner(studies.open_study(name, storage), oracle, config, name)


def rival_sets(
    oracle: Oracle, config: SearchConfig, name: str, storage: Path, random_sets: int
) -> list[Candidate]:
    """What a search has to beat: nearest-mean, a random search of equal budget, random sets."""
    chance = dataclasses.replace(config, method="random", pool=1.0)
    rival = f"{name}-random"
    lucky = run_search(oracle, chance, rival, storage)
    typical = proposers.nearest_mean(Pool.typical(oracle.data.train), config.ipc)
    ordinary = [
        studies.candidate_of(trial, oracle, chance, "random sets")
        for trial in studies.finished(studies.open_study(rival, storage))[:random_sets]
    ]
    return [
        lucky.renamed("random search"),
        essay.real_candidate(oracle.data, typical, name="nearest mean", method="nearest mean"),
        *ordinary,
    ]


def rescore(oracle: Oracle, rivals: Sequence[Candidate], protocol: str, seeds: int) -> list[Record]:
    """Score sets on the seeds and the half of validation that no search has seen."""
    with progress("fresh seeds") as update:
        return oracle.score_many(
            rivals,
            protocol,
            np.arange(FRESH, FRESH + seeds).tolist(),
            FRESH_SPLIT,
            progress=update,
        )
