"""The scorer: scores the sets of a batch and tells the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from search.queue import Batch
from search.storage import pictures
from search.task import SPLIT, Task
from search.trials import ERRORS, SEAL, finished, hopeless, ranked, score_of, sealed

RUNG = 4  # seeds after which hopeless sets are dropped, and again after as many


class Scorer:
    """Scores batches.

    Parameters
    ----------
    study : optuna.Study
    task : Task
    artifacts : Path or None
        Folder for pictures of every set that is the best so far.
    """

    def __init__(self, study: optuna.Study, task: Task, artifacts: Path | None) -> None:
        self.study, self.task, self.artifacts = study, task, artifacts
        self.scores = 0  # replicates scored

    def score(self, batch: Batch) -> None:
        """Score the trials of a batch seed by seed, and finish them."""
        alive = self._without_known(batch.trials)
        seeds = self.task.seeds(batch.positions.start)
        for end in range(RUNG, len(seeds) + RUNG, RUNG):
            self._score_seeds(alive, seeds[end - RUNG : end], batch.positions.start)
            if end < len(seeds):
                alive = self._without_hopeless(alive, batch.positions, seeds[:end])
        if self.artifacts and alive:
            self._picture(alive, self.artifacts)
        for trial in alive:
            self._tell(trial, TrialState.COMPLETE)

    def _without_known(self, trials: Sequence[Trial]) -> list[Trial]:
        """Finish trials whose set the study has scored before, with the same scores."""
        known = {tuple(trial.user_attrs["indices"]): trial for trial in finished(self.study)}
        new = []
        for trial in trials:
            same = known.get(tuple(trial.user_attrs["indices"]))
            if same is None:
                new.append(trial)
                continue
            trial.set_user_attr("same as", same.number)
            for seed, value in same.intermediate_values.items():
                trial.report(value, seed)
            trial.set_user_attr(ERRORS, same.user_attrs.get(ERRORS, {}))
            self._tell(trial, same.state)
        return new

    def _score_seeds(self, trials: Sequence[Trial], seeds: Sequence[int], start: int) -> None:
        """Score the sets of some trials with some of their seeds."""
        if not trials:
            return
        sets = [
            self.task.candidate(
                trial.user_attrs["indices"], name=f"trial {trial.number}", method="search"
            )
            for trial in trials
        ]
        scored = self.task.oracle.score_many(
            sets, self.task.config.protocol, seeds, SPLIT, fidelity=self.task.fidelity(start)
        )
        self.scores += len(scored)
        for trial, candidate in zip(trials, sets, strict=True):
            own = [record for record in scored if record["candidate"] == candidate.hash]
            errors = {str(record["seed"]): record.get("class_errors", []) for record in own}
            for record in own:
                trial.report(record["accuracy"], record["seed"])
            trial.set_user_attr(ERRORS, {**trial.user_attrs.get(ERRORS, {}), **errors})

    def _without_hopeless(
        self, trials: Sequence[Trial], positions: range, seeds: Sequence[int]
    ) -> list[Trial]:
        """Finish trials that are surely worse than the best of their batch; the others."""
        dropped = hopeless(self._scored_beside(positions), seeds)
        for trial in trials:
            if trial.number in dropped:
                self._tell(trial, TrialState.PRUNED)
        return [trial for trial in trials if trial.number not in dropped]

    def _scored_beside(self, positions: range) -> list[FrozenTrial]:
        """All trials of a batch that are or were scored, but not those of known sets."""
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state not in (TrialState.FAIL, TrialState.WAITING)
            and trial.user_attrs.get("position") in positions
            and "same as" not in trial.user_attrs
        ]

    def _picture(self, trials: Sequence[Trial], folder: Path) -> None:
        """Save a picture of the best of these sets, where it is the study's best so far."""
        best = max(trials, key=lambda trial: score_of(self._stored(trial)))
        before = ranked(self.study)[:1]
        if not before or score_of(self._stored(best)) > score_of(before[0]):
            images = self.task.pool.train.images[best.user_attrs["indices"]]
            picture = pictures.grid(images, columns=max(10, self.task.config.ipc))
            pictures.attach(best, folder, picture)

    def _tell(self, trial: Trial, state: TrialState) -> None:
        """Finish a trial with its mean score, unless other processes have given it up."""
        scored = self._stored(trial)
        if scored.state == TrialState.RUNNING:
            trial.set_user_attr(SEAL, sealed(self.study, scored, state))
        value = score_of(scored) if state == TrialState.COMPLETE else None
        self.study.tell(trial, value, state=state, skip_if_finished=True)

    def _stored(self, trial: Trial) -> FrozenTrial:
        """The trial with its scores, as the study keeps it."""
        return self.study.get_trials(deepcopy=False)[trial.number]
