"""The trials of a study: which sets were scored, how well, and whether a trial was altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from reproduce.errors import UserError
from search.methods.base import Finished

DOUBT = 0.1  # p value below which a set counts as worse than the best, and is dropped
ERRORS = "class_errors"  # attribute of a trial: its errors by class, for each seed
FIRST_SETS = "baselines"  # attribute of a study: the sets that it scores first
SCORED = (TrialState.COMPLETE, TrialState.PRUNED)
SEAL = "seal"  # attribute: a digest of a trial, or of a study's first sets
UNSEALED = ("beat", SEAL)  # attributes of a trial that its digest leaves out


def sealed(study: optuna.Study, trial: FrozenTrial, state: TrialState) -> str:
    """The digest of a trial that ends in this state; altering or moving the trial changes it."""
    attributes = {name: value for name, value in trial.user_attrs.items() if name not in UNSEALED}
    scores = {str(seed): value for seed, value in trial.intermediate_values.items()}
    return digest(study.study_name, state.name, attributes, scores)


def digest(*content: Any) -> str:
    """Sixteen digits that change with any of these JSON values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def check(study: optuna.Study, where: str) -> None:
    """Raise UserError where a scored trial was altered after it had been scored."""
    first = study.user_attrs.get(FIRST_SETS)
    if first is not None and study.user_attrs.get(SEAL) != digest(study.study_name, first):
        raise _altered(study, where, "its first sets were")
    for trial in study.get_trials(deepcopy=False):
        try:
            fits = _fits(study, trial)
        except (TypeError, ValueError, AttributeError):  # where fields are of other types
            fits = False
        if not fits:
            raise _altered(study, where, f"trial {trial.number} was")


def _fits(study: optuna.Study, trial: FrozenTrial) -> bool:
    position = trial.user_attrs.get("position")
    if position is not None and (type(position) is not int or position < 0):
        return False
    if trial.state not in SCORED:
        return True
    seal = trial.user_attrs.get(SEAL)
    return seal == sealed(study, trial, trial.state) and trial.values == [_value(trial)]


def _value(trial: FrozenTrial) -> float:
    """The value that Optuna keeps of a trial that ends with these scores."""
    scores = trial.intermediate_values
    return score_of(trial) if trial.state == TrialState.COMPLETE else scores[max(scores)]


def _altered(study: optuna.Study, where: str, what: str) -> UserError:
    return UserError(
        f"{where}: study {study.study_name!r} cannot be trusted, {what} altered or moved, or made "
        "by an earlier version; restore it, or give another --name"
    )


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Scored trials, dropped ones among them, in the order of their positions."""
    trials = study.get_trials(deepcopy=False, states=SCORED)
    return sorted(trials, key=lambda trial: trial.user_attrs["position"])


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """Trials scored on all seeds, best first, the earliest of equals first."""
    complete = [trial for trial in finished(study) if trial.state == TrialState.COMPLETE]
    return sorted(complete, key=lambda t: (-score_of(t), t.user_attrs["position"]))


def entry(trial: FrozenTrial) -> Finished:
    """A scored trial as methods see it."""
    attributes = trial.user_attrs
    errors = np.array([by_class for by_class in attributes.get(ERRORS, {}).values() if by_class])
    return Finished(
        position=attributes["position"],
        indices=tuple(attributes["indices"]),
        score=score_of(trial),
        seed=min(trial.intermediate_values),
        errors=tuple(errors.mean(0).tolist()) if len(errors) else (),
        complete=trial.state == TrialState.COMPLETE,
    )


def hopeless(trials: Sequence[FrozenTrial], seeds: Sequence[int]) -> list[int]:
    """Numbers of the trials that are surely worse than the best of them on these seeds.

    All were scored on the same images, so their scores are compared seed by seed (Wilcoxon's
    signed-rank test, one-sided, p < 0.1). Trials without a score for one of the seeds are left out.
    """
    from scipy import stats

    shared = [t for t in trials if all(seed in t.intermediate_values for seed in seeds)]
    scores = {t.number: np.array([t.intermediate_values[seed] for seed in seeds]) for t in shared}
    if not scores:
        return []
    best = scores[max(scores, key=lambda number: (scores[number].mean(), -number))]
    return [
        number
        for number, own in scores.items()
        if own.mean() < best.mean()
        and stats.wilcoxon(own, best, alternative="less", zero_method="zsplit").pvalue < DOUBT
    ]


def score_of(trial: FrozenTrial) -> float:
    """Mean accuracy over the seeds that the trial was scored with."""
    return float(np.mean(scores_of(trial)))


def scores_of(trial: FrozenTrial) -> list[float]:
    """Accuracies by seed."""
    return [trial.intermediate_values[seed] for seed in sorted(trial.intermediate_values)]
