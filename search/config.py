"""Settings of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reproduce.commands.options import HOW, LONG, WHAT, option
from reproduce.errors import UserError
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Number,
    Optional,
    Whole,
    Words,
    check_fields,
)
from search.methods import METHODS, named
from search.seeds import searching

TIMES = {"s": 1, "m": 60, "h": 3600}
# Unless the method has its own.
DEFAULTS: dict[str, Any] = {"search_seeds": 2, "batch": 16, "fidelity": "full"}
FIDELITIES, IMAGES = ("full", "auto"), 5000  # images that score a set, unless something says else
COUNT, TEXT = Whole(1, 10_000), Words(10_000, least=0)
LONGEST = 10 * 365 * 24 * 3600  # seconds


def default_of(name: str) -> str:
    """The default of a setting, in words, with those of methods that have their own."""
    own = [f"{some.settings[name]} for {m}" for m, some in METHODS.items() if name in some.settings]
    return f"Default: {', '.join([str(DEFAULTS[name]), *own])}."


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search.

    A search scores sets on training images that the sets do not hold. Validation is left for what
    comes after: one half chooses among the best sets, and the other half reports the choice.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range, an unknown method, or no budget.
    """

    ipc: int = option(1, "Images per class.", COUNT, group=WHAT)
    protocol: str = option(
        "conv", "Protocol under which the oracle scores the sets.", TEXT, group=HOW
    )
    method: str = option(
        "thompson", f"How sets are proposed: {', '.join(METHODS)}.", TEXT, group=HOW
    )
    budget: str = option(
        "10m",
        "The time to spend: 90s, 20m, 2h; or a number of sets to score, 200. A time covers "
        "all: the search, a random search of equal time, and the scores afterwards.",
        Words(40, least=0),
        group=LONG,
    )
    # `search_seeds`, `fidelity` and `batch` may be None here, but not afterwards.
    search_seeds: int = option(
        None,
        "Replicates of each set; hopeless sets are dropped after every four of them. "
        + default_of("search_seeds"),
        Optional(COUNT),
        group=HOW,
    )
    fidelity: str = option(
        None,
        "How a search scores: full, as the protocol says, or auto, the cheap version of it that "
        "tells most in a second by a measured table. --epochs, --members, --width and --images "
        "come first. " + default_of("fidelity"),
        Optional(Choice(FIDELITIES)),
        group=HOW,
    )
    epochs: int | None = option(
        None,
        "Epochs of each network while searching, at most.",
        Optional(Whole(1, 10**9)),
        group=HOW,
    )
    members: int | None = option(
        None,
        "Networks of an ensemble while searching, at most.",
        Optional(Whole(1, 100)),
        group=HOW,
    )
    width: int | None = option(
        None,
        "Channels of each network while searching, at most.",
        Optional(Whole(1, 4096)),
        group=HOW,
    )
    images: int | None = option(
        None,
        "Training images that score a set, other ones for every batch; 0 takes all. "
        f"Default: what --fidelity says, {IMAGES} for full.",
        Optional(Whole(0, 10**9)),
        group=HOW,
    )
    pool: float | None = option(
        None,
        "Fraction of each class to choose from, the images nearest the class's mean. Default: 0.1 "
        "with one image per class, else 1.",
        Optional(Number(0, 1, above=True)),
        group=WHAT,
    )
    start_sets: str = option(
        "",
        "Candidate files, separated by commas, whose sets the search scores first. Each synthetic "
        "image is replaced by the real image of its class in the pool that looks most like it.",
        TEXT,
        group=WHAT,
    )
    quotas: str = option(
        "", "Number of images of each class, 2,1,1,... Default: --ipc of each.", TEXT, group=WHAT
    )
    unbalanced: bool = option(
        False,
        "Fix only the total number of images, and let the method divide it.",
        Flag(),
        group=WHAT,
    )
    batch: int = option(
        None,
        f"Number of sets that are proposed and scored together. {default_of('batch')}",
        Optional(COUNT),
        group=HOW,
    )
    seed: int = option(0, "Seed of the proposals.", SEED, group=HOW)

    def __post_init__(self) -> None:
        check_fields(self, "search")
        for name, value in {**DEFAULTS, **named(self.method).settings}.items():
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
        """The share of each class to choose from: several images of a class have to differ."""
        if self.pool is not None:
            return self.pool
        return 0.1 if self.ipc == 1 and not self.quotas else 1.0

    def quotas_for(self, classes: int) -> tuple[int, ...]:
        """Images of each class."""
        try:
            return tuple(map(int, self.quotas.split(","))) if self.quotas else (self.ipc,) * classes
        except ValueError:
            raise UserError(f"quotas {self.quotas!r}: give whole numbers, 2,1,1,...") from None
