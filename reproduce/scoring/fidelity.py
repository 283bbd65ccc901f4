"""Fidelity: how much of a full score is computed, in one frozen description."""

from __future__ import annotations

from dataclasses import dataclass

from reproduce.records import RULES
from reproduce.support.schema import check_fields, ruled


@dataclass(frozen=True)
class Fidelity:
    """How much of a full score is computed: a cheap version of a protocol. Records carry it.

    Attributes
    ----------
    images : int or None
        Score on a fixed stratified subset of this many images of the split; None: on all of them.
    epochs : int or None
        Train for at most this many epochs; None: for as many as the protocol says.
    part : int
        Which subset of this size, 0 or above.
    members : int or None
        Train at most this many networks of an ensemble; None: all.
    width : int or None
        Train networks of at most this many channels; None: as wide as the protocol says.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range.
    """

    images: int | None = ruled(None, RULES["images"])
    epochs: int | None = ruled(None, RULES["epochs"])
    part: int = ruled(0, RULES["part"])
    members: int | None = ruled(None, RULES["members"])
    width: int | None = ruled(None, RULES["width"])

    def __post_init__(self) -> None:
        check_fields(self, "fidelity")

    @property
    def trains_less(self) -> bool:
        """Whether networks are fewer, smaller, or trained for a shorter time."""
        return any((self.epochs, self.members, self.width))

    def fields(self) -> dict[str, int | None]:
        """What a record says of it: fields that later versions added appear where they are set."""
        later = {"part": self.part or None, "members": self.members, "width": self.width}
        known = {name: value for name, value in later.items() if value is not None}
        return {"images": self.images, "epochs": self.epochs, **known}


FULL = Fidelity()
