"""The outer loop: improve a set update by update, guarded, validated, with checkpoints.

All chance follows from the numbers of the updates, so a run of so many steps that was killed and
resumed is bit for bit the run that was not.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from distill import checkpoint as checkpoints
from distill import frames, guard, methods, options, panel, ranks, schedule, validation
from distill.config import DistillConfig
from distill.convert import candidate_of, learnable
from distill.objectives.base import Objective, too_large
from distill.progress import Progress, State
from distill.synthetic import SyntheticSet
from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.support.threads import usable_device

SAVE_EVERY = 30.0  # seconds between checkpoints


class Distiller:
    """One run: data, settings, and all of its state.

    Parameters
    ----------
    data : Dataset
        Its training split is learned from; the first half of validation chooses a set of the run.
    config : DistillConfig
    name, device : str
        Name of the candidate, and where it is computed: `auto`, `cpu`, `cuda` and so on.
    checkpoint : Path or None
        From which `run` will go on; it is checked before memory is measured, which takes long.

    Raises
    ------
    UserError
        For settings that do not go together, and for a checkpoint of another run.
    """

    def __init__(
        self,
        data: Dataset,
        config: DistillConfig,
        name: str = "distilled",
        device: str = "auto",
        checkpoint: Path | None = None,
    ) -> None:
        self.data, self.name, self.settings = data, name, config
        self.rank, self.ranks = ranks.join()
        if config.nets % self.ranks:
            raise UserError(f"--nets {config.nets} must be a multiple of {self.ranks} processes")
        self.stages = methods.find(config.method).stages
        self.config = filled = frames.filled(methods.filled(config))
        self.learned = frames.in_frame(data, filled)  # what the set is learned from
        begun = frames.begun(self.learned, filled)
        self.goes_on = begun.role == "distilled"
        self.panel = panel.members(filled, begun)
        options.check(config, data, self.panel)
        self.synthetic = learnable(begun, filled, self.panel).to(usable_device(device))
        self.origin = checkpoints.fingerprint(self.synthetic.state_dict())[:16]
        self.average, self.best = (copy.deepcopy(self.synthetic) for _ in range(2))
        if checkpoint:
            checkpoints.check(checkpoint, self.identity(), self.rank)
        self.progress = Progress()
        if self.stages:
            self._enter(0)

    def _enter(self, number: int) -> None:
        """Begin a stage: its settings, fresh pools, a fresh optimiser."""
        self.progress.enter(number, len(self.panel))
        self.stage_config = config = methods.filled(self.settings, number)
        kinds = [self.stages[number].kind(member) for member in self.panel]
        pairs = zip(kinds, self.panel, strict=True)
        self.standing = sum(kind.standing_bytes(config, m, self.learned) for kind, m in pairs)
        room = int(config.memory * 2**30) - self.standing
        if room <= 0:
            raise too_large(-room)
        self.objectives: list[Objective] = [
            kind(self.learned, config, self.synthetic, self.panel, position)
            for position, kind in enumerate(kinds)
        ]
        self.bytes = max(objective.fit(room) for objective in self.objectives)
        self.optimiser = torch.optim.Adam(self.synthetic.groups(), lr=config.image_lr or 0.0)

    def _drawn(self, turn: int) -> int:
        """The position of the learner whose turn it is."""
        shares = panel.turns(self.config, self.progress.accuracies, len(self.panel))
        rng = np.random.default_rng([self.config.seed, turn, 8])
        return int(rng.choice(len(self.panel), p=shares))

    @property
    def done(self) -> float:
        """Part of the budget that is spent, 0 to 1."""
        if not self.stages:
            return 1.0
        parts = [0.0]
        steps, minutes = self.config.steps, self.config.minutes
        parts += [self.progress.step / steps] if steps else []
        parts += [self.progress.seconds / 60 / minutes] if minutes else []
        return min(1.0, max(parts))

    @cached_property
    def validation_seconds(self) -> float:
        """About how long a validation takes."""
        device, names = str(self.synthetic.images.device), [m.protocol for m in self.panel]
        return validation.seconds(self._candidate(self.average), names, self.data, device)

    @cached_property
    def checks(self) -> int:
        """How many validations the run has at most."""
        return ranks.shared(validation.fitting(self.config, lambda: self.validation_seconds))

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
        run, rank = self.identity(), self.rank
        known = checkpoint and checkpoints.resume(checkpoint, run, rank, self._take)
        good = known or self.snapshot()
        saved = -math.inf
        while self.done < 1:
            if not self._turn():
                good = self._rolled_back(good)
                continue
            if self.progress.turn % guard.GOOD_EVERY == 0:
                good = self.snapshot()
            due = validation.is_due(self.done, self.progress.checked, self.checks)
            found = self._check() if due else None
            now = time.monotonic()
            save = self.progress.turn % every == 0 if every else now - saved > SAVE_EVERY
            if checkpoint and (ranks.shared(save) or self.done == 1):
                checkpoints.save(checkpoint, self.identity(), self.snapshot(), good)
                saved = now
            yield State(self.progress, self.done, found)
        if not self.progress.history:
            self._check()
        yield State(self.progress, 1.0)

    def _turn(self) -> bool:
        """One real batch and its updates, timed; False where they came to nothing finite."""
        started, progress = time.monotonic(), self.progress
        if self.done >= self.stages[progress.stage].until:
            self._enter(progress.stage + 1)
        config, member = self.stage_config, self._drawn(progress.turn)
        objective = self.objectives[member]
        objective.begin(progress.turn)
        for _ in range(config.reuse or 1):
            self._set_rates()
            self.optimiser.zero_grad()
            loss = objective.loss()
            loss.backward()
            if not self._step(member, ranks.mean(float(loss.detach()))):
                return False
            if progress.step == self.config.steps:
                break
        objective.end()
        progress.turn += 1
        progress.seconds = ranks.shared(progress.seconds + time.monotonic() - started)
        return True

    def _set_rates(self) -> None:
        """Set the learning rates of the next update, of what the set has and of temperatures."""
        stage, ends = self.progress.stage, self.stages[self.progress.stage].until
        begins = self.stages[stage - 1].until if stage else 0.0
        cooled = schedule.cooled((self.done - begins) / (ends - begins), self.config.cool)
        warm = schedule.warmed(self.progress.step) if self.goes_on else 1.0
        rates = (warm * (self.stage_config.image_lr or 0.0), schedule.TEMPERATURE_RATE)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * cooled * self.progress.scale

    def _step(self, member: int, loss: float) -> bool:
        """Update the set by its gradient; False where that is not finite or has exploded."""
        progress = self.progress
        norm = guard.clipped(self.synthetic, loss, progress.norms[member])
        if norm is None:
            return False
        if len(self.panel) > 1:  # every learner counts alike, however steep its loss is
            guard.scale(self.synthetic, 1 / (progress.norms[member] or norm or 1.0))
        self.optimiser.step()
        if self.config.bounded:
            self.synthetic.bound()
        progress.count(member, loss, norm)
        keep = min(self.config.ema, progress.step / (10 + progress.step))
        self.average.approach(self.synthetic, 1 - keep)
        return True

    def _rolled_back(self, good: dict[str, Any]) -> dict[str, Any]:
        """Return to the last good state and halve the step size."""
        progress, scale = self.progress, self.progress.scale / 2
        if progress.rollbacks == guard.MOST_ROLLBACKS:
            raise guard.diverged(progress.step, scale)
        self._take(copy.deepcopy(good))
        self.progress.scale, self.progress.rollbacks = scale, progress.rollbacks + 1
        self.progress.seconds = progress.seconds
        self.progress.note = f"rolled back from update {progress.step}, step size x {scale:g}"
        return self.snapshot()

    def _check(self) -> Candidate | None:
        """Validate the running mean of the set; keep it where it is the best so far."""
        candidate = self._candidate(self.average)
        device, names = str(self.synthetic.images.device), [m.protocol for m in self.panel]
        found = ranks.shared(validation.accuracies(candidate, names, self.data, device))
        merit = self.progress.validated(self.done, found)
        if merit <= self.progress.best:
            return None
        self.progress.best = merit
        self.best.load_state_dict(self.average.state_dict())
        return candidate

    def candidate(self) -> Candidate:
        """The best set so far by validation; the running mean where none was validated yet."""
        return self._candidate(self.best if self.progress.best >= 0 else self.average)

    def _candidate(self, synthetic: SyntheticSet) -> Candidate:
        return candidate_of(synthetic, self.data, self.config, self.panel, self.name)

    def identity(self) -> str:
        """What a checkpoint belongs to."""
        settings, data = methods.identity(self.settings), self.data.checksum
        return f"{settings} from {self.origin} on {data}, {self.ranks} processes"

    def snapshot(self) -> dict[str, Any]:
        """All state, as tensors, numbers and containers."""
        sets = {"synthetic": self.synthetic, "average": self.average, "best": self.best}
        state: dict[str, Any] = {name: copy.deepcopy(s.state_dict()) for name, s in sets.items()}
        state["progress"] = dataclasses.asdict(self.progress)
        if self.stages:
            state["optimiser"] = copy.deepcopy(self.optimiser.state_dict())
            state["pool"] = [objective.state() for objective in self.objectives]
        return state

    def _take(self, state: dict[str, Any]) -> None:
        """Take up what `snapshot` described."""
        progress = Progress(**state["progress"])
        if self.stages and progress.stage != self.progress.stage:
            self._enter(progress.stage)
        self.progress = progress
        for name in ("synthetic", "average", "best"):
            checkpoints.load_set(getattr(self, name), state[name])
        if self.stages:
            checkpoints.load_optimiser(self.optimiser, state["optimiser"])
            for objective, saved in zip(self.objectives, state["pool"], strict=True):
                objective.restore(saved)


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
