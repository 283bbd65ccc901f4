"""The command `final`: score every super-trainer of `results/sets`, and what it has to beat.

A set is scored under the protocol that it was made for, and one that was made for several under
a panel of protocols. `supertrainer final --split test` reads the sealed test split once. Every
reading is logged in `results/test/test-readings.jsonl`, and a score that is on record is not
computed again. Without `--split`, the command rehearses on validation-b and writes to
`runs/final.jsonl`. Its seeds serve no other purpose. The strongest rule is told on validation-a.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from distill import DistillConfig, distill
from reproduce import Candidate, Dataset, Oracle, UserError, protocols
from reproduce.commands.expectation import expectation
from reproduce.commands.options import (
    MOST_SEEDS,
    DataChoice,
    JsonOption,
    Machine,
    configured,
    load_candidates,
    option,
)
from reproduce.commands.score import LARGE_HELP, PANEL_HELP
from reproduce.commands.terminal import progress, say, show_records
from reproduce.duel import duel
from reproduce.essay import draws
from reproduce.records import Record, key_of, read
from reproduce.summary import grouped, panel_table, score_table
from reproduce.support.schema import Optional, Whole, Words, check_fields
from reproduce.support.table import Table
from search import SearchConfig, finalists
from search.rivals import random_sets, rule_sets, simple_sets

SETS, RECORDS = Path("results/sets"), Path("results/records")
RIVALS = SETS / "rivals"  # what random searches of equal budget found
OUT, REHEARSAL = Path("results/test/records.jsonl"), Path("runs/final.jsonl")
FIRST_SEED = 2000
MNIST = "mnist"  # the data of sets where neither files nor --dataset are given
Rules = dict[tuple[str, int], Candidate]  # the strongest simple rule of a protocol and size
SEARCHED_FOR = "conv-shift1"  # what real sets were searched for, unless they say otherwise
# Sets of before sets said what they are made for that are for another protocol than those beside
# them, by their hashes: searched-ipc1-convnet and distilled-ipc1-convnet.
EARLIER = {"284e073c9478c024": "convnet", "d21ab64efafcd201": "convnet"}
STRONGEST = "best"  # real images are also scored by the strongest protocol, with the essay's draw
# At most so many seeds for each rival and each random set: sets differ more than networks do.
RIVAL_SEEDS, RANDOM_SEEDS = 10, 1
# Beside a set for several learners, by role and protocol: the sets for one that are best known.
FOR_ONE = (("searched", SEARCHED_FOR), ("distilled", "convnet"))


def made_for(candidate: Candidate) -> tuple[str, ...]:
    """The protocols that a set was made for, at least one.

    Distilled sets of before sets said so name protocols in their method, `distill unroll for conv`.
    """
    named = candidate.method.partition(" for ")[2]
    if candidate.made_for or (named and " " not in named):
        return candidate.made_for or tuple(named.split(","))
    return (EARLIER.get(candidate.hash, "own" if candidate.recipe else SEARCHED_FOR),)


@dataclass(frozen=True)
class FinalConfig:
    """How many scores a final reading has, and under which panel."""

    seeds: int = option(20, "Networks of each set.", Whole(1, MOST_SEEDS))
    strong: int = option(5, f"Replicates under `{STRONGEST}`.", Whole(0, MOST_SEEDS))
    random: int = option(30, "Random sets of each size.", Whole(0, 10_000))
    panel: str | None = option(
        None,
        f"Protocols for sets that were made for several: {PANEL_HELP} Default: standard.",
        Optional(Words(10_000, least=0)),
    )
    large_seeds: int | None = option(None, LARGE_HELP, Optional(Whole(1, MOST_SEEDS)))

    def __post_init__(self) -> None:
        check_fields(self, "final")

    def seeds_under(self, protocol: str) -> int:
        """The networks of a set that was made for this protocol."""
        return self.strong or self.seeds if protocol == STRONGEST else self.seeds

    def protocols(self) -> tuple[str, ...]:
        """The protocols of the panel."""
        return protocols.panel_of("standard" if self.panel is None else self.panel)


@dataclass(frozen=True)
class Plan:
    """Which sets are scored under which protocol, and by how many networks.

    Attributes
    ----------
    config : FinalConfig
    data : Dataset
    known : sequence of Candidate
        Super-trainers that may stand beside those that are to be scored.
    asked : dict
        By protocol, the candidates and the numbers of their seeds, each set once.
    on_panel : set of str
        Hashes of the sets that are scored under the whole panel.
    """

    config: FinalConfig
    data: Dataset
    known: Sequence[Candidate]
    asked: dict[str, dict[tuple[str, bool], tuple[Candidate, int]]] = field(default_factory=dict)
    on_panel: set[str] = field(default_factory=set)

    def add(self, candidate: Candidate) -> None:
        """Add a super-trainer and its rivals."""
        names = made_for(candidate)
        if len(names) > 1:
            self._add_for_several(candidate)
        else:
            self._add_for_one(candidate, names[0])

    def calls(self) -> Iterator[tuple[str, range, list[Candidate]]]:
        """Protocols, seeds, and the sets that are scored with them."""
        for protocol, under in self.asked.items():
            for count, pairs in grouped(under.values(), lambda pair: pair[1]).items():
                seeds = range(FIRST_SEED, FIRST_SEED + count)
                yield protocol, seeds, [candidate for candidate, _ in pairs]

    def tables(self, scored: Sequence[Record], split: str) -> list[Table]:
        """A table of the panel for each size of its sets."""
        names = self.config.protocols()
        shown = [r for r in scored if r["candidate"] in self.on_panel and r["protocol"] in names]
        return [
            panel_table(own, f"The panel on {split}, {ipc:g} images per class").turned()
            for ipc, own in grouped(shown, lambda record: record["ipc"]).items()
        ]

    def _ask(self, protocol: str, seeds: int, candidates: Sequence[Candidate]) -> None:
        """Add candidates; one that is there under another name takes both, and the more seeds."""
        under = self.asked.setdefault(protocol, {})
        for candidate in candidates:
            key = candidate.hash, candidate.role == finalists.RANDOM_SETS
            there, before = under.get(key, (candidate, 0))
            under[key] = finalists.once([there, candidate])[0], max(seeds, before)

    def _add_for_one(self, candidate: Candidate, protocol: str) -> None:
        """A set and its rivals under the protocol that it was made for."""
        seeds, ipc = self.config.seeds_under(protocol), round(candidate.ipc)
        self._ask(protocol, seeds, [candidate])
        if protocol == "own":  # its rivals carry no recipe
            return
        drawn = draws.rmnist(self.data, ipc, "figures")
        if candidate.indices is None:
            rivals = [class_means(self.data, ipc), drawn]
            searched = (self.peers("searched", name, ipc) for name in (protocol, SEARCHED_FOR))
            self._ask(protocol, seeds, next(filter(None, searched), []))
        else:
            rivals = [*simple_sets(self.data, ipc), *self.peers("random search", protocol, ipc)]
            if self.config.strong and protocol not in ("convnet", STRONGEST):
                self._ask(STRONGEST, self.config.strong, [candidate, drawn])
        self._ask(protocol, min(seeds, RIVAL_SEEDS), rivals)
        quotas = (ipc,) * len(self.data.classes)
        self._ask(protocol, RANDOM_SEEDS, random_sets(self.data, quotas, self.config.random))

    def _add_for_several(self, candidate: Candidate) -> None:
        """A set and its rivals under every protocol of the panel."""
        ipc = round(candidate.ipc)
        beside = [one for pair in FOR_ONE for one in self.peers(*pair, ipc)]
        nearest = rule_sets(Oracle(self.data), SearchConfig(ipc=ipc), ["nearest-mean"])
        rivals = [class_means(self.data, ipc), *nearest]
        self.on_panel.update(one.hash for one in (candidate, *beside, *rivals))
        for protocol in self.config.protocols():
            seeds = protocols.panel_seeds(protocol, self.config.seeds, self.config.large_seeds)
            self._ask(protocol, seeds, [candidate, *beside])
            self._ask(protocol, min(seeds, RIVAL_SEEDS), rivals)

    def peers(self, role: str, protocol: str, ipc: int) -> list[Candidate]:
        """The known super-trainers of a role and size that were made for one protocol alone."""
        same = [one for one in self.known if (one.role, one.ipc) == (role, ipc)]
        return [one for one in same if made_for(one) == (protocol,)]


def class_means(data: Dataset, ipc: int) -> Candidate:
    """Means of random parts of each class, as `distill --method means` makes them."""
    means = distill(data, DistillConfig(method="means", ipc=ipc, protocols=("knn",)))
    return dataclasses.replace(means, name="class means", made_for=(), chosen_on=None)


def strongest_rules(oracle: Oracle, sets: Sequence[Candidate], config: FinalConfig) -> Rules:
    """The strongest simple rule for each protocol and size of the real sets."""
    kinds = {(made_for(one)[0], round(one.ipc)) for one in sets if one.indices is not None}
    strongest: Rules = {}
    for protocol, ipc in sorted(kinds):
        rules, seeds = rule_sets(oracle, SearchConfig(ipc=ipc)), config.seeds_under(protocol)
        with progress(f"{protocol}, rules") as update:
            strongest[protocol, ipc] = finalists.best(
                oracle, rules, protocol, min(seeds, RIVAL_SEEDS), update
            )
    return strongest


def duels(
    plan: Plan, sets: Sequence[Candidate], rules: Rules, scored: Sequence[Record]
) -> Iterator[str]:
    """Each real set against its random search and the strongest simple rule, paired by seed."""
    for (protocol, ipc), rule in rules.items():
        yield (
            f"{protocol}, {ipc} images per class: "
            f"the strongest simple rule on {finalists.CHOOSES} is {rule.name}"
        )
        under = [record for record in scored if record["protocol"] == protocol]
        for one in sets:
            if (made_for(one)[0], round(one.ipc)) == (protocol, ipc) and one.indices is not None:
                for rival in (rule, *plan.peers("random search", protocol, ipc)):
                    pair = [finalists.of(under, who) for who in (one, rival)]
                    if all(pair):
                        yield f"{one.name}: {duel(*pair)}."


def expected(oracle: Oracle, plan: Plan, split: str) -> str:
    """How long the plan takes, in words, by the times in all records of results."""
    waiting = [
        replicate.question
        for protocol, seeds, candidates in plan.calls()
        for replicate in oracle.replicates(candidates, protocol, seeds, split)
        if oracle.ledger.find(key_of(replicate.question)) is None
    ]
    files = [*sorted(RECORDS.glob("*.jsonl")), OUT, REHEARSAL]
    known = [record for path in files if path.is_file() for record in read(path)]
    return expectation(waiting, known, oracle.workers)


@configured
def final(
    choice: DataChoice,
    config: FinalConfig,
    machine: Machine,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help=f"Candidate files; default: all of one dataset in {SETS}."),
    ] = None,
    split: Annotated[str, typer.Option(help="Split to score on; test is sealed.")] = "validation-b",
    records: Annotated[
        Path | None, typer.Option(help=f"File of records; default: {OUT}, or {REHEARSAL}.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score super-trainers beside means, simple rules, the essay's draws and random sets."""
    sets = load_candidates(files) if files else tracked(choice.dataset or MNIST)
    data = choice.open_for(sets)
    files = [*super_trainers(), *sorted(RIVALS.glob("*.npz"))]
    known = [one for one in map(Candidate.load, files) if one.checksum == data.checksum]
    several = any(len(made_for(one)) > 1 for one in sets)
    if not several and (config.panel is not None or config.large_seeds):
        raise UserError("--panel and --large-seeds are for sets that were made for several")
    out = records or (OUT if split == "test" else REHEARSAL)
    oracle = machine.oracle(data, out)
    oracle.ledger.check_writable()
    plan = Plan(config, data, known)
    for candidate in sets:
        plan.add(candidate)
    say(expected(oracle, plan, split), stderr=True)
    rules = strongest_rules(oracle, sets, config)
    scored: list[Record] = []
    for protocol, seeds, candidates in plan.calls():
        with progress(f"{protocol}, {split}") as update:
            scored += oracle.score_many(candidates, protocol, seeds, split, progress=update)
    show_records(scored, as_json, score_table(scored, f"Final reading on {split}"))
    if not as_json:
        left = [name for name in protocols.PANEL if name not in config.protocols()]
        note = [f"The panel leaves out {', '.join(left)}."] if plan.on_panel and left else []
        told = [*duels(plan, sets, rules, scored), *note, f"Records: {out.resolve()}"]
        say(*plan.tables(scored, split), "\n".join(told))


def tracked(dataset: str) -> list[Candidate]:
    """All finished sets of one dataset.

    Raises
    ------
    UserError
        When there are none.
    """
    known = map(Candidate.load, super_trainers())
    found = [one for one in known if dataset in (one.dataset, one.path)]
    if not found:
        raise UserError(
            f"no candidates of {dataset} in {SETS}; search or distil some first, or name files"
        )
    return found


def super_trainers() -> list[Path]:
    """The files of finished sets."""
    return sorted(SETS.glob("*.npz"))
