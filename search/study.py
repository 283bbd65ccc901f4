"""The study: an Optuna study over sets, in ask-and-tell, that can be killed, resumed and shared.

Optuna has no parameter that is a set of images, so a set is a user attribute of its trial. Each
trial has a position in the study, and the sets of a batch of positions follow from the settings and
from the finished sets before them alone. So a study in a journal that was killed continues as if it
had never stopped. In a database any number of processes take positions, and the positions of a
process that died are queued again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.oracle import Oracle
from reproduce.support.files import check_folder
from search.config import SearchConfig
from search.queue import Queue
from search.scorer import Scorer
from search.storage import storage
from search.task import Task
from search.trials import entry, finished, ranked, score_of, scores_of

PAUSE = 0.5  # seconds between two looks at a study whose last sets other processes score


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
    scores : int
        Replicates scored by this call.
    """

    done: int
    sets: int | None
    seconds: float | None
    elapsed: float
    best: float
    error: float
    scores: int

    def note(self) -> str:
        """The best so far with its error, and scores per second, in words."""
        error = "" if np.isnan(self.error) else f" ± {self.error:.2f}"
        return (
            f"best {self.best:.2f}{error} %, {self.scores / max(self.elapsed, 1e-9):.1f} scores/s"
        )


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
        Scores the sets. Give it no records file: the study keeps the scores.
    config : SearchConfig
    name : str
        Name of the study.
    where : str or Path
        As in `storage.open_study`. A storage may hold several studies.
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
        When the study exists with other settings, is being worked on, or cannot be read, or when
        start sets do not fit.
    """
    task = Task(oracle, config)
    with _checked(task, name, where, artifacts) as study:
        if "settings" not in study.user_attrs:
            study.set_user_attr("settings", task.settings())
        if not storage.remote(where):  # the journal is ours alone: whoever ran these trials is dead
            storage.give_up_running(study)
        queue = Queue(study, task, shared=storage.remote(where))
        yield from _batches(
            study, queue, Scorer(study, task, artifacts), storage.Watch(study, beat)
        )


def check(task: Task, name: str, where: str | Path, artifacts: Path | None = None) -> None:
    """Raise UserError where `search` would refuse these arguments; nothing is scored."""
    with _checked(task, name, where, artifacts):
        pass


@contextmanager
def _checked(
    task: Task, name: str, where: str | Path, artifacts: Path | None
) -> Iterator[optuna.Study]:
    """The study, held for this process, once all is found to be in order."""
    task.check()
    if artifacts:
        check_folder(artifacts)
    with storage.claimed(name, where):
        study = storage.open_study(name, where)
        _check_settings(study, task.settings(), name)
        yield study


def _batches(
    study: optuna.Study, queue: Queue, scorer: Scorer, watch: storage.Watch
) -> Iterator[State]:
    """Score batches until the budget is spent."""
    sets, seconds = queue.task.config.limits()
    begun = time.monotonic()
    while True:
        watch.sweep()
        done, best = finished(study), ranked(study)
        if best:
            yield _state(len(done), best[0], queue.task.config, time.monotonic() - begun, scorer)
        if sets and len(done) >= sets:
            storage.clear(study, {trial.user_attrs["position"] for trial in done})
            return
        if time.monotonic() - begun >= (seconds or np.inf):
            return
        batch = queue.take()
        try:
            with watch.beating(batch.trials):
                queue.propose(batch)
                scorer.score(batch)
        except optuna.exceptions.UpdateFinishedTrialError:
            pass  # our heartbeat expired, and another process took over the trial
        finally:  # after an interruption, other processes may take what was not scored
            for trial in batch.trials:
                storage.give_up(study, trial.number)
        if not batch.trials:
            time.sleep(PAUSE)


def _state(
    done: int, best: FrozenTrial, config: SearchConfig, elapsed: float, scorer: Scorer
) -> State:
    values = scores_of(best)
    error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else np.nan
    return State(done, *config.limits(), elapsed, score_of(best), error, scorer.scores)


def _check_settings(study: optuna.Study, settings: dict[str, Any], name: str) -> None:
    """Raise UserError where a study that has begun has other settings."""
    known = study.user_attrs.get("settings")
    if known is None and not finished(study):
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
    """The study's best set as a candidate.

    Its search score is the best of many noisy ones and so too high: score it again on fresh seeds.

    Raises
    ------
    UserError
        When the study has no scored set yet.
    """
    task = Task(oracle, config)
    best = leaders(study, task)[:1]
    if not best:
        raise UserError(f"study {study.study_name!r} has no scored set yet; run it for longer")
    return task.found(best[0], name)


def leaders(study: optuna.Study, task: Task) -> list[FrozenTrial]:
    """The study's trials, best first: by what the method believes of them, else by their scores."""
    best = ranked(study)
    if task.method.believe is None:
        return best
    best.sort(key=lambda trial: trial.user_attrs["position"])
    believed = task.method.believe(task.pool, [entry(trial) for trial in best])
    return [best[at] for at in np.argsort(-believed, kind="stable")]
