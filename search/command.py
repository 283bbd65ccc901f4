"""The command `search`: find a set, keep it, and re-score it beside what luck and rules give."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from reproduce.candidate import Candidate
from reproduce.command import (
    RECORDS,
    DataChoice,
    JsonOption,
    RecordsOption,
    SeedsOption,
    WorkersOption,
    configured,
    progress,
    score_table,
    show,
)
from reproduce.comparison import summarise
from reproduce.data import Dataset
from reproduce.oracle import Oracle
from reproduce.records import Record
from search import luck, storage, trials
from search import study as studies
from search.config import SearchConfig
from search.function import FunctionOracle, function_named

STORAGE = "runs/studies.journal"
RULES = ("nearest-mean", "kmedoids")  # simple rules that are re-scored beside a search

StorageOption = Annotated[
    str, typer.Option(help="Journal file, or postgresql://..., mysql://..., grpc://host:port.")
]


@configured(config=SearchConfig, choice=DataChoice)
def search(
    config: SearchConfig,
    choice: DataChoice,
    name: Annotated[str, typer.Option(help="Name of the study; the same name resumes it.")] = "s1",
    storage: StorageOption = STORAGE,
    out: Annotated[Path | None, typer.Option(help="Candidate file; else runs/NAME.npz.")] = None,
    seeds: SeedsOption = 10,
    tops: Annotated[int, typer.Option(help="Best sets among which fresh seeds choose.")] = 5,
    random_sets: Annotated[
        int, typer.Option(help="Random sets to re-score, of a random search of equal budget.")
    ] = 10,
    function: Annotated[
        str, typer.Option("--oracle", help="Own function as oracle, module:function.")
    ] = "",
    artifacts: Annotated[
        Path | None, typer.Option(help="Folder of pictures for optuna-dashboard.")
    ] = None,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a real subset that trains well, then re-score it on fresh seeds and images."""
    source = choice.open()
    target = out or Path("runs") / f"{name}.npz"
    scout, judge = (_oracle(source, path, function, workers) for path in (None, records))
    try:
        run_search(scout, config, name, storage, artifacts)
    except KeyboardInterrupt:
        keep_best(scout, config, name, storage, target)
        raise
    found = chosen(judge, config, name, storage, tops, seeds)
    found.save(target)
    rivals = [found, *rival_sets(scout, config, name, storage, random_sets)]
    scored = rescore(judge, rivals, config.protocol, seeds)
    title = f"Fresh seeds, {luck.SPLIT}; the set is in {target}"
    show(scored, as_json, lambda: score_table(title, scored))
    if not as_json:
        Console().print(verdict(scored, rivals, best_score(name, storage)), highlight=False)


def _oracle(source: Dataset, path: Path | None, function: str, workers: int | None) -> Oracle:
    if function:
        return FunctionOracle(source, function_named(function), path, workers=workers)
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
    oracle: Oracle, config: SearchConfig, name: str, where: str | Path, tops: int, seeds: int
) -> Candidate:
    """The winner: of the study's best sets the one that fresh seeds and images prefer."""
    best: dict[str, Candidate] = {}
    for trial in studies.leaders(storage.open_study(name, where), oracle, config):
        candidate = studies.candidate_of(trial, oracle, config, name)
        best.setdefault(candidate.hash, candidate)
        if len(best) == max(tops, 1):
            break
    with progress("choose") as update:
        return luck.choose(oracle, list(best.values()), config.protocol, seeds, update)


def rival_sets(
    oracle: Oracle, config: SearchConfig, name: str, where: str | Path, random_sets: int
) -> list[Candidate]:
    """What a search has to beat: simple rules, a random search of equal budget, random sets."""
    rules: dict[str, Candidate] = {}
    for rule in RULES:
        candidate = studies.rule_set(oracle, config, rule)
        rules.setdefault(candidate.hash, candidate)  # rules may agree: the first names the set
    if not random_sets:
        return list(rules.values())
    chance = dataclasses.replace(config, method="random", pool=1.0, given="")
    rival = f"{name}-random"
    lucky = run_search(oracle, chance, rival, where)
    ordinary = [
        studies.candidate_of(trial, oracle, chance, luck.ORDINARY)
        for trial in trials.finished(storage.open_study(rival, where))[:random_sets]
    ]
    return [lucky.renamed("random search"), *rules.values(), *ordinary]


def rescore(oracle: Oracle, sets: Sequence[Candidate], protocol: str, seeds: int) -> list[Record]:
    """Score sets on the seeds and the half of validation that no search has seen."""
    with progress("fresh seeds") as update:
        return luck.rescore(oracle, sets, protocol, seeds, update)


def best_score(name: str, where: str | Path) -> float:
    """The best score of a study: a lucky one."""
    return trials.score_of(trials.ranked(storage.open_study(name, where))[0])


def verdict(scored: Sequence[Record], rivals: Sequence[Candidate], search_score: float) -> str:
    """The search's score, the fresh one, what luck gives, and paired tests, in words."""
    ours = luck.of(scored, rivals[0])
    lines = [f"search score {search_score:.2f}, fresh {summarise(ours)} %"]
    ordinary = [rival for rival in rivals if rival.name == luck.ORDINARY]
    if ordinary:
        hashes = {rival.hash for rival in ordinary}
        lines.append(str(luck.spread([r for r in scored if r["candidate"] in hashes])))
    for rival in rivals[1:]:
        if rival.name != luck.ORDINARY and rival.hash != rivals[0].hash:
            theirs = [{**record, "name": rival.name} for record in luck.of(scored, rival)]
            lines.append(str(luck.duel(ours, theirs)))
    return "\n".join(lines)
