"""How much of a full score is computed."""

from __future__ import annotations

from dataclasses import dataclass

from reproduce.records import RULES
from reproduce.support.schema import check_fields, ruled


@dataclass(frozen=True)
class Fidelity:
    """How much of a full score is computed. Its fields are part of every record.

    Attributes
    ----------
    images : int or None
        Score on a fixed stratified subset of this many images of the split; None: on all of them.
    part : int
        Which subset of this size, 0 or above.
    epochs : int or None
        Train for at most this many epochs; None: for as many as the protocol says.
    """

    images: int | None = ruled(None, RULES["images"])
    epochs: int | None = ruled(None, RULES["epochs"])
    part: int = ruled(0, RULES["part"])

    def __post_init__(self) -> None:
        check_fields(self, "fidelity")


FULL = Fidelity()
