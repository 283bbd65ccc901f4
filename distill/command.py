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
from distill.estimate import expectation
from distill.starts import class_means
from reproduce.candidate import Candidate
from reproduce.commands.options import (
    RECORDS,
    WHERE,
    DataChoice,
    DeviceOption,
    JsonOption,
    RecordsOption,
    SeedsOption,
    WorkersOption,
    configured,
)
from reproduce.commands.terminal import progress, say, show_records
from reproduce.data import Dataset
from reproduce.duel import duel
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import score_table
from reproduce.support.files import check_writable
from reproduce.support.text import checked_name
from reproduce.support.threads import torch_threads

ThreadsOption = Annotated[
    int | None,
    typer.Option(
        help="Threads of each process. Default: one for each physical core.",
        min=1,
        max=1000,
        rich_help_panel=WHERE,
    ),
]


@configured
def distill(
    choice: DataChoice,
    config: DistillConfig,
    name: Annotated[
        str,
        typer.Option(help="Name of the run; the same name resumes it.", rich_help_panel=WHERE),
    ] = "d1",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Candidate file to write. Default: runs/NAME.npz.", rich_help_panel=WHERE
        ),
    ] = None,
    seeds: SeedsOption = 5,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
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
    oracle = Oracle(source, records, workers=workers, device=device, memory=config.memory)
    distiller = run_distillation(source, config, name, checkpoint, target, threads, oracle, seeds)
    if distiller.rank:
        return
    candidate = distiller.candidate()
    candidate.save(target)
    scored, verdicts = final_scores(distiller, candidate, oracle, seeds)
    show_records(scored, as_json, score_table(scored, f"The set is in {target}"))
    if not as_json:
        say(*verdicts)


def final_scores(
    distiller: Distiller, candidate: Candidate, oracle: Oracle, seeds: int
) -> tuple[list[Record], list[str]]:
    """Scores of a set and of its classes' means, and a sentence on both for each learner."""
    rival = class_means(distiller.learned, candidate)
    sets = [candidate, rival][: 2 if rival.hash != candidate.hash else 1]
    scored: list[Record] = []
    verdicts = []
    for member in distiller.panel:
        with progress(f"fresh learners, {member.name}") as update:
            found = oracle.score_many(
                sets, member.protocol, range(seeds), validation.FRESH, progress=update
            )
        scored += found
        if len(sets) > 1:  # but where means are all that was asked for
            half = len(found) // 2
            words = f" ({member.name})" if len(distiller.panel) > 1 else ""
            verdicts.append(f"{duel(found[:half], found[half:])}{words}")
    return scored, verdicts


def run_distillation(
    source: Dataset,
    config: DistillConfig,
    name: str,
    checkpoint: Path,
    kept: Path | None = None,
    threads: int | None = None,
    oracle: Oracle | None = None,
    seeds: int = 0,
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
    oracle, seeds : Oracle or None, int
        What scores the set in the end, and by how many networks; both count in the estimate of the
        time. The oracle's device is that of the run.
    """
    history, earlier = checkpoint.with_suffix(histories.ENDING), histories.before(config.start)
    for path in filter(None, (history, kept)):
        check_writable(path)
    if oracle:
        oracle.ledger.check_writable()
        source.split(validation.FRESH)
    with torch_threads(threads or all_threads()):
        device = oracle.device if oracle else "auto"
        distiller = Distiller(source, config, name, device, checkpoint)
        try:
            if distiller.stages:
                words = expectation(distiller, seeds, 2, oracle.workers if oracle else 1)
                say(*[words] if distiller.rank == 0 else [], stderr=True)
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
    if distiller.rank or not distiller.stages:
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
