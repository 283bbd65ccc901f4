"""How far a distillation is: what the checkpoint keeps of it, and what the caller sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from reproduce.candidate import Candidate

FADE = 0.99  # of the running means of loss and gradient norm


@dataclass
class Progress:
    """Where a run stands; plain values, all of them in the checkpoint.

    Attributes
    ----------
    step, turn, stage : int
        Updates of the set; real batches; position in the method's stages.
    stage_turn : int
        The turn at which the stage began.
    seconds : float
        Work so far, without validation.
    loss, norm : float
        Running means of the objective and of its gradient's norm.
    scale : float
        The step size, of what was asked for; each rollback halves it.
    rollbacks : int
    best : float
        Best validation accuracy in percent; -1 before the first.
    history : list of dict
        One entry for each validation: step, part of the run that is done, seconds,
        loss, gradient norm, accuracy.
    note : str
        What happened last that the user should know.
    """

    step: int = 0
    turn: int = 0
    stage: int = 0
    stage_turn: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    norm: float = math.nan
    scale: float = 1.0
    rollbacks: int = 0
    best: float = -1.0
    history: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""

    @property
    def checked(self) -> float:
        """Part of the run, 0 to 1, at the last validation; 0 before the first."""
        return float(self.history[-1]["done"]) if self.history else 0.0

    def count(self, loss: float, norm: float) -> None:
        """Count an update, and take its loss and gradient norm into the running means."""
        if self.step == 0:
            self.loss, self.norm = loss, norm
        else:
            self.loss = FADE * self.loss + (1 - FADE) * loss
            self.norm = FADE * self.norm + (1 - FADE) * min(norm, 10 * self.norm)
        self.step += 1


@dataclass(frozen=True)
class State:
    """What `Distiller.run` yields after every real batch; `done` is the part of the run, 0..1."""

    progress: Progress
    done: float
    candidate: Candidate | None = None  # where a new best was found
