"""The bill of a search: how long its parts take, told before they start, within one budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reproduce.candidate import Candidate
from reproduce.commands.expectation import duration
from reproduce.errors import UserError
from reproduce.oracle import Oracle
from reproduce.support.progress import Progress, silent
from reproduce.support.text import counted
from search import halving, rivals
from search.config import SearchConfig
from search.finalists import CHOOSES, FEW, Final, heats
from search.seeds import CHOICE, first
from search.task import SPLIT, Task

LEAST = 0.1  # of the budget that has to be left for searching


@dataclass(frozen=True)
class Bill:
    """Seconds of each part of a search, and what the budget leaves for its parts.

    Attributes
    ----------
    config : SearchConfig
        With the budget of the study alone, and of its rival.
    final : Final
        With a number of seeds.
    search : float
    random_search : float
        0 without one.
    choice : float
        Scores that choose among the best sets and among simple rules.
    report : float
        Full scores of what was chosen, and of random sets.
    sets : int
        That the search is likely to score.
    """

    config: SearchConfig
    final: Final
    search: float
    random_search: float
    choice: float
    report: float
    sets: int

    def __str__(self) -> str:
        parts = [f"search {duration(self.search)} (about {counted(self.sets, 'sets')})"]
        if self.random_search:
            parts.append(f"random search {duration(self.random_search)}")
        parts.append(f"choice among finalists and simple rules {duration(self.choice)}")
        seeds = counted(self.final.replicates, "fresh seeds")
        parts.append(f"report with {seeds} {duration(self.report)}")
        total = self.search + self.random_search + self.choice + self.report
        return f"Bill: {'; '.join(parts)}. In all about {duration(total)}."


def bill(task: Task, oracle: Oracle, final: Final, progress: Progress = silent) -> Bill:
    """How a budget is shared; what is left to be scored later is paid for first.

    Parameters
    ----------
    task : Task
        Its budget is that of everything, where it is a time.
    oracle : Oracle
        That keeps the records. One rule's set is scored in full, to be timed, with a seed that the
        choice needs anyway.
    final : Final
    progress : callable
        As in `Oracle.score_many`, while the scores are timed.

    Raises
    ------
    UserError
        When the budget leaves less than a tenth of itself for searching.
    """
    sets, seconds = task.config.limits()
    (rule,) = rivals.rule_sets(oracle, task.config, rivals.RULES[:1])
    cheap, full = speeds(task, oracle, rule, progress)
    searches = 2 if final.random_sets else 1
    between = climbing(task, final.tops, cheap / task.config.search_seeds, full)

    def later(seeds: int) -> tuple[float, float]:
        choice = searches * scores(final.tops, seeds) + scores(len(rivals.RULES), seeds)
        report = (1 + searches) * seeds + final.random_sets * min(seeds, FEW)
        return full * choice + searches * between, full * report

    seeds = final.replicates
    while seconds and not final.seeds and seeds > 1 and sum(later(seeds)) > seconds / 2:
        seeds -= 1
    choice, report = later(seeds)
    each = sets * cheap if sets else ((seconds or 0) - choice - report) / searches
    if seconds and each * searches < LEAST * seconds:
        raise UserError(
            f"budget {task.config.budget}: scoring the best sets again with "
            f"{counted(seeds, 'seeds')} takes {duration(choice + report)}; give a longer --budget, "
            "or fewer --seeds, --tops or --random-sets"
        )
    config = task.config if sets else replace(task.config, budget=f"{each:.0f}s")
    count = sets or max(1, round(each / cheap))
    rival = each if searches == 2 else 0.0
    return Bill(config, replace(final, seeds=seeds), each, rival, choice, report, count)


def scores(sets: int, seeds: int) -> int:
    """Full scores by which the best of some sets is found."""
    known, total = 0, 0
    for left, number in heats(sets, seeds):
        total += left * (number - known)
        known = number
    return total


def climbing(task: Task, tops: int, cheap: float, full: float) -> float:
    """Seconds of all rungs, from those of a cheap and of a full score."""
    return sum(
        rung.sets * len(rung.seeds) * cheap ** (1 - rung.share) * full**rung.share
        for rung in halving.rungs(task, tops)
    )


def speeds(
    task: Task, oracle: Oracle, rule: Candidate, progress: Progress = silent
) -> tuple[float, float]:
    """Seconds of one set of the search, and of one full score, over all workers."""
    protocol, config = task.config.protocol, task.config
    for _ in range(2):  # the first one compiles and loads
        scored = task.oracle.score(
            rule,
            protocol,
            task.seeds(0)[:1],
            SPLIT,
            fidelity=task.fidelity(0),
            again=True,
            progress=progress,
        )
    # Computed even where it is on record: a record's seconds may be another machine's.
    full = task.oracle.score(rule, protocol, first(CHOICE, 1), CHOOSES, progress=progress)
    oracle.ledger.add(full)
    cheap = scored[0]["seconds"] * config.search_seeds / oracle.workers
    return max(cheap, 1e-3), max(full[0]["seconds"] / oracle.workers, 1e-3)
