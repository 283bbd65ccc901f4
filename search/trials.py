"""What the trials of a study say: the sets they scored, and how well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from search.methods.base import Finished

DOUBT = 0.1  # of a set's being worse, below which it is dropped
ERRORS = "class_errors"  # the attribute of a trial with its errors by class, seed by seed


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Scored trials, dropped ones among them, in the order of their positions."""
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    trials = study.get_trials(deepcopy=False, states=states)
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

    All have been scored on the same images, so scores are compared seed by seed (Wilcoxon's
    signed-rank test, one-sided, p < 0.1). Trials that lack one of the seeds take no part.
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
