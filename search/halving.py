"""Rungs between cheap and full: a study's best sets are halved before its finalists are chosen.

A search by a cheap version of a protocol ranks sets only roughly, and full scores of many sets cost
too much. From rung to rung a score costs about four times as much, and the better half of the sets
goes up, so that all rungs together cost less than two full scores of each finalist. This is
successive halving (Jamieson and Talwalkar 2016), of which Hyperband runs several (Li et al. 2018).
Networks grow from rung to rung, so that no training can be continued, and each rung has seeds of
its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.oracle import Oracle
from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import Fidelity
from reproduce.summary import summarise
from reproduce.support.progress import Progress, silent
from search.config import IMAGES
from search.finalists import of
from search.seeds import RUNGS
from search.task import SPLIT, Task

GROWTH = 4  # of the cost of a score from rung to rung
SEEDS = 2  # of each set on each rung


@dataclass(frozen=True)
class Rung:
    """A version of a protocol, and how many sets are scored by it.

    Attributes
    ----------
    fidelity : Fidelity
    sets : int
        The best of the rung below; on the lowest one, of the study.
    share : float
        Where it lies between the study's version, 0, and the full protocol, 1, by the logarithm
        of its cost.
    seeds : range
        Replicate seeds, which no other rung has.
    """

    fidelity: Fidelity
    sets: int
    share: float
    seeds: range


def versions(cheap: Fidelity, recipe: Recipe) -> list[Fidelity]:
    """The versions of a protocol between a cheap one and the full one, cheapest first.

    Epochs, networks of an ensemble, channels and images grow by constant factors. The list is empty
    where a full score costs less than six times as much as a cheap one.

    Parameters
    ----------
    cheap : Fidelity
        With which a study scored.
    recipe : Recipe
        How the protocol trains a network.
    """
    width = (recipe.widths or (recipe.width,))[0]
    full = {"epochs": recipe.epochs, "members": recipe.ensemble, "width": width, "images": IMAGES}
    low = {name: min(getattr(cheap, name) or most, most) for name, most in full.items()}
    ratio = {name: most / low[name] for name, most in full.items()}
    count = round(math.log(ratio["epochs"] * ratio["members"] * ratio["width"] ** 2, GROWTH))
    return [
        Fidelity(**{name: round(low[name] * ratio[name] ** (step / count)) for name in full})
        for step in range(1, count)
    ]


def rungs(task: Task, tops: int) -> list[Rung]:
    """The rungs that lead to `tops` finalists, the lowest one first.

    None where the study scores in full or nearly so, or trains no network, or for a single set.
    """
    recipe = protocols.recipe(task.config.protocol, task.sample)
    if recipe is None or tops == 1 or not task.cheap.trains_less:
        return []
    between = versions(task.cheap, recipe)
    count, images = len(between), len(task.oracle.data.split(SPLIT))
    return [
        Rung(
            fidelity if (fidelity.images or 0) < images else replace(fidelity, images=None),
            tops * 2 ** (count - at),
            (at + 1) / (count + 1),
            RUNGS[SEEDS * at : SEEDS * (at + 1)],
        )
        for at, fidelity in enumerate(between)
    ]


def entrants(task: Task, tops: int) -> int:
    """How many of a study's best sets enter the lowest rung; `tops` where there is none."""
    return max([tops, *(rung.sets for rung in rungs(task, tops))])


def climb(
    task: Task, oracle: Oracle, sets: Sequence[Candidate], tops: int, progress: Progress = silent
) -> list[Candidate]:
    """The best `tops` of a study's sets, after all rungs, best first.

    Parameters
    ----------
    task : Task
    oracle : Oracle
        That keeps the records.
    sets : sequence of Candidate
        Of one role, best first by what the study knows.
    tops : int
    progress : callable
        Told how many scores of a rung are done, of how many.
    """
    left = list(sets)
    for rung in rungs(task, tops):
        entered = [replace(one, role="finalist") for one in left[: rung.sets]]
        scored = oracle.score_many(
            entered,
            task.config.protocol,
            rung.seeds,
            SPLIT,
            fidelity=rung.fidelity,
            progress=progress,
        )
        left = sorted(entered, key=lambda one: -summarise(of(scored, one)).mean)
    return [replace(one, role=sets[0].role) for one in left[:tops]]
