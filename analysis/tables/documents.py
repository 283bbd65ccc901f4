"""Tables in Markdown files, kept true: filled from results between marks."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from analysis.tables import (
    choices,
    distill,
    essay,
    final,
    headline,
    oracle,
    scores,
    search,
    super_trainers,
)
from reproduce.errors import UserError
from reproduce.essay.problems import PROBLEMS
from reproduce.support.files import read_input
from reproduce.support.table import Table

# By its mark, each table that a document may show: a function of the folder of results.
TABLES: dict[str, Callable[[Path], Table]] = {
    "demo": scores.demo,
    "searched": scores.searched,
    "distilled": scores.distilled,
    "cross-protocol": scores.cross_protocol,
    "panel": scores.panel,
    "cross-architecture": scores.cross_architecture,
    "essay": essay.essay,
    "best": essay.problem(essay.BEST),
    "tuning": essay.tuning,
    "transfer": essay.problem(essay.TRANSFER),
    **{f"problem-{name}": essay.problem(names) for name, names in PROBLEMS.items()},
    "speed": oracle.speed,
    "speed-ratios": oracle.ratios,
    "essay-net": oracle.essay_net,
    "scaling": oracle.scaling,
    "proxies": oracle.proxies,
    "search-fidelity": search.fidelity,
    "search-rank": search.rank,
    "search-methods": search.methods,
    "search-rules": search.rules,
    "search-ideas": search.ideas,
    "search-choice": choices.ways,
    "search-plateau": choices.plateau,
    "search-stages": search.stages,
    "search-swap": search.swap,
    "distill-methods": distill.methods,
    "universality": distill.universality,
    "distill-conv": partial(distill.methods, table="conv"),
    "distill-ablation": distill.ablation,
    "distill-cost": distill.cost,
    "distill-memory": distill.memory,
    "distill-peers": distill.peers,
    "distill-essay-net": distill.essay_net,
    "distill-runs": distill.runs,
    "headline": headline.headline,
    "final": final.overview,
    "final-searched": final.chosen,
    "final-distilled": final.distilled,
    "leaderboard": super_trainers.leaderboard,
    "typicality": super_trainers.typicality,
    "value": super_trainers.value,
    "sensitivity": super_trainers.sensitivity,
    "finalists": super_trainers.finalists,
}


def fill(text: str, mark: str, table: str) -> str:
    """Replace what stands between `<!-- mark:begin -->` and `<!-- mark:end -->`.

    Raises
    ------
    UserError
        When the text has no such marks.
    """
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if not pattern.search(text):
        raise UserError(f"no {begin} ... {end} to fill; put the two marks where the table is to be")
    return pattern.sub(lambda match: f"{begin}\n{table}{end}", text)


def update(document: Path, results: Path) -> str:
    """The text of a Markdown file with all of its marked tables made anew from `results`.

    Raises
    ------
    UserError
        When the document, or a file that one of its tables is made from, cannot be read.
    """
    try:
        text = read_input(document).decode()
        for mark, table in TABLES.items():
            if f"<!-- {mark}:begin -->" in text:
                text = fill(text, mark, table(results).markdown())
    except (OSError, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{document}: cannot fill its tables from {results} ({reason})") from None
    return text
