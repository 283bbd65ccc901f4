"""The command `search`: finds a set, saves it, and compares it with random sets and rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna

from reproduce.candidate import Candidate
from reproduce.commands.options import (
    RECORDS,
    WHERE,
    DataChoice,
    JsonOption,
    Machine,
    RecordsOption,
    configured,
    option,
)
from reproduce.commands.terminal import progress, say, show_records
from reproduce.duel import duel
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import score_table, summarise
from reproduce.support.files import check_writable
from reproduce.support.text import checked_name, counted
from search import finalists, halving, rivals, trials
from search import study as studies
from search.bill import bill
from search.cheap import Version, measured
from search.config import SearchConfig
from search.finalists import Final
from search.own.function import OracleChoice
from search.storage.storage import open_study
from search.task import CHEAP, Task

STORAGE = "runs/studies.journal"
STORAGE_HELP = (
    "Where the study is kept: a journal file, or postgresql://..., mysql://..., sqlite:///FILE, "
    "grpc://host:port."
)


@dataclass(frozen=True)
class Place:
    """Where a search keeps what it finds."""

    name: str = option("s1", "Name of the study; the same name resumes it.", group=WHERE)
    storage: str = option(STORAGE, STORAGE_HELP, group=WHERE)
    out: Path | None = option(None, "Candidate file to write. Default: runs/NAME.npz.", group=WHERE)
    artifacts: Path | None = option(None, "Folder of pictures for optuna-dashboard.", group=WHERE)

    def __post_init__(self) -> None:
        checked_name(self.name)

    @property
    def target(self) -> Path:
        """The file of the found set."""
        return self.out or Path("runs") / f"{self.name}.npz"

    @property
    def rival(self) -> Path:
        """The file of what a random search of equal budget found."""
        return self.target.parent / "rivals" / self.target.name


@configured
def search(
    config: SearchConfig,
    choice: DataChoice,
    own: OracleChoice,
    final: Final,
    place: Place,
    machine: Machine,
    records: RecordsOption = RECORDS,
    as_json: JsonOption = False,
) -> None:
    """Search a real subset that trains well, then re-score it on fresh seeds and images."""
    data, target = choice.open(), place.target
    task = Task(own.oracle_for(data, None, machine), config)  # the study keeps its scores
    reporting = own.oracle_for(data, records, machine)
    check(task, reporting, final, place)
    with progress("time of a set") as update:
        planned = bill(task, reporting, final, update)
    say(how_scored(task), str(planned), stderr=True)
    task, final = Task(task.oracle, planned.config), planned.final
    try:
        study = run_search(task, place.name, place.storage, place.artifacts)
    except KeyboardInterrupt:
        keep_best(task, place.name, place.storage, target)
        raise
    found = chosen(study, task, reporting, final)
    found.save(target)
    against = rival_sets(task, reporting, final, place.name, place.storage)
    for rival in against[:1] if final.random_sets else []:  # `final` sets it beside ours on test
        rival.save(place.rival)
    sets = finalists.once([found, *against])
    scored = rescore(reporting, sets, config.protocol, final.replicates)
    title = f"Fresh seeds, {finalists.REPORTS}; the set is in {target}"
    show_records(scored, as_json, score_table(scored, title))
    if not as_json:
        say(verdict(scored, sets, search_score(study, found)))


def check(task: Task, oracle: Oracle, final: Final, place: Place) -> None:
    """Raise UserError for whatever a search could refuse later; nothing is scored yet."""
    studies.check(task, place.name, place.storage, place.artifacts)
    for split in (finalists.CHOOSES, finalists.REPORTS):
        task.oracle.data.split(split)
    check_writable(place.target)
    oracle.ledger.check_writable()
    if final.random_sets:
        studies.check(at_random(task), random_name(place.name), place.storage)
        check_writable(place.rival)


def how_scored(task: Task) -> str:
    """By which version of the protocol the search scores, and how well that ranks sets."""
    version, config = task.version, task.config
    protocol = config.protocol
    if version is None or any(getattr(config, name) is not None for name in CHEAP):
        missing = version is None and config.fidelity == "auto"
        asked = "No cheap version was measured. " if missing else ""
        images, *others = [getattr(task.cheap, name) for name in CHEAP]
        less = [f", {name} {value}" for name, value in zip(CHEAP[1:], others, strict=True) if value]
        some = f"{f'{images:,}' if images else 'all'} training images{''.join(less)}"
        return f"{asked}Sets are scored by {protocol} on {some}."
    rows = measured(protocol, task.ipc)
    row = next(row for row in rows if Version(**row["version"]) == version)
    rank, error = row["spearman"]
    return (
        f"Sets are scored by a cheap version of {protocol}: {version}. Its rank correlation with "
        f"the full score is {rank:.2f} ± {error:.2f} over {row['sets']} sets with "
        f"{counted(row['ipc'], 'images')} per class."
    )


def run_search(
    task: Task, name: str, where: str | Path, artifacts: Path | None = None
) -> optuna.Study:
    """Run or resume a study with a progress bar."""
    with progress(f"search {task.config.method}") as update:
        for state in studies.search(task.oracle, task.config, name, where, artifacts=artifacts):
            if state.sets:
                update(state.done, state.sets, state.note())
            else:
                update(int(state.elapsed), int(state.seconds or 0), state.note())
    return open_study(name, where)


def keep_best(task: Task, name: str, where: str | Path, target: Path) -> None:
    """Save the best set of an interrupted study, where it has one."""
    for trial in studies.leaders(open_study(name, where), task)[:1]:
        task.found(trial, name).save(target)


def chosen(
    study: optuna.Study, task: Task, oracle: Oracle, final: Final, role: str = "searched"
) -> Candidate:
    """Of the study's best sets, the one with the best scores on fresh seeds and images."""
    best = leading(study, task, halving.entrants(task, final.tops), role)
    with progress("halve the best sets") as update:
        tops = halving.climb(task, oracle, best, final.tops, update)
    with progress("choose") as update:
        return finalists.choose(oracle, tops, task.config.protocol, final.replicates, update)


