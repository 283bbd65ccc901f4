"""How far a distillation is: what the checkpoint keeps of it, and what the caller sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.support.schema import Number, Optional, Rule, Whole, Words, check_fields, ruled

FADE = 0.99  # of the running means of loss and gradient norm
COUNT, ANY = Whole(0, 2**62), Number(-1e300, 1e300)
# The fields of a validation's entry in the history.
ENTRY: dict[str, Rule] = {
    "step": COUNT,
    "done": Number(0, 1),
    "seconds": ANY,
    "loss": Optional(ANY),
    "gradient_norm": Optional(ANY),
    "accuracy": Number(0, 100),
}


@dataclass
class Progress:
    """Where a run stands; plain values, all of them in the checkpoint.

    Attributes
    ----------
    step, turn, stage : int
        Updates of the set; real batches; position in the method's stages.
    seconds : float
        Work so far, without validation.
    loss, norm : float or None
        Running means of the stage's objective and of its gradient's norm; None before its first
        update.
    scale : float
        Factor of the step size; each roll-back halves it.
    rollbacks : int
    best : float
        Best validation accuracy in percent; -1 before the first.
    history : list of dict
        One entry for each validation: step, part of the run that is done, seconds,
        loss, gradient norm, accuracy.
    note : str
        The last event that the user should know.
    """

    step: int = ruled(0, COUNT)
    turn: int = ruled(0, COUNT)
    stage: int = ruled(0, COUNT)
    seconds: float = ruled(0.0, ANY)
    loss: float | None = ruled(None, Optional(ANY))
    norm: float | None = ruled(None, Optional(ANY))
    scale: float = ruled(1.0, Number(0, 1, above=True))
    rollbacks: int = ruled(0, COUNT)
    best: float = ruled(-1.0, Number(-1, 100))
    history: list[dict[str, Any]] = field(default_factory=list)
    note: str = ruled("", Words(200, 0))

    def __post_init__(self) -> None:
        check_fields(self, "progress")
        if not isinstance(self.history, list):
            raise UserError("progress: history is no list")
        for entry in self.history:
            for name, rule in ENTRY.items():
                rule.check(entry[name], name)

    @property
    def checked(self) -> float:
        """Part of the run, 0 to 1, at the last validation; 0 before the first."""
        return float(self.history[-1]["done"]) if self.history else 0.0

    def enter(self, stage: int) -> None:
        """Begin a stage. Its loss and gradient are not comparable with those before."""
        self.stage, self.loss, self.norm = stage, None, None

    def count(self, loss: float, norm: float) -> None:
        """Count an update, and take its loss and gradient norm into the running means."""
        if self.loss is None or self.norm is None:
            self.loss, self.norm = loss, norm
        else:
            self.loss = FADE * self.loss + (1 - FADE) * loss
            self.norm = FADE * self.norm + (1 - FADE) * min(norm, 10 * self.norm)
        self.step += 1

    def validated(self, done: float, accuracy: float) -> None:
        """Enter a validation at this part of the run, 0 to 1, in the history."""
        values = (self.step, done, round(self.seconds, 1), self.loss, self.norm, accuracy)
        self.history.append(dict(zip(ENTRY, values, strict=True)))

    def summary(self) -> str:
        """Loss, gradient norm and best accuracy in words, as far as they are known."""
        words = [] if self.loss is None else [f"loss {self.loss:.3f}, gradient {self.norm:.2g}"]
        words += [f"best {self.best:.1f} % on validation"] if self.best >= 0 else []
        return ", ".join(words)


@dataclass(frozen=True)
class State:
    """What `Distiller.run` yields after every real batch; `done` is the part of the run, 0..1."""

    progress: Progress
    done: float
    candidate: Candidate | None = None  # where a new best was found
