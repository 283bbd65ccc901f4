"""The outer loop: make a set better and better, guarded, validated, with checkpoints.

All chance follows from the numbers of the updates, so a run of so many steps that was killed and
resumed is bit for bit the run that was not.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from distill import guard, options, ranks, saved, stages, validation
from distill.config import DistillConfig
from distill.estimate import standing_bytes, too_large
from distill.objectives.base import Objective
from distill.progress import Progress, State
from distill.synthetic import SyntheticSet, start
from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.support.threads import default_device
from reproduce.training import checkpoint as checkpoints

SAVE_EVERY = 30.0  # seconds between checkpoints


class Distiller:
    """One run: data, settings, and all of its state.

    Parameters
    ----------
    data : Dataset
        Its training split is learned from; the first half of validation chooses among the sets
        that a run passes through.
    config : DistillConfig
    name : str
        Name of the candidate.

    Raises
    ------
    UserError
        For settings that do not go together.
    """

    def __init__(self, data: Dataset, config: DistillConfig, name: str = "distilled") -> None:
        self.data, self.name = data, name
        self.rank, self.ranks = ranks.join()
        options.check(config, data)
        self.asked = config
        self.config = config = stages.filled(config)
        if config.nets % self.ranks:
            raise UserError(f"--nets {config.nets} must be a multiple of {self.ranks} processes")
        self.stages = stages.METHODS[config.method]
        recipe = config.made_for(len(data.classes))
        assert config.start is not None
        assert config.learn is not None
        images, labels = start(data, config.ipc, config.start, config.seed, recipe)
        self.origin = saved.fingerprint([images.tobytes(), labels.tobytes()])[:16]
        self.learned = SyntheticSet(images, labels, recipe, config.learn).to(default_device())
        self.average = copy.deepcopy(self.learned)
        self.best = copy.deepcopy(self.learned)
        self.progress = Progress()
        if self.stages:
            self._enter(0)

    def _enter(self, stage: int) -> None:
        """Begin a stage: its settings, a fresh pool, a fresh optimiser."""
        self.progress.enter(stage)
        kind, recipe = self.stages[stage].objective, self.learned.recipe
        self.stage_config = own = stages.filled(self.asked, stage)
        classes, images = len(self.data.classes), len(self.learned.images)
        crowd = kind.crowd(own, recipe.epochs, classes, self.ranks)
        self.standing = standing_bytes(recipe, self.data.image_shape, images, classes, crowd)
        room = int(own.memory * 2**30) - self.standing
        if room <= 0:
            raise too_large(-room)
        self.objective: Objective = kind(self.data, own, self.learned, self.rank, self.ranks)
        self.bytes = self.objective.fit(room)
        self.optimiser = torch.optim.Adam(self.learned.learned(), lr=own.image_lr or 0.0)

    @property
    def done(self) -> float:
        """Part of the budget that is spent, 0 to 1."""
        if not self.stages:
            return 1.0
        parts = [0.0]
        if self.config.steps:
            parts.append(self.progress.step / self.config.steps)
        if self.config.minutes:
            parts.append(self.progress.seconds / 60 / self.config.minutes)
        return min(1.0, max(parts))

    def expectation(self) -> str:
        """What an update takes, in words: memory, and time measured on one."""
        objective, reuse = self.objective, self.stage_config.reuse or 1
        started = time.monotonic()
        objective.begin(0)
        begun = time.monotonic()
        objective.loss().backward()
        once = (begun - started) / reuse + time.monotonic() - begun
        self.optimiser.zero_grad()
        update, pool = self.bytes / 2**20, self.standing / 2**20
        words = [f"An update takes about {update:,.0f} MiB and {once:.2g} s", *objective.ways()]
        return ", ".join(words) + f"; the set and the pool of networks take {pool:,.0f} MiB."

    def run(self, checkpoint: Path | None = None, every: int | None = None) -> Iterator[State]:
        """Learn until the budget is spent, resuming from `checkpoint` where that file exists.

        Parameters
        ----------
        checkpoint : Path or None
            Written whole by the first process after the first real batch, then every `every` of
            them, or every half minute, and at the end.

        Yields
        ------
        State
            After every real batch and at the end.

        Raises
        ------
        UserError
            When the checkpoint is damaged or of another run, or the objective is not finite
            however small the steps are.
        """
        good = (checkpoint and self._restored(checkpoint)) or self.snapshot()
        last = -math.inf
        while self.done < 1:
            started = time.monotonic()
            if self.done >= self.stages[self.progress.stage].until:
                self._enter(self.progress.stage + 1)
            if not self._turn():
                good = self._rolled_back(good)
                continue
            if self.progress.turn % guard.GOOD_EVERY == 0:
                good = self.snapshot()
            self.progress.seconds = ranks.agreed(self.progress.seconds + time.monotonic() - started)
            due = validation.is_due(self.done, self.progress.checked, self.config.checks)
            found = self._check() if due else None
            now = time.monotonic()
            save = self.progress.turn % every == 0 if every else now - last > SAVE_EVERY
            if checkpoint and (ranks.agreed(save) or self.done == 1):
                saved.save(checkpoint, self._run(), self.snapshot(), good)
                last = now
            yield State(self.progress, self.done, found)
        if not self.progress.history:
            self._check()
        yield State(self.progress, 1.0)

    def _turn(self) -> bool:
        """One real batch and its updates; False where they came to nothing finite."""
        config, objective, progress = self.stage_config, self.objective, self.progress
        objective.begin(progress.turn)
        for _ in range(config.reuse or 1):
            self.optimiser.param_groups[0]["lr"] = self._rate()
            self.optimiser.zero_grad()
            loss = objective.loss()
            loss.backward()
            if not self._step(ranks.mean(float(loss.detach()))):
                return False
            if progress.step == self.config.steps:
                break
        objective.end()
        progress.turn += 1
        return True

    def _rate(self) -> float:
        """Cosine from the stage's rate to a tenth of it."""
        stage, ends = self.progress.stage, self.stages[self.progress.stage].until
        begins = self.stages[stage - 1].until if stage else 0.0
        part = (self.done - begins) / (ends - begins)
        cosine = 0.55 + 0.45 * math.cos(math.pi * min(1.0, max(0.0, part)))
        return (self.stage_config.image_lr or 0.0) * self.progress.scale * cosine

    def _step(self, loss: float) -> bool:
        """Move the set along its gradient, where that is healthy; whether it was."""
        progress = self.progress
        norm = guard.healthy(self.learned.learned(), loss, progress.norm)
        if norm is None:
            return False
        self.optimiser.step()
        progress.count(loss, norm)
        keep = min(self.config.ema, progress.step / (10 + progress.step))
        self.average.approach(self.learned, 1 - keep)
        return True

    def _rolled_back(self, good: dict[str, Any]) -> dict[str, Any]:
        """Return to the last good state with half the step size, and say so."""
        scale, rollbacks = self.progress.scale / 2, self.progress.rollbacks + 1
        if rollbacks > guard.MOST_ROLLBACKS:
            raise UserError(
                f"the loss is no longer finite at update {self.progress.step}, with steps as small "
                f"as {scale:.2g} of --image-lr, too; try a smaller --inner-lr or a shorter --window"
            )
        at, seconds = self.progress.step, self.progress.seconds
        self._take(copy.deepcopy(good))
        self.progress.scale, self.progress.rollbacks = scale, rollbacks
        self.progress.seconds = seconds
        self.progress.note = f"rolled back from update {at}, step size x {scale:g}"
        return self.snapshot()

    def _check(self) -> Candidate | None:
        """Validate the running mean of the set; keep it where it is the best so far."""
        candidate = self._candidate(self.average)
        device = str(self.learned.images.device)
        accuracy = ranks.agreed(validation.accuracy(candidate, self.data, device))
        progress = self.progress
        progress.validated(self.done, accuracy)
        if accuracy <= progress.best:
            return None
        progress.best = accuracy
        self.best.load_state_dict(self.average.state_dict())
        return candidate

    def candidate(self) -> Candidate:
        """The best set so far by validation; the running mean where none was validated yet."""
        return self._candidate(self.best if self.progress.best >= 0 else self.average)

    def _candidate(self, learned: SyntheticSet) -> Candidate:
        words = ["distill", self.config.method]
        if self.config.learn != "both" and self.config.recipe != "convnet":
            words.append(f"{self.config.learn} only")
        if self.config.known_init is not None:
            words.append("for one known init")
        config = self.config
        return learned.candidate(self.data, self.name, " ".join(words), config.seed, config.widen)

    def _run(self) -> str:
        """What a checkpoint belongs to."""
        settings, data = stages.settled(self.asked), self.data.checksum
        return f"{settings} from {self.origin} on {data}, {self.ranks} processes"

    def snapshot(self) -> dict[str, Any]:
        """All state, as tensors, numbers and containers."""
        sets = {"learned": self.learned, "average": self.average, "best": self.best}
        state: dict[str, Any] = {name: copy.deepcopy(s.state_dict()) for name, s in sets.items()}
        state["progress"] = dataclasses.asdict(self.progress)
        if self.stages:
            state["optimiser"] = copy.deepcopy(self.optimiser.state_dict())
            state["pool"] = self.objective.pool.state()
        return state

    def _take(self, state: dict[str, Any]) -> None:
        progress = Progress(**state["progress"])
        if self.stages and progress.stage != self.progress.stage:
            self._enter(progress.stage)
        self.progress = progress
        for name in ("learned", "average", "best"):
            saved.take(getattr(self, name), state[name])
        if self.stages:
            self.optimiser.load_state_dict(state["optimiser"])
            saved.check_optimiser(self.optimiser)
            self.objective.pool.restore(state["pool"])

    def _restored(self, path: Path) -> dict[str, Any] | None:
        """Go on from a checkpoint; what a guard would roll back to. None where there is none."""
        found = saved.load(path, self._run(), self.rank)
        if found is None:
            return None
        now, good = found
        try:
            self._take(good)  # proves it sound
            self._take(now)
        except (*saved.DAMAGED, UserError) as error:
            raise checkpoints.damaged(path, error) from None
        return good


def distill(
    data: Dataset,
    config: DistillConfig,
    checkpoint: Path | None = None,
    name: str = "distilled",
) -> Candidate:
    """Distil a set: `Distiller` from beginning to end, resumable.

    Parameters
    ----------
    data : Dataset
    config : DistillConfig
    checkpoint : Path or None
        Where the run's state is kept, and read from where it exists.

    Returns
    -------
    Candidate
        The best set by validation, with its recipe.
    """
    distiller = Distiller(data, config, name)
    for _ in distiller.run(checkpoint):
        pass
    return distiller.candidate()
