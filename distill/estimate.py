"""How long a run takes in all, said before it starts: updates, validations and final scores."""

from __future__ import annotations

import time

from distill import validation
from distill.distiller import Distiller
from reproduce.commands.expectation import duration
from reproduce.support.text import counted


def expectation(distiller: Distiller, seeds: int = 0, sets: int = 1, workers: int = 1) -> str:
    """What a run takes, in words: time and memory, measured on one update of each learner.

    Parameters
    ----------
    distiller : Distiller
        Before it runs.
    seeds : int
        Networks that score each set in the end, for each learner.
    sets : int
        How many sets are scored.
    workers : int
        Processes that share these scores.
    """
    once = update_seconds(distiller)
    config, names = distiller.config, [member.protocol for member in distiller.panel]
    spans = [60 * config.minutes] if config.minutes else []
    spans += [once * config.steps] if config.steps else []
    checked = distiller.checks * distiller.validation_seconds
    trained = validation.networks(names, distiller.candidate())
    scored = distiller.validation_seconds / trained * len(names) * seeds * sets / workers
    parts = [f"{duration(min(spans))} of updates"]
    parts += [f"{duration(checked)} of {counted(distiller.checks, 'validations')}"]
    parts += [f"{duration(scored)} of final scores"] if scored else []
    whole = duration(min(spans) + checked + scored)
    update, pool = distiller.bytes / 2**20, distiller.standing / 2**20
    words = [f"An update takes about {update:,.0f} MiB and {once:.2g} s"]
    words += dict.fromkeys(way for objective in distiller.objectives for way in objective.ways())
    return (
        f"About {whole} in all: {', '.join(parts)}. {', '.join(words)}; the set and the pool of "
        f"networks take {pool:,.0f} MiB."
    )


def update_seconds(distiller: Distiller) -> float:
    """Seconds of an update, tried out on a turn of each learner; nothing is changed."""
    turns = losses = 0.0
    for objective in distiller.objectives:
        before = objective.state()
        objective.begin(0)
        ends = time.monotonic()
        objective.end()
        begins = time.monotonic()
        objective.begin(0)  # after an end, so that it makes what every turn makes anew
        begun = time.monotonic()
        objective.loss().backward()
        losses += time.monotonic() - begun
        turns += (begins - ends) * objective.turnover + begun - begins
        objective.restore(before)
    distiller.optimiser.zero_grad()
    reuse = distiller.stage_config.reuse or 1
    return (turns / reuse + losses) / len(distiller.objectives)
