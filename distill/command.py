"""The command `distill`: learn a set, keep it, and score it by its own recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from distill import distiller
from distill.distiller import DistillConfig
from reproduce import data
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
from reproduce.data import Dataset
from reproduce.oracle import Oracle


@configured(DistillConfig)
def distill(
    config: DistillConfig,
    name: Annotated[str, typer.Option(help="Name of the run; the same name resumes it.")] = "d1",
    out: Annotated[Path | None, typer.Option(help="Candidate file; else runs/NAME.npz.")] = None,
    seeds: SeedsOption = 5,
    dataset: DatasetOption = "mnist",
    data_folder: DataOption = None,
    split_seed: SplitSeedOption = 0,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Distil a synthetic set by gradient through training, then score it on validation."""
    source = data.load(dataset, data_folder, split_seed)
    target = out or Path("runs") / f"{name}.npz"
    candidate = run_distillation(source, config, name, Path("runs") / f"{name}.checkpoint")
    candidate.save(target)
    oracle = Oracle(source, records, workers=workers)
    with progress("fresh networks") as update:
        scored = oracle.score(candidate, "own", range(seeds), progress=update)
    show(scored, as_json, lambda: score_table(f"The set is in {target}", scored))


def run_distillation(
    source: Dataset, config: DistillConfig, name: str, checkpoint: Path
) -> Candidate:
    """Run or resume a distillation with a progress bar; the learned set as a candidate."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small networks are fastest so, and the result repeats exactly
    try:
        with progress("distil") as update:
            for state in distiller.distill(source, config, checkpoint):
                note = f"loss {state.loss:.3f}, gradient {state.gradient_norm:.2g}"
                update(state.step, state.steps, note)
    finally:
        torch.set_num_threads(threads)
    return distiller.finished_candidate(state, source, config, name)