def leading(study: optuna.Study, task: Task, count: int, role: str = "searched") -> list[Candidate]:
    """The best `count` different sets of a study, by what its method believes of them."""
    best: dict[str, Candidate] = {}
    for trial in studies.leaders(study, task):
        candidate = task.found(trial, study.study_name, role)
        best.setdefault(candidate.hash, candidate)
        if len(best) == count:
            break
    return list(best.values())


def rival_sets(
    task: Task, oracle: Oracle, final: Final, name: str, where: str | Path
) -> list[Candidate]:
    """What a search has to beat, chosen by the same scores as its own set.

    These are a random search of equal budget, the strongest simple rule, and random sets.
    """
    rules = rivals.rule_sets(oracle, task.config)
    with progress("simple rules") as update:
        strongest = finalists.best(oracle, rules, task.config.protocol, final.replicates, update)
    if not final.random_sets:
        return [strongest]
    random_task = at_random(task)
    study = run_search(random_task, random_name(name), where)
    rival = chosen(study, random_task, oracle, final, "random search").renamed("random search")
    sets = rivals.random_sets(oracle.data, task.quotas, final.random_sets)
    return [rival, strongest, *sets]


def at_random(task: Task) -> Task:
    """The same task for a random search, which knows nothing of typical images or start sets."""
    config = dataclasses.replace(task.config, method="random", pool=1.0, start_sets="")
    return Task(task.oracle, config)


def random_name(name: str) -> str:
    """The name of the random search's study beside that of a search."""
    return f"{name}-random"


def rescore(oracle: Oracle, sets: Sequence[Candidate], protocol: str, seeds: int) -> list[Record]:
    """Score sets, with a progress bar, on the seeds and images that report."""
    with progress("fresh seeds") as update:
        return finalists.rescore(oracle, sets, protocol, seeds, update)


def search_score(study: optuna.Study, found: Candidate) -> float:
    """The score by which a study found the set."""
    assert found.indices is not None
    indices = found.indices.tolist()
    ranked = trials.ranked(study)
    return next(trials.score_of(t) for t in ranked if t.user_attrs["indices"] == indices)


def verdict(scored: Sequence[Record], sets: Sequence[Candidate], search_score: float) -> str:
    """The search score of the first set, its fresh scores, and how it compares with the others."""
    ours = finalists.of(scored, sets[0])
    fresh = summarise(ours)
    lines = [f"search score {search_score:.2f}, fresh {fresh} % (± over {fresh.counted})"]
    random_sets = [record for record in scored if record["role"] == finalists.RANDOM_SETS]
    if random_sets:
        lines.append(str(finalists.spread(random_sets)))
    named = [rival for rival in sets[1:] if rival.role != finalists.RANDOM_SETS]
    duels = [duel(ours, finalists.of(scored, rival)) for rival in named]
    for rival, fought in zip(named, duels, strict=True):
        rule = f" (of all simple rules the best on {finalists.CHOOSES})"
        lines.append(f"{fought}{rule if rival.role == 'simple rule' else ''}.")
    if not all(fought.won for fought in duels):
        lines.append("A longer --budget or another --method may find a better set.")
    return "\n".join(lines)
