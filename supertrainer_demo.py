"""The command `demo`: the whole pipeline in a few minutes."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from analysis.figures.pictures import grid_text, shades_of
from analysis.measure.commands import write_sample
from analysis.page.report import write_report
from analysis.results import collect
from distill import validation
from distill.command import run_distillation
from distill.config import DistillConfig
from reproduce.candidate import Candidate
from reproduce.commands.options import DataChoice, JsonOption, Machine, configured
from reproduce.commands.terminal import progress, say, show_records
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.essay import draws, experiments
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import score_table
from reproduce.support.text import safe_name
from search.command import Place, check, chosen, rescore, rival_sets, run_search
from search.config import SearchConfig
from search.finalists import Final, once
from search.task import Task

DEMO_SEARCH = SearchConfig(method="staged", budget="18", batch=6, search_seeds=4)
DEMO_FINAL = Final(seeds=5, tops=5, random_sets=5)
DEMO_DIGITS = 200  # validation digits that the page lets its network read
DEMO_DISTILL = DistillConfig(method="krr", steps=1600, width=24, inner_steps=60, checks=2)


@configured
def demo(
    choice: DataChoice,
    machine: Machine,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write to. Default: runs/demo; of other data runs/demo-DATA."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline in a few minutes: reproduce, search, distil, score, report."""
    source = opened(choice)
    out = out or folder_of(source)
    task = Task(machine.oracle(source), DEMO_SEARCH)
    oracle = machine.oracle(source, out / "records.jsonl")
    journal = out / "studies.journal"
    check(task, oracle, DEMO_FINAL, Place("searched", str(journal), out / "searched.npz"))
    records = demo_essay(oracle)
    study = run_search(task, "searched", journal)
    found = chosen(study, task, oracle, DEMO_FINAL)
    run = run_distillation(
        source, distillation(machine), "distilled", out / "distilled.checkpoint", oracle=oracle
    )
    distilled = run.candidate()
    at_random = draws.rmnist(source, 1)  # races against the others on the page
    for name, candidate in {"random": at_random, "searched": found, "distilled": distilled}.items():
        candidate.save(out / f"{name}.npz")
    sets = once([found, *rival_sets(task, oracle, DEMO_FINAL, "searched", journal)])
    records += rescore(oracle, sets, DEMO_SEARCH.protocol, DEMO_FINAL.replicates)
    with progress("distilled") as update:
        records += oracle.score(distilled, "own", range(5), validation.FRESH, progress=update)
    write_sample(out / "analysis", source, DEMO_DIGITS)
    page = write_report(out / "report", collect([out]), title=f"Demo on {source.name}")
    show_records(records, as_json, score_table(records, f"Demo on {source.name}"))
    if not as_json:
        print_sets([found, distilled], page)


def opened(choice: DataChoice) -> Dataset:
    """The data that the user names, where the demo's draws can be made from it.

    Where nothing is named and MNIST is not available, it is the bundled digits, with a note on
    standard error.

    Raises
    ------
    UserError
        When the named data is not there, or a class of it is too small.
    """
    try:
        data = choice.open()
    except UserError as error:
        if choice != DataChoice():
            raise
        note = f"{error}.\nThe demo goes on with scikit-learn's bundled digits instead of MNIST."
        say(note, stderr=True)
        data = DataChoice("digits").open()
    smallest, needed = int(np.bincount(data.train.labels).min()), max(draws.ESSAY_SIZES)
    if smallest < needed:
        raise UserError(
            f"{data.name}: a class has {smallest} training images, and the demo draws {needed} of "
            "each; give data with more, or use `supertrainer search --ipc 1` alone"
        )
    return data


def folder_of(data: Dataset) -> Path:
    """Where the demo writes unless told otherwise: each dataset has a folder of its own."""
    return Path("runs") / ("demo" if data.name == "mnist" else f"demo-{safe_name(data.name)}")


def distillation(machine: Machine) -> DistillConfig:
    """The demo's distillation, in no more memory than the machine may give."""
    return dataclasses.replace(DEMO_DISTILL, memory=min(DEMO_DISTILL.memory, machine.memory))


def demo_essay(oracle: Oracle) -> list[Record]:
    """Scores of the essay's baselines on RMNIST/1, /5 and /10, and of its conv net on RMNIST/1."""
    sets = [draws.rmnist(oracle.data, ipc) for ipc in draws.ESSAY_SIZES]
    records = []
    for protocol in experiments.EXPERIMENTS["baselines"]:
        with progress(f"{protocol:<12}") as update:
            records += oracle.score_many(sets, protocol, range(3), progress=update)
    with progress(f"{'conv':<12}") as update:
        records += oracle.score(sets[0], "conv", range(5), progress=update)
    return records


def print_sets(candidates: list[Candidate], page: Path) -> None:
    """Print the sets in shades of text, and the path of the page."""
    for candidate in candidates:
        say(f"\n{candidate.name}\n{grid_text(candidate, shades=shades_of(sys.stdout.encoding))}")
    say(f"\nReport: {page.resolve()}")
