"""The study: an Optuna study over sets, in ask-and-tell, that can be killed, resumed and shared.

A set is not a parameter that Optuna knows, so it travels as a user attribute of its trial. A trial
has a position in the study, given when it is queued: positions are asked for in groups, and what a
group proposes follows from the configuration and the finished trials before it alone. So a study
in a journal that was killed and started again goes the way it would have gone; in a database any
number of processes take positions, and one whose process died is queued again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.essay import draws
from reproduce.oracle import FULL, Oracle
from search import methods
from search.config import SearchConfig
from search.methods.base import View
from search.pool import Pool
from search.start_sets import given_sets
from search.storage import storage
from search.trials import entry, finished, ranked
from search.worker import PURE, SPLIT, State, Worker


def search(
    oracle: Oracle,
    config: SearchConfig,
    name: str,
    where: str | Path,
    *,
    artifacts: Path | None = None,
    beat: float = storage.BEAT,
) -> Iterator[State]:
    """Run or resume the study `name`.

    Parameters
    ----------
    oracle : Oracle or FunctionOracle
        Scores the sets; give it no records file, the study keeps the scores.
    config : SearchConfig
    name : str
        Name of the study.
    where : str or Path
        As `storage.open_study` has it; a storage may hold several studies.
    artifacts : Path, optional
        Folder for pictures of every set that is the best so far, for optuna-dashboard.
    beat : float
        Seconds between heartbeats, where several processes share the study.

    Yields
    ------
    State
        After each batch of sets.

    Raises
    ------
    UserError
        When the study exists with other settings, is being worked on, or cannot be read, or
        when given sets do not fit.
    """
    pool = pool_of(oracle, config.fraction())
    quotas = config.quotas_for(len(oracle.data.classes))
    pool.check(quotas)
    if config.given and config.method in PURE:
        raise UserError(f"{config.method} takes nothing from given sets; leave --given out")
    given = given_sets(config.given, oracle.data, pool, quotas)
    with storage.claimed(name, where):
        study = storage.open_study(name, where)
        _agree(study, _settings(oracle, config, pool, quotas), name)
        if not storage.remote(where):  # whoever was at these is dead: the journal is ours alone
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                storage.give_up(study, trial.number)
        yield from Worker(study, where, oracle, config, pool, quotas, given, artifacts, beat).run()


def _settings(
    oracle: Oracle, config: SearchConfig, pool: Pool, quotas: Sequence[int]
) -> dict[str, Any]:
    """What must agree for a study to be resumed."""
    some = [members[:quota] for members, quota in zip(pool.members, quotas, strict=True)]
    sample = draws.real_candidate(oracle.data, np.concatenate(some), name="any", method="any")
    how = oracle.plan_of(sample, config.protocol, config.epochs)
    return {
        **json.loads(config.fingerprint()),
        "data": oracle.data.checksum,
        "split": SPLIT,
        "oracle": how,
    }


def _agree(study: optuna.Study, settings: dict[str, Any], name: str) -> None:
    """Keep the settings of a new study; UserError where an existing one has others."""
    known = study.user_attrs.get("settings")
    if known is None and not finished(study):
        study.set_user_attr("settings", settings)
        return
    if not isinstance(known, dict):
        raise UserError(f"study {name!r} was made by an earlier version; give another --name")
    other = [key for key, value in settings.items() if known.get(key) != value]
    if other:
        hint = " (the plan of the protocol, or the function)" if "oracle" in other else ""
        raise UserError(
            f"study {name!r} exists with other settings: {', '.join(other)}{hint}; "
            "give another --name"
        )


def winner(study: optuna.Study, oracle: Oracle, config: SearchConfig, name: str) -> Candidate:
    """The study's best set as a candidate. Its search score is a lucky one: score it afresh.

    Raises
    ------
    UserError
        When the study has no scored set yet.
    """
    best = leaders(study, oracle, config)[:1]
    if not best:
        raise UserError(f"study {study.study_name!r} has no scored set yet; run it for longer")
    return candidate_of(best[0], oracle, config, name)


def leaders(study: optuna.Study, oracle: Oracle, config: SearchConfig) -> list[FrozenTrial]:
    """The study's trials, best first: by what the method believes of them, else by their scores."""
    best = ranked(study)
    if config.method not in methods.ESTIMATORS:
        return best
    best.sort(key=lambda trial: trial.user_attrs["position"])
    pool = pool_of(oracle, config.fraction())
    believed = methods.ESTIMATORS[config.method](pool, [entry(trial) for trial in best])
    return [best[at] for at in np.argsort(-believed, kind="stable")]


def pool_of(oracle: Oracle, fraction: float) -> Pool:
    """What may be chosen of the oracle's training images; `fraction` as `Pool.typical` has it."""
    return Pool.typical(oracle.data.train, fraction, len(oracle.data.classes))


def candidate_of(
    trial: FrozenTrial, oracle: Oracle, config: SearchConfig, name: str, role: str = "searched"
) -> Candidate:
    """The set that a trial scored: chosen by its score while searching, so far."""
    return draws.real_candidate(
        oracle.data,
        np.array(trial.user_attrs["indices"]),
        name=name,
        method=f"search {config.method}",
        role=role,
        chosen_on=SPLIT,
        seeds=(config.seed,),
    )


def rule_set(oracle: Oracle, config: SearchConfig, rule: str) -> Candidate:
    """The set that a simple rule makes of the whole training split."""
    indices = methods.named(rule)(empty_view(oracle, config), 1)[0]
    return draws.real_candidate(
        oracle.data, indices, name=rule.replace("-", " "), method=rule, role="simple rule"
    )


def empty_view(oracle: Oracle, config: SearchConfig, fraction: float = 1.0) -> View:
    """What a method may look at before any set is scored."""
    quotas, seed = config.quotas_for(len(oracle.data.classes)), config.seed
    return View(
        pool=pool_of(oracle, fraction),
        quotas=quotas,
        unbalanced=False,
        history=(),
        start=0,
        seed=seed,
        oracle=oracle,
        protocol=config.protocol,
        split=SPLIT,
        fidelity=FULL,
        taken=frozenset(),
    )
