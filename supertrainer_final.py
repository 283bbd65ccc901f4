"""The command `final`: score every super-trainer of `results/sets`, and what it has to beat.

`supertrainer final --split test` reads the sealed test split once. Every reading is logged in
`results/test/test-readings.jsonl`, and a score that is on record is not computed again. Without
`--split`, the command rehearses on validation-b, on which nothing was selected, and writes to
`runs/final.jsonl`. Its seeds, from 2000 on, serve no other purpose. The strongest simple rule is
determined beforehand, on validation-a.
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
FIRST_SEED = 2000
# Files that were made for another protocol than `protocol_of` takes for sets of their kind.
PROTOCOLS = {
    "searched-ipc1-convnet": "convnet",
    "distilled-ipc1-convnet": "convnet",
}
STRONGEST = "best"  # real images are also scored by the strongest protocol, with the essay's draw
# At most so many seeds for each rival and each random set: sets differ more than networks do.
RIVAL_SEEDS, RANDOM_SEEDS = 10, 1


def protocol_of(stem: str, candidate: Candidate) -> str:
    """The protocol that the set in the file `stem`.npz was made for."""
    return PROTOCOLS.get(stem, "own" if candidate.recipe else "conv-shift1")


def readings(
    data: Dataset, sets: dict[str, Candidate], seeds: int, strong: int, random: int
) -> dict[tuple[str, int], list[Candidate]]:
    """The sets to score, by protocol and number of seeds.

    Parameters
    ----------
    data : Dataset
    sets : dict of str to Candidate
        The super-trainers, by the names of their files.
    seeds, strong : int
        Networks for each set under its own protocol, and replicates under the strongest one.
    random : int
        Random sets of each size.
    """
    asked: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
    for stem, candidate in sets.items():
        protocol, ipc = protocol_of(stem, candidate), round(candidate.ipc)
        asked[protocol, seeds].append(candidate)
        if candidate.indices is not None:
            quotas = (ipc,) * len(data.classes)
            asked[protocol, min(seeds, RIVAL_SEEDS)] += simple_sets(data, ipc)
            asked[protocol, RANDOM_SEEDS] += random_sets(data, quotas, random)
            if strong and protocol != "convnet":
                asked[STRONGEST, strong] += [candidate, draws.rmnist(data, ipc, "figures")]
    return {key: chosen for key, chosen in asked.items() if chosen}


def strongest_rules(oracle: Oracle, sets: dict[str, Candidate], seeds: int) -> list[str]:
    """One line for each protocol and size of the real sets: the strongest simple rule."""
    kinds = {
        (protocol_of(stem, candidate), round(candidate.ipc))
        for stem, candidate in sets.items()
        if candidate.indices is not None
    }
    lines = []
    for protocol, ipc in sorted(kinds):
        rules = rule_sets(oracle, SearchConfig(ipc=ipc))
        with progress(f"{protocol}, rules") as update:
            best = finalists.best(oracle, rules, protocol, seeds, update)
        lines.append(
            f"{protocol}, {ipc} images per class: "
            f"the strongest simple rule on {finalists.CHOOSES} is {best.name}"
        )
    return lines


@configured
def final(
    choice: DataChoice,
    files: Annotated[
        list[Path] | None, typer.Argument(help=f"Candidate files; default: all in {SETS}.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to score on; test is sealed.")] = "validation-b",
    seeds: Annotated[int, typer.Option(help="Networks of each set.", min=1, max=MOST_SEEDS)] = 20,
    strong: Annotated[
        int, typer.Option(help=f"Replicates under `{STRONGEST}`.", min=0, max=MOST_SEEDS)
    ] = 5,
    random: Annotated[int, typer.Option(help="Random sets of each size.", min=0, max=10_000)] = 30,
    records: Annotated[
        Path | None, typer.Option(help=f"File of records; default: {OUT}, or {REHEARSAL}.")
    ] = None,
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
    for (protocol, count), candidates in readings(data, sets, seeds, strong, random).items():
        fresh = range(FIRST_SEED, FIRST_SEED + count)
        with progress(f"{protocol}, {split}") as update:
            scored += oracle.score_many(
                finalists.once(candidates), protocol, fresh, split, progress=update
            )
    show_records(scored, as_json, score_table(scored, f"Final reading on {split}"))
    if not as_json:
        say("\n".join([*rules, f"Records: {out.resolve()}"]))
