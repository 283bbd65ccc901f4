"""The command `final`: every super-trainer of `results/sets`, and what it has to beat.

`supertrainer final --split test` reads the sealed test split, once: each reading is logged
in `results/test/test-readings.jsonl`, and what is on record is not read again. Without `--split`
it rehearses on the half of validation that chooses nothing, into `runs/final.jsonl`. Seeds from
2000 on were used for nothing else. Which simple rule is the strongest is decided beforehand, on the
half of validation that chooses.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.commands.options import (
    MOST_SEEDS,
    DataChoice,
    JsonOption,
    WorkersOption,
    configured,
    load_candidates,
)
from reproduce.commands.terminal import progress, say, show_records
from reproduce.essay import draws
from reproduce.records import Record
from reproduce.summary import score_table
from search import SearchConfig, finalists
from search.rivals import random_sets, rule_sets, simple_sets

SETS = Path("results/sets")
OUT, REHEARSAL = Path("results/test/records.jsonl"), Path("runs/final.jsonl")
FIRST = 2000  # of the seeds of the final reading
# By file, where it is not `own` for sets that carry a recipe, and `conv-shift1` for real images.
PROTOCOLS = {"searched-ipc1-convnet": "convnet", "distilled-ipc1-convnet": "convnet"}
STRONG = "best"  # real images are scored by the strongest protocol, too, beside the essay's draw
# Most seeds of each rival and of each random set: these differ more than networks do.
RIVAL_SEEDS, RANDOM_SEEDS = 10, 1


def protocol_of(stem: str, candidate: Candidate) -> str:
    """The protocol that a file's set was made for."""
    return PROTOCOLS.get(stem, "own" if candidate.recipe else "conv-shift1")


def jobs(
    data: Dataset, sets: dict[str, Candidate], seeds: int, strong: int, random: int
) -> dict[tuple[str, int], list[Candidate]]:
    """What is to be scored: lists of sets by protocol and number of seeds."""
    wanted: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
    for stem, candidate in sets.items():
        protocol, ipc = protocol_of(stem, candidate), round(candidate.ipc)
        wanted[protocol, seeds].append(candidate)
        if candidate.indices is not None:
            wanted[protocol, min(seeds, RIVAL_SEEDS)] += simple_sets(data, ipc)
            wanted[protocol, RANDOM_SEEDS] += random_sets(data, (ipc,) * len(data.classes), random)
            if strong and protocol != "convnet":
                wanted[STRONG, strong] += [candidate, draws.rmnist(data, ipc, "figures")]
    return {key: some for key, some in wanted.items() if some}


def strongest_rules(oracle: Oracle, sets: dict[str, Candidate], seeds: int) -> list[str]:
    """For each protocol and size of real sets the strongest simple rule, in words."""
    wanted = {
        (protocol_of(stem, candidate), round(candidate.ipc))
        for stem, candidate in sets.items()
        if candidate.indices is not None
    }
    said = []
    for protocol, ipc in sorted(wanted):
        rules = rule_sets(oracle, SearchConfig(ipc=ipc))
        with progress(f"{protocol}, rules") as update:
            best = finalists.best(oracle, rules, protocol, seeds, update)
        said.append(
            f"{protocol}, {ipc} a class: the strongest simple rule on "
            f"{finalists.CHOOSES} is {best.name}"
        )
    return said


@configured
def final(
    choice: DataChoice,
    files: Annotated[
        list[Path] | None, typer.Argument(help=f"Candidate files; else all in {SETS}.")
    ] = None,
    split: Annotated[str, typer.Option(help="test reads the sealed one.")] = "validation-b",
    seeds: Annotated[int, typer.Option(help="Networks of each set.", min=1, max=MOST_SEEDS)] = 20,
    strong: Annotated[
        int, typer.Option(help=f"Replicates under `{STRONG}`.", min=0, max=MOST_SEEDS)
    ] = 5,
    random: Annotated[int, typer.Option(help="Random sets of each size.", min=0, max=10_000)] = 30,
    records: Annotated[Path | None, typer.Option(help=f"Else {OUT}, or {REHEARSAL}.")] = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score all super-trainers, the simple rules, the essay's draws and random sets."""
    paths = files or sorted(SETS.glob("*.npz"))
    if not paths:
        raise UserError(f"no candidates in {SETS}; search or distil some first, or name files")
    loaded = load_candidates(paths)
    sets = {path.stem: candidate for path, candidate in zip(paths, loaded, strict=True)}
    data = choice.open_for(loaded)
    out = records or (OUT if split == "test" else REHEARSAL)
    oracle = Oracle(data, out, workers=workers)
    rules = strongest_rules(oracle, sets, min(seeds, RIVAL_SEEDS))
    scored: list[Record] = []
    for (protocol, count), candidates in jobs(data, sets, seeds, strong, random).items():
        once = finalists.once(candidates)
        with progress(f"{protocol}, {split}") as update:
            scored += oracle.score_many(
                once, protocol, range(FIRST, FIRST + count), split, progress=update
            )
    show_records(scored, as_json, score_table(scored, f"Final reading on {split}"))
    if not as_json:
        say("\n".join(rules))
