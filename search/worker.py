"""One process at work on a study: takes positions, proposes their sets, and has them scored."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from reproduce.essay import draws
from reproduce.oracle import FULL, Fidelity, Oracle
from search import methods
from search.config import SearchConfig
from search.methods.base import View
from search.pool import Pool
from search.seeds import searching
from search.storage import pictures, storage
from search.trials import (
    ERRORS,
    FIRST_SETS,
    SEAL,
    digest,
    entry,
    finished,
    hopeless,
    ranked,
    score_of,
    scores_of,
    sealed,
)

# Of these images the ones that a set does not hold; validation is left for what comes after.
SPLIT = "train"
BASELINES = ("nearest-mean", "kmedoids", "herding", "facility-location")  # scored first
PURE = ("random", "stratified", *BASELINES, "kcenter", "el2n", "forgetting")  # want none of them
RUNG = 4  # seeds after which a set may be pruned, and again after as many
PAUSE = 0.5  # seconds between looks at a study whose last sets others are at
SPREAD = 8  # groups among which a process takes one at random, where others work beside it


@dataclass(frozen=True)
class State:
    """What `search` yields after every batch.

    Attributes
    ----------
    done : int
        Sets that the study has scored.
    sets, seconds : int or None, float or None
        The budget; one of them is None.
    elapsed : float
        Seconds that this call has run.
    best, error : float
        Best mean accuracy of a set that was scored with all seeds, and its standard error over
        them (NaN for one seed).
    improved : int
        The position of the best set.
    scores : int
        Replicates scored by this call.
    """

    done: int
    sets: int | None
    seconds: float | None
    elapsed: float
    best: float
    error: float
    improved: int
    scores: int

    def note(self) -> str:
        """The best so far with its error, and scores per second, in words."""
        error = "" if np.isnan(self.error) else f" ± {self.error:.2f}"
        return (
            f"best {self.best:.2f}{error} %, {self.scores / max(self.elapsed, 1e-9):.1f} scores/s"
        )


@dataclass
class Worker:
    """One process at work on a study."""

    study: optuna.Study
    where: str | Path
    oracle: Oracle
    config: SearchConfig
    pool: Pool
    quotas: tuple[int, ...]
    given: list[np.ndarray]
    artifacts: Path | None = None
    beat: float = storage.BEAT

    def __post_init__(self) -> None:
        self.scores = 0
        self.baselines = self._baselines()

    def run(self) -> Iterator[State]:
        """Score batches until the budget is spent."""
        sets, seconds = self.config.limits()
        begun, watch = time.monotonic(), storage.Watch(self.study, self.beat)
        while True:
            watch.sweep()
            done, best = finished(self.study), ranked(self.study)
            if best:
                yield self._state(len(done), best[0], time.monotonic() - begun)
            if sets and len(done) >= sets:
                storage.clear(self.study, {trial.user_attrs["position"] for trial in done})
                return
            if time.monotonic() - begun >= (seconds or np.inf):
                return
            batch = self._take(sets)
            try:
                with storage.beating(batch, self.beat):
                    self._propose(batch)
                    self._score(batch)
            except optuna.exceptions.UpdateFinishedTrialError:
                pass  # we stood still for so long that others gave us up and took it over
            finally:  # what was not scored, because of an interruption, others may take
                for trial in batch:
                    storage.give_up(self.study, trial.number)
            if not batch:
                time.sleep(PAUSE)

    def _state(self, done: int, best: FrozenTrial, elapsed: float) -> State:
        values = scores_of(best)
        error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else np.nan
        at = best.user_attrs["position"]
        sets, seconds = self.config.limits()
        return State(done, sets, seconds, elapsed, score_of(best), error, at, self.scores)

    def _baselines(self) -> list[np.ndarray]:
        """Simple and given sets that an iterative method starts from, each once."""
        if self.config.method in PURE:
            return []
        known = self.study.user_attrs.get(FIRST_SETS)
        if known is None:
            view = self._view([], 0)
            sets = [methods.named(name)(view, 1)[0] for name in BASELINES] + self.given
            known = list(dict.fromkeys(tuple(indices.tolist()) for indices in sets))
            self.study.set_user_attr(SEAL, digest(self.study.study_name, known))
            self.study.set_user_attr(FIRST_SETS, known)
        return [np.array(indices) for indices in known]

    def _group(self, position: int) -> range:
        """The positions that are proposed together with this one."""
        first = len(self.baselines)
        if position < first:
            return range(first)
        start = position - (position - first) % self.config.batch
        return range(start, start + self.config.batch)

    def _take(self, sets: int | None) -> list[Trial]:
        """Trials of one group for this process; none where others have them all."""
        self._queue(sets)
        taken: list[Trial] = []
        while len(taken) < self.config.batch and self._waiting(taken):
            trial = self.study.ask()
            if self._mine(trial):
                taken.append(trial)
            else:
                storage.give_up(self.study, trial.number)
        return taken

    def _queue(self, sets: int | None) -> None:
        """Queue a group of positions that nobody holds, where the queue is empty."""
        trials = self.study.get_trials(deepcopy=False)
        if any(trial.state == TrialState.WAITING for trial in trials):
            return
        held = {t.user_attrs.get("position") for t in trials if t.state != TrialState.FAIL}
        groups: list[list[int]] = []
        position = 0
        # Processes that come to a shared queue at once had better not all queue the same group.
        while len(groups) < (SPREAD if storage.remote(self.where) else 1):
            group = self._group(position)
            free = [p for p in group if p not in held and p < (sets or np.inf)]
            groups += [free] if free else []
            position = group.stop
            if position >= (sets or np.inf):
                break
        for position in random.choice(groups) if groups else []:
            self.study.enqueue_trial({}, user_attrs={"position": position})

    def _waiting(self, taken: Sequence[Trial]) -> bool:
        """Whether there are trials in the queue, of the group that the taken ones belong to."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if not taken or not waiting:
            return bool(waiting)
        group = self._group(taken[0].user_attrs["position"])
        return waiting[0].user_attrs.get("position") in group

    def _mine(self, trial: Trial) -> bool:
        """Whether a trial from the queue is the first that has its position.

        Two processes may queue one position at once. A position is written together with its
        trial, and numbers rise, so all see the same first.
        """
        position = trial.user_attrs.get("position")
        return position is not None and not any(
            other.number < trial.number and other.user_attrs.get("position") == position
            for other in self.study.get_trials(deepcopy=False)
            if other.state != TrialState.FAIL
        )

    def _propose(self, trials: Sequence[Trial]) -> None:
        """Give every trial its set. They are of one group, but for a race with other processes."""
        by_group: dict[range, list[Trial]] = {}
        for trial in trials:
            by_group.setdefault(self._group(trial.user_attrs["position"]), []).append(trial)
        for group, mine in by_group.items():
            sets = self._sets(group)
            for trial in mine:
                indices = sets[trial.user_attrs["position"] - group.start]
                trial.set_user_attr("indices", indices.tolist())

    def _sets(self, group: range) -> list[np.ndarray]:
        """The sets of all positions of a group."""
        if group.start < len(self.baselines):
            return self.baselines
        known = [t for t in finished(self.study) if t.user_attrs["position"] < group.start]
        return methods.named(self.config.method)(self._view(known, group.start), len(group))

    def _view(self, done: list[FrozenTrial], start: int) -> View:
        history = [entry(trial) for trial in done]
        return View(
            pool=self.pool,
            quotas=self.quotas,
            unbalanced=self.config.unbalanced,
            history=history,
            start=start,
            seed=self.config.seed,
            oracle=self.oracle,
            protocol=self.config.protocol,
            split=SPLIT,
            fidelity=self._fidelity(start),
            taken=frozenset(known.indices for known in history),
            given=tuple(tuple(indices.tolist()) for indices in self.given),
        )

    def _fidelity(self, start: int) -> Fidelity:
        """How much of a full score the sets of a group are given, by its first position.

        Every group is scored on the next so many images of the split, or on all of them where
        there are no more: no image is learned by heart.
        """
        epochs = self.config.epochs
        if not 0 < self.config.images < len(self.oracle.data.split(SPLIT)):
            return replace(FULL, epochs=epochs)
        return Fidelity(self.config.images, epochs, part=-(-start // self.config.batch))

    def _score(self, trials: Sequence[Trial]) -> None:
        """Score the trials seed by seed; a set that the study knows takes the scores it has."""
        known = {tuple(t.user_attrs["indices"]): t for t in finished(self.study)}
        alive = []
        for trial in trials:
            same = known.get(tuple(trial.user_attrs["indices"]))
            if same is None:
                alive.append(trial)
            else:
                trial.set_user_attr("same as", same.number)
                for seed, value in same.intermediate_values.items():
                    trial.report(value, seed)
                trial.set_user_attr(ERRORS, same.user_attrs.get(ERRORS, {}))
                self._tell(trial, same.state)
        if not alive:
            return
        group = self._group(alive[0].user_attrs["position"])
        seeds = self._seeds(group.start)
        for end in range(RUNG, len(seeds) + RUNG, RUNG):
            self._score_rung(alive, seeds[end - RUNG : end], self._fidelity(group.start))
            if end < len(seeds):
                dropped = hopeless(self._beside(group), seeds[:end])
                for trial in alive:
                    if trial.number in dropped:
                        self._tell(trial, TrialState.PRUNED)
                alive = [trial for trial in alive if trial.number not in dropped]
        if self.artifacts and alive:
            self._picture(alive, self.artifacts)
        for trial in alive:
            self._tell(trial, TrialState.COMPLETE)

    def _seeds(self, start: int) -> range:
        """The replicate seeds of a group, by its first position."""
        own = start if self.config.method in methods.FRESH else None
        return searching(self.config.search_seeds, own)

    def _beside(self, group: range) -> list[FrozenTrial]:
        """The trials of a group that are scored or being scored, but for those of known sets."""
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state not in (TrialState.FAIL, TrialState.WAITING)
            and trial.user_attrs.get("position") in group
            and "same as" not in trial.user_attrs
        ]

    def _picture(self, trials: Sequence[Trial], folder: Path) -> None:
        """Picture the best of these sets, where it is better than the study's best so far."""
        scored = [self.study._storage.get_trial(trial._trial_id) for trial in trials]
        best = max(scored, key=score_of)
        before = ranked(self.study)[:1]
        if not before or score_of(best) > score_of(before[0]):
            images = self.pool.train.images[best.user_attrs["indices"]]
            picture = pictures.grid(images, columns=max(10, self.config.ipc))
            pictures.attach(self.study, best, folder, picture)

    def _score_rung(
        self, trials: Sequence[Trial], seeds: Sequence[int], fidelity: Fidelity
    ) -> None:
        sets = [
            draws.real_candidate(
                self.oracle.data,
                np.array(trial.user_attrs["indices"]),
                name=f"trial {trial.number}",
                method="search",
            )
            for trial in trials
        ]
        if not sets:
            return
        scored = self.oracle.score_many(sets, self.config.protocol, seeds, SPLIT, fidelity=fidelity)
        self.scores += len(scored)
        for record in scored:
            for trial, candidate in zip(trials, sets, strict=True):
                if record["candidate"] == candidate.hash:
                    trial.report(record["accuracy"], record["seed"])
                    errors = {**trial.user_attrs.get(ERRORS, {})}
                    errors[str(record["seed"])] = record.get("class_errors", [])
                    trial.set_user_attr(ERRORS, errors)

    def _tell(self, trial: Trial, state: TrialState) -> None:
        """Finish a trial with its mean score, unless it was given up meanwhile."""
        scored = self.study._storage.get_trial(trial._trial_id)
        if scored.state == TrialState.RUNNING:
            trial.set_user_attr(SEAL, sealed(self.study, scored, state))
        value = score_of(scored)
        values = value if state == TrialState.COMPLETE else None
        self.study.tell(trial, values, state=state, skip_if_finished=True)
