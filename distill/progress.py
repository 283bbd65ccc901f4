"""How far a distillation is: what the checkpoint keeps of it, and what the caller sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from distill.validation import merit
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
    losses, norms : list of float or None
        Running means of the stage's objective and of its gradient's norm, for each learner of the
        panel; None before its first update.
    scale : float
        Factor of the step size; each roll-back halves it.
    rollbacks : int
    best : float
        Best merit of a validation in percent (`validation.merit`); -1 before the first.
    history : list of dict
        One entry for each validation: step, part of the run that is done, seconds, loss, gradient
        norm, merit as `accuracy`, and the accuracy of each learner.
    note : str
        The last event that the user should know.
    """

    step: int = ruled(0, COUNT)
    turn: int = ruled(0, COUNT)
    stage: int = ruled(0, COUNT)
    seconds: float = ruled(0.0, ANY)
    losses: list[float | None] = field(default_factory=list)
    norms: list[float | None] = field(default_factory=list)
    scale: float = ruled(1.0, Number(0, 1, above=True))
    rollbacks: int = ruled(0, COUNT)
    best: float = ruled(-1.0, Number(-1, 100))
    history: list[dict[str, Any]] = field(default_factory=list)
    note: str = ruled("", Words(200, 0))

    def __post_init__(self) -> None:
        check_fields(self, "progress")
        for name in ("losses", "norms", "history"):
            if not isinstance(getattr(self, name), list):
                raise UserError(f"progress: {name} is no list")
        if len(self.losses) != len(self.norms):
            raise UserError("progress: losses and norms of different learners")
        for number in (*self.losses, *self.norms):
            Optional(ANY).check(number, "running mean")
        for entry in self.history:
            for name, rule in ENTRY.items():
                rule.check(entry[name], name)
            for accuracy in entry["accuracies"]:
                Number(0, 100).check(accuracy, "accuracies")

    @property
    def checked(self) -> float:
        """Part of the run, 0 to 1, at the last validation; 0 before the first."""
        return float(self.history[-1]["done"]) if self.history else 0.0

    @property
    def accuracies(self) -> list[float]:
        """Of each learner at the last validation; nothing before the first."""
        return list(self.history[-1]["accuracies"]) if self.history else []

    def enter(self, stage: int, members: int) -> None:
        """Begin a stage. Its losses and gradients are not comparable with those before."""
        self.stage = stage
        self.losses, self.norms = [None] * members, [None] * members

    def count(self, member: int, loss: float, norm: float) -> None:
        """Count an update, and take its loss and gradient norm into the learner's running means."""
        usual, before = self.norms[member], self.losses[member]
        if usual is None or before is None:
            self.losses[member], self.norms[member] = loss, norm
        else:
            self.losses[member] = FADE * before + (1 - FADE) * loss
            self.norms[member] = FADE * usual + (1 - FADE) * min(norm, 10 * usual)
        self.step += 1

    @property
    def loss(self) -> float | None:
        """The mean of the learners' running means; None before the first update."""
        return _mean(self.losses)

    @property
    def norm(self) -> float | None:
        """The same of the gradients' norms."""
        return _mean(self.norms)

    def validated(self, done: float, accuracies: list[float]) -> float:
        """Enter a validation at this part of the run, 0 to 1, in the history; its merit."""
        found = merit(accuracies)
        values = (self.step, done, round(self.seconds, 1), self.loss, self.norm, found)
        entry = dict(zip(ENTRY, values, strict=True))
        self.history.append({**entry, "accuracies": accuracies})
        return found

    def summary(self) -> str:
        """Loss, gradient norm and best accuracy in words, as far as they are known."""
        words = [] if self.loss is None else [f"loss {self.loss:.3f}, gradient {self.norm:.2g}"]
        words += [f"best {self.best:.1f} % on validation"] if self.best >= 0 else []
        if len(self.accuracies) > 1:
            words.append(f"weakest {min(self.accuracies):.1f} %")
        return ", ".join(words)


def _mean(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class State:
    """What `Distiller.run` yields after every real batch; `done` is the part of the run, 0..1."""

    progress: Progress
    done: float
    candidate: Candidate | None = None  # where a new best was found
