"""The command `search`: find a set, keep it, and re-score it beside what luck and rules give."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reproduce.candidate import Candidate
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
from reproduce.errors import UserError
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import score_table, summarise
from reproduce.support.names import checked_name
from search import finalists, rivals, trials
from search import study as studies
from search.config import SearchConfig
from search.own.function import FunctionOracle, function_named
from search.seeds import CHOICE, first
from search.storage import storage
from search.task import Task

STORAGE = "runs/studies.journal"

StorageOption = Annotated[
    str, typer.Option(help="Journal file, or postgresql://..., mysql://..., grpc://host:port.")
]


@configured
def search(
    config: SearchConfig,
    choice: DataChoice,
    name: Annotated[str, typer.Option(help="Name of the study; the same name resumes it.")] = "s1",
    storage: StorageOption = STORAGE,
    out: Annotated[Path | None, typer.Option(help="Candidate file; else runs/NAME.npz.")] = None,
    seeds: SeedsOption = 10,
    tops: Annotated[
        int, typer.Option(help="Best sets among which fresh seeds choose.", min=1, max=10_000)
    ] = 5,
    random_sets: Annotated[
        int,
        typer.Option(
            help="Random sets to score beside a random search of equal budget; 0: neither.",
            min=0,
            max=10_000,
        ),
    ] = 10,
    function: Annotated[
        str, typer.Option("--oracle", help="Own function as oracle, module:function.")
    ] = "",
    oracle_version: Annotated[
        str, typer.Option(help="Name of that function's state, in place of what its code says.")
    ] = "",
    artifacts: Annotated[
        Path | None, typer.Option(help="Folder of pictures for optuna-dashboard.")
    ] = None,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a real subset that trains well, then re-score it on fresh seeds and images."""
    checked_name(name)
    first(CHOICE, seeds)  # refused now, not after hours
    source = choice.open()
    target = out or Path("runs") / f"{name}.npz"
    scout, judge = (
        _oracle(source, path, function, oracle_version, workers) for path in (None, records)
    )
    try:
        run_search(scout, config, name, storage, artifacts)
    except KeyboardInterrupt:
        keep_best(scout, config, name, storage, target)
        raise
    jury = Jury(judge, tops, seeds)
    found = chosen(jury, config, name, storage)
    found.save(target)
    sets = finalists.once([found, *rival_sets(jury, scout, config, name, storage, random_sets)])
    scored = rescore(jury, sets, config.protocol)
    title = f"Fresh seeds, {finalists.REPORTS}; the set is in {target}"
    show_records(scored, as_json, score_table(scored, title))
    if not as_json:
        seen = search_score(name, storage, found)
        say(verdict(scored, sets, seen))


@dataclass(frozen=True)
class Jury:
    """Who chooses among the best sets of a study, and reports the choice.

    Attributes
    ----------
    oracle : Oracle
        Keeps records; a study's own oracle keeps none.
    tops : int
        Finalists of a study.
    seeds : int
        Fresh seeds of each finalist, and as many others of what is reported.
    """

    oracle: Oracle
    tops: int
    seeds: int


def _oracle(
    source: Dataset, path: Path | None, function: str, version: str, workers: int | None
) -> Oracle:
    if function:
        named = function_named(function)
        return FunctionOracle(source, named, path, version=version, workers=workers)
    if version:
        raise UserError("--oracle-version is for a function of your own; give --oracle, too")
    return Oracle(source, path, workers=workers)


def run_search(
    oracle: Oracle,
    config: SearchConfig,
    name: str,
    where: str | Path,
    artifacts: Path | None = None,
) -> Candidate:
    """Run or resume a study with a progress bar; its best set as a candidate."""
    with progress(f"search {config.method}") as update:
        for state in studies.search(oracle, config, name, where, artifacts=artifacts):
            if state.sets:
                update(state.done, state.sets, state.note())
            else:
                update(int(state.elapsed), int(state.seconds or 0), state.note())
    return studies.winner(storage.open_study(name, where), oracle, config, name)


def keep_best(
    oracle: Oracle, config: SearchConfig, name: str, where: str | Path, target: Path
) -> None:
    """Save the best set of an interrupted study, where it has one."""
    study = storage.open_study(name, where)
    if trials.ranked(study):
        studies.winner(study, oracle, config, name).save(target)


def chosen(
    jury: Jury, config: SearchConfig, name: str, where: str | Path, role: str = "searched"
) -> Candidate:
    """The winner: of the study's best sets the one that fresh seeds and images prefer."""
    best: dict[str, Candidate] = {}
    task = Task(jury.oracle, config)
    for trial in studies.leaders(storage.open_study(name, where), task):
        candidate = task.found(trial, name, role)
        best.setdefault(candidate.hash, candidate)
        if len(best) == jury.tops:
            break
    with progress("choose") as update:
        return finalists.choose(
            jury.oracle, list(best.values()), config.protocol, jury.seeds, update
        )


def rival_sets(
    jury: Jury,
    scout: Oracle,
    config: SearchConfig,
    name: str,
    where: str | Path,
    random_sets: int,
) -> list[Candidate]:
    """What a search has to beat, each chosen by the jury as the search's own set was.

    A random search of equal budget, the strongest simple rule, and ordinary random sets.
    """
    rules = rivals.rule_sets(jury.oracle, config)
    with progress("simple rules") as update:
        strongest = finalists.best(jury.oracle, rules, config.protocol, jury.seeds, update)
    if not random_sets:
        return [strongest]
    chance = dataclasses.replace(config, method="random", pool=1.0, start_sets="")
    rival = f"{name}-random"
    run_search(scout, chance, rival, where)
    lucky = chosen(jury, chance, rival, where, "random search").renamed("random search")
    quotas = config.quotas_for(len(jury.oracle.data.classes))
    return [lucky, strongest, *rivals.random_sets(jury.oracle.data, quotas, random_sets)]


def rescore(jury: Jury, sets: Sequence[Candidate], protocol: str) -> list[Record]:
    """Score sets on the seeds that report, and on the half of validation that chose nothing."""
    with progress("fresh seeds") as update:
        return finalists.rescore(jury.oracle, sets, protocol, jury.seeds, update)


def search_score(name: str, where: str | Path, found: Candidate) -> float:
    """The score by which a study found the set: a lucky one."""
    assert found.indices is not None
    indices = found.indices.tolist()
    ranked = trials.ranked(storage.open_study(name, where))
    return next(trials.score_of(t) for t in ranked if t.user_attrs["indices"] == indices)


def verdict(scored: Sequence[Record], sets: Sequence[Candidate], search_score: float) -> str:
    """The score that found the first set, its fresh one, what luck gives, and paired tests."""
    ours = finalists.of(scored, sets[0])
    lines = [f"search score {search_score:.2f}, fresh {summarise(ours)} %"]
    ordinary = [record for record in scored if record["role"] == finalists.RANDOM_SETS]
    if ordinary:
        lines.append(str(finalists.spread(ordinary)))
    for rival in sets[1:]:
        if rival.role != finalists.RANDOM_SETS:
            lines.append(str(finalists.duel(ours, finalists.of(scored, rival))))
        if rival.role == "simple rule":
            lines[-1] += f"; of all simple rules the best on {finalists.CHOOSES}"
    return "\n".join(lines)
