"""The queue of a study: which positions this process takes, and the sets proposed for them.

Positions are numbered from 0 and proposed in batches. What a batch proposes follows from the
settings and from the finished sets before it alone, whichever process asks. Optuna keeps the queue:
a position is a waiting trial until a process takes it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import Trial, TrialState

from search import methods
from search.storage import storage
from search.task import Task
from search.trials import FIRST_SETS, SEAL, digest, entry, finished

FIRST_RULES = ("nearest-mean", "kmedoids", "herding", "facility-location")  # scored first
SPREAD = 8  # batches among which a process takes one at random, where others work beside it


@dataclass(frozen=True)
class Batch:
    """Trials that a process scores together.

    Attributes
    ----------
    positions : range
        All positions that were proposed together. Other processes may hold some of them.
    trials : list of Trial
        Those that this process holds.
    """

    positions: range
    trials: list[Trial]


class Queue:
    """The positions of a study.

    Parameters
    ----------
    study : optuna.Study
    task : Task
    shared : bool
        Whether other processes may work on the study at the same time.
    """

    def __init__(self, study: optuna.Study, task: Task, shared: bool) -> None:
        self.study, self.task, self.shared = study, task, shared
        self.sets, _ = task.config.limits()
        self.first_sets = [] if task.method.pure else self._first_sets()

    def _first_sets(self) -> list[np.ndarray]:
        """What an iterative method starts from, each once: sets of rules, and start sets."""
        known = self.study.user_attrs.get(FIRST_SETS)
        if known is None:
            view = self.task.view()
            sets = [methods.named(name).propose(view, 1)[0] for name in FIRST_RULES]
            sets += self.task.start_sets
            known = list(dict.fromkeys(tuple(indices.tolist()) for indices in sets))
            self.study.set_user_attr(SEAL, digest(self.study.study_name, known))
            self.study.set_user_attr(FIRST_SETS, known)
        return [np.array(indices) for indices in known]

    def take(self) -> Batch:
        """Take trials of one batch; none where other processes hold all that are left."""
        self._fill()
        positions, trials = range(0), list[Trial]()
        while len(trials) < self.task.config.batch and self._waiting(positions):
            trial = self.study.ask()
            position: int | None = trial.user_attrs.get("position")
            if position is not None and self._is_first(trial, position):
                positions = positions or self._batch_of(position)
                if position in positions:
                    trials.append(trial)
                    continue
            storage.give_up(self.study, trial.number)
        return Batch(positions, trials)

    def propose(self, batch: Batch) -> None:
        """Give every trial of a batch its set."""
        start = batch.positions.start
        if start < len(self.first_sets):
            sets = self.first_sets
        else:
            known = [entry(t) for t in finished(self.study) if t.user_attrs["position"] < start]
            view = self.task.view(known, start)
            sets = self.task.method.propose(view, len(batch.positions))
        for trial in batch.trials:
            trial.set_user_attr("indices", sets[trial.user_attrs["position"] - start].tolist())

    def _batch_of(self, position: int) -> range:
        """The positions that are proposed together with this one."""
        first, size = len(self.first_sets), self.task.config.batch
        if position < first:
            return range(first)
        start = position - (position - first) % size
        return range(start, start + size)

    def _fill(self) -> None:
        """Queue the free positions of a batch, where the queue is empty."""
        trials = self.study.get_trials(deepcopy=False)
        if any(trial.state == TrialState.WAITING for trial in trials):
            return
        held = {t.user_attrs.get("position") for t in trials if t.state != TrialState.FAIL}
        free: list[list[int]] = []
        position, end = 0, self.sets or np.inf
        # Processes that fill a shared queue at once should not all queue the same batch.
        while position < end and len(free) < (SPREAD if self.shared else 1):
            batch = self._batch_of(position)
            free += [own] if (own := [p for p in batch if p not in held and p < end]) else []
            position = batch.stop
        for position in random.choice(free) if free else []:
            self.study.enqueue_trial({}, user_attrs={"position": position})

    def _waiting(self, positions: range) -> bool:
        """Whether the next trial of the queue belongs to the batch that was begun, if any was."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if not positions or not waiting:
            return bool(waiting)
        return waiting[0].user_attrs.get("position") in positions

    def _is_first(self, trial: Trial, position: int) -> bool:
        """Whether no earlier trial has the position of this one.

        Two processes may queue the same position at once. A trial is created together with its
        position, and trials are numbered in order, so all processes agree on the first one.
        """
        return not any(
            other.number < trial.number and other.user_attrs.get("position") == position
            for other in self.study.get_trials(deepcopy=False)
            if other.state != TrialState.FAIL
        )
