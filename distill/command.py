"""The command `distill`: learn a set, save it, and score it by its own recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import joblib
import typer

from distill import history as histories
from distill import validation
from distill.config import DistillConfig
from distill.distiller import Distiller
from reproduce.commands.options import (
    RECORDS,
    DataChoice,
    JsonOption,
    RecordsOption,
    SeedsOption,
    WorkersOption,
    configured,
)
from reproduce.commands.terminal import progress, say, show_records
from reproduce.data import Dataset
from reproduce.oracle import Oracle
from reproduce.summary import score_table
from reproduce.support.text import checked_name
from reproduce.support.threads import torch_threads


@configured
def distill(
    config: DistillConfig,
    choice: DataChoice,
    name: Annotated[str, typer.Option(help="Name of the run; the same name resumes it.")] = "d1",
    out: Annotated[
        Path | None, typer.Option(help="Candidate file to write. Default: runs/NAME.npz.")
    ] = None,
    seeds: SeedsOption = 5,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of each process. Default: one for each physical core.", min=1, max=1000
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Distil a synthetic set, then score it on the half of validation that chose nothing.

    Ctrl-C saves the best set so far, and the same command continues the run. For several GPUs or
    processes start `torchrun --nproc-per-node N -m distill ...` with --nets a multiple of N.
    """
    checked_name(name)
    source = choice.open()
    target = out or Path("runs") / f"{name}.npz"
    checkpoint = Path("runs") / f"{name}.checkpoint"
    distiller = run_distillation(source, config, name, checkpoint, target, threads)
    if distiller.rank:
        return
    candidate = distiller.candidate()
    candidate.save(target)
    oracle, scored = Oracle(source, records, workers=workers), []
    for member in distiller.panel:
        with progress(f"fresh learners, {member.name}") as update:
            scored += oracle.score(
                candidate, member.protocol, range(seeds), validation.FRESH, progress=update
            )
    show_records(scored, as_json, score_table(scored, f"The set is in {target}"))


def run_distillation(
    source: Dataset,
    config: DistillConfig,
    name: str,
    checkpoint: Path,
    kept: Path | None = None,
    threads: int | None = None,
) -> Distiller:
    """Run or resume a distillation with a progress bar, to its end.

    Parameters
    ----------
    source : Dataset
    config : DistillConfig
    name : str
        Of the candidate.
    checkpoint : Path
        File of the run's state. Beside it a history of the validations is written.
    kept : Path or None
        File to which Ctrl-C saves the best set so far.
    threads : int or None
        Threads of torch; None: as many as `all_threads` says.
    """
    history, earlier = checkpoint.with_suffix(histories.ENDING), histories.before(config.start)
    with torch_threads(threads or all_threads()):
        distiller = Distiller(source, config, name)
        try:
            if distiller.stages and distiller.rank == 0:
                say(distiller.expectation(), stderr=True)
            _with_progress(distiller, checkpoint)
        except KeyboardInterrupt:
            if kept and distiller.progress.step and distiller.rank == 0:
                distiller.candidate().save(kept)
                histories.write(distiller, history, earlier)
                say(f"The best set so far is in {kept}.", stderr=True)
            raise
        histories.write(distiller, history, earlier)
    return distiller


def all_threads() -> int:
    """Threads of a process: one for each physical core, shared by the processes of a machine."""
    cores: int = joblib.cpu_count(only_physical_cores=True)
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _with_progress(distiller: Distiller, checkpoint: Path) -> None:
    """Run to the end; the first process shows how far it is."""
    states = distiller.run(checkpoint)
    if distiller.rank:
        for _ in states:
            pass
        return
    config, noted = distiller.config, ""
    with progress(f"distil {config.method}") as update:
        for state in states:
            now = state.progress
            if config.steps:
                update(now.step, config.steps, now.summary())
            else:
                update(round(now.seconds), round(60 * (config.minutes or 0)), now.summary())
            if now.note != noted:
                noted = now.note
                say(noted, stderr=True)
