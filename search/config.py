"""Settings of a search."""

from __future__ import annotations

from dataclasses import dataclass

from reproduce.commands.options import option
from reproduce.errors import UserError
from reproduce.support.schema import SEED, Flag, Number, Optional, Whole, Words, check_fields
from search import methods
from search.seeds import searching

TIMES = {"s": 1, "m": 60, "h": 3600}
DEFAULTS = {"search_seeds": 2, "images": 5000, "batch": 16}  # unless the method has its own
COUNT, TEXT = Whole(1, 10_000), Words(10_000, least=0)
LONGEST = 10 * 365 * 24 * 3600  # seconds


def usual(name: str) -> str:
    """What a setting is where the user says nothing, in words."""
    own = [f"{m} {of.settings[name]}" for m, of in methods.METHODS.items() if name in of.settings]
    return f"else {', '.join([str(DEFAULTS[name]), *own])}"


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    Scores while searching come from training images that a set does not hold. Validation is left
    for what comes after: one half to choose among the best sets, the other one to report.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range, an unknown method, or no budget.
    """

    ipc: int = option(1, "Images per class.", COUNT)
    protocol: str = option("conv", "Protocol of the oracle that scores the sets.", TEXT)
    method: str = option("swap", f"How sets are proposed: {', '.join(methods.METHODS)}.", TEXT)
    budget: str = option(
        "200", "Sets to score in all, or the time to spend: 90s, 20m, 2h.", Words(40, least=0)
    )
    # Of these, `search_seeds`, `images` and `batch` are filled in: always numbers afterwards.
    search_seeds: int = option(
        None,
        f"Replicates of each set ({usual('search_seeds')}); a hopeless set ends after 4.",
        Optional(COUNT),
    )
    epochs: int | None = option(
        None,
        "Epochs that networks train for while searching; else the protocol's own.",
        Optional(Whole(1, 10**9)),
    )
    images: int = option(
        None,
        f"Training images that score a set, others for every batch ({usual('images')}); 0 is all.",
        Optional(Whole(0, 10**9)),
    )
    pool: float | None = option(
        None,
        "Fraction of each class, nearest to its mean, to choose from; else 0.1 for single images,"
        " and all where a class has several.",
        Optional(Number(0, 1, above=True)),
    )
    start_sets: str = option(
        "",
        "Candidate files of real images, separated by commas; the search scores them first.",
        TEXT,
    )
    quotas: str = option("", "Images of each class, 2,1,1,...; else --ipc of each.", TEXT)
    unbalanced: bool = option(
        False, "Quotas bind only in their sum: the method may give classes other numbers.", Flag()
    )
    batch: int = option(
        None,
        f"Sets proposed from the same finished ones and scored together; {usual('batch')}.",
        Optional(COUNT),
    )
    seed: int = option(0, "Seed of the proposals.", SEED)

    def __post_init__(self) -> None:
        check_fields(self, "search")
        for name, value in {**DEFAULTS, **methods.named(self.method).settings}.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        searching(self.search_seeds)
        self.limits()

    def limits(self) -> tuple[int | None, float | None]:
        """The budget: a number of sets or a number of seconds, the other None."""
        number, unit = self.budget[:-1], self.budget[-1:]
        try:
            if unit in TIMES:
                sets, seconds = None, float(number) * TIMES[unit]
            else:
                sets, seconds = int(self.budget), None
        except ValueError:
            raise UserError(
                f"budget {self.budget!r}: give a number of sets, 200, or a time, 90s, 20m or 2h"
            ) from None
        if not (sets or seconds or 0) > 0 or (seconds or 0) > LONGEST:
            raise UserError(f"budget {self.budget!r}: give more than 0, and ten years at most")
        return sets, seconds

    def fraction(self) -> float:
        """The pool's share of each class: several images of a class have to differ."""
        if self.pool is not None:
            return self.pool
        return 0.1 if self.ipc == 1 and not self.quotas else 1.0

    def quotas_for(self, classes: int) -> tuple[int, ...]:
        """Images of each class."""
        try:
            return tuple(map(int, self.quotas.split(","))) if self.quotas else (self.ipc,) * classes
        except ValueError:
            raise UserError(f"quotas {self.quotas!r}: give whole numbers, 2,1,1,...") from None
