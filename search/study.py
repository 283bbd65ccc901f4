"""The study: an Optuna study over sets, in ask-and-tell, that can be killed and resumed.

A set is not a parameter that Optuna knows, so it travels as a user attribute of its trial. What
is proposed follows from the configuration and from the finished trials alone, therefore a study
that was killed and started again goes the way it would have gone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from reproduce import essay
from reproduce.candidate import Candidate
from reproduce.command import option
from reproduce.comparison import summarise
from reproduce.errors import UserError
from reproduce.oracle import Fidelity, Oracle
from search import proposers
from search.pool import Pool

SPLIT = "validation-a"
ATTEMPTS = 100  # to propose a set that the study has not seen


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    Scores while searching come from the first half of validation, `validation-a`; the other half
    is left for the re-scoring.
    """

    ipc: int = option(1, "Images per class.")
    protocol: str = option("conv", "Protocol of the oracle that scores the sets.")
    method: str = option("swap", "How sets are proposed: swap or random.")
    trials: int = option(200, "Sets to score in all, the baselines included.")
    search_seeds: int = option(2, "Replicates of each set while searching.")
    images: int = option(2000, "Validation images that score a set; 0 is all of the half.")
    pool: float = option(0.1, "Fraction of each class, nearest to its mean, to choose from.")
    batch: int = option(16, "Sets proposed from the same best one and scored together.")
    seed: int = option(0, "Seed of the proposals.")

    def __post_init__(self) -> None:
        proposers.named(self.method)
        for name in ("trials", "search_seeds", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1")

    def fingerprint(self) -> str:
        """What must agree for a study to be resumed: all but the number of trials."""
        return json.dumps({**dataclasses.asdict(self), "trials": None}, sort_keys=True)


@dataclass(frozen=True)
class State:
    """What `search` yields after every batch."""

    done: int
    trials: int
    best: float
    improved: int


def search(oracle: Oracle, config: SearchConfig, name: str, storage: Path) -> Iterator[State]:
    """Run or resume the study `name`.

    Parameters
    ----------
    oracle : Oracle
        Scores the sets; give it no records file, the study keeps the scores.
    config : SearchConfig
    name : str
        Name of the study.
    storage : Path
        Optuna journal file; it may hold several studies.

    Yields
    ------
    State
        After each batch of sets.

    Raises
    ------
    UserError
        When the study exists with other settings, is being worked on, or cannot be read.
    """
    pool = Pool.typical(oracle.data.train, config.pool)
    pool.check(config.ipc)
    storage.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{storage}.{name}.lock", timeout=0):
            study = open_study(name, storage)
            _claim(study, f"{config.fingerprint()} on {oracle.data.checksum}", name)
            yield from _run(study, oracle, config, pool)
    except Timeout:
        raise UserError(f"study {name!r} is being worked on by another process") from None


def open_study(name: str, storage: Path) -> optuna.Study:
    """Open or create a study in a journal file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        _check_journal(storage)
        # Optuna's lock is a link to this path: relative, it dangles, and one that a killed process
        # left would be waited for without end.
        journal = JournalStorage(JournalFileBackend(str(storage.resolve())))
        return optuna.create_study(
            storage=journal, study_name=name, direction="maximize", load_if_exists=True
        )
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{storage}: not a readable study journal ({type(error).__name__}); name another"
        ) from None


def _check_journal(storage: Path) -> None:
    """Raise where the file is none of Optuna's, before anything is written to it."""
    if storage.exists():
        with storage.open() as file:
            first = file.readline()
        if first.strip():
            json.loads(first)["op_code"]


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Completed trials in the order of their positions in the search."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(trials, key=lambda trial: trial.user_attrs["position"])


def winner(study: optuna.Study, oracle: Oracle, config: SearchConfig, name: str) -> Candidate:
    """The study's best set as a candidate. Its search score is a lucky one: score it afresh."""
    best = max(finished(study), key=lambda trial: (trial.value, -trial.user_attrs["position"]))
    return candidate_of(best, oracle, config, name)


def candidate_of(trial: FrozenTrial, oracle: Oracle, config: SearchConfig, name: str) -> Candidate:
    """The set that a trial scored."""
    return essay.real_candidate(
        oracle.data,
        np.array(trial.user_attrs["indices"]),
        name=name,
        method=f"search {config.method}",
        seeds=(config.seed,),
    )


def _claim(study: optuna.Study, fingerprint: str, name: str) -> None:
    known = study.user_attrs.setdefault("settings", fingerprint)
    if known != fingerprint:
        raise UserError(f"study {name!r} exists with other settings; give another --name")
    study.set_user_attr("settings", fingerprint)
    # A killed process leaves trials that nobody will finish.
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _run(study: optuna.Study, oracle: Oracle, config: SearchConfig, pool: Pool) -> Iterator[State]:
    done = finished(study)
    while len(done) < config.trials:
        start = len(done) - len(done) % config.batch
        stop = min(start + config.batch, config.trials)
        seen = {tuple(trial.user_attrs["indices"]) for trial in done[:start]}
        # Proposals of a batch know the batches before it, so a batch cut short is proposed again.
        batch = _propose(done[:start], config, pool, range(start, stop), seen)
        _score(study, oracle, config, batch[len(done) - start :], len(done))
        done = finished(study)
        best = max(trial.value or 0 for trial in done)
        first = next(t.user_attrs["position"] for t in done if (t.value or 0) == best)
        yield State(len(done), config.trials, best, first)


def _propose(
    done: list[FrozenTrial],
    config: SearchConfig,
    pool: Pool,
    positions: range,
    seen: set[tuple[int, ...]],
) -> list[np.ndarray]:
    best = max(done, key=lambda trial: trial.value or 0).user_attrs["indices"] if done else None
    propose = proposers.named(config.method)
    batch = []
    for position in positions:
        rng = np.random.default_rng([config.seed, position])
        if position == 0 and config.method != "random":
            proposal = proposers.nearest_mean(pool, config.ipc)
        else:
            for _ in range(ATTEMPTS):
                incumbent = None if best is None else np.array(best)
                proposal = propose(pool, config.ipc, incumbent, rng)
                if tuple(proposal.tolist()) not in seen:
                    break
        seen.add(tuple(proposal.tolist()))
        batch.append(proposal)
    return batch


def _score(
    study: optuna.Study,
    oracle: Oracle,
    config: SearchConfig,
    batch: list[np.ndarray],
    position: int,
) -> None:
    trials = []
    for offset, indices in enumerate(batch):
        trial = study.ask()
        trial.set_user_attr("indices", indices.tolist())
        trial.set_user_attr("position", position + offset)
        trials.append(trial)
    candidates = [
        essay.real_candidate(oracle.data, indices, name=f"trial {position + i}", method="search")
        for i, indices in enumerate(batch)
    ]
    scored = oracle.score_many(
        candidates,
        config.protocol,
        range(config.search_seeds),
        SPLIT,
        fidelity=Fidelity(images=_images(oracle, config)),
    )
    for trial, candidate in zip(trials, candidates, strict=True):
        mine = [record for record in scored if record["candidate"] == candidate.hash]
        study.tell(trial, summarise(mine).mean)


def _images(oracle: Oracle, config: SearchConfig) -> int | None:
    """How many images score a set; None, all of the half, where that has no more."""
    enough = 0 < config.images < len(oracle.data.split(SPLIT))
    return config.images if enough else None
