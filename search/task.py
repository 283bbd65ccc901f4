"""The task of a study: which sets may be proposed, and how they are scored."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.essay import draws
from reproduce.oracle import Oracle
from reproduce.scoring.fidelity import Fidelity
from search import methods
from search.cheap import Version, auto
from search.config import IMAGES, SearchConfig
from search.methods.base import Finished, Method, View
from search.own.function import FunctionOracle
from search.pool import Pool
from search.seeds import searching
from search.start_sets import start_sets

CHEAP = ("images", "epochs", "members", "width")  # settings that say how sets are scored
SPLIT = "train"  # validation is left for what comes after a search


@dataclass(frozen=True)
class Task:
    """What a search works on.

    Attributes
    ----------
    oracle : Oracle or FunctionOracle
        Scores the sets.
    config : SearchConfig
    """

    oracle: Oracle
    config: SearchConfig

    def check(self) -> None:
        """Raise UserError where the data cannot give such sets, or the start sets do not fit."""
        self.pool.check(self.quotas)
        if self.config.start_sets and self.method.pure:
            raise UserError(
                f"{self.config.method} takes nothing from start sets; leave --start-sets out"
            )
        _ = self.start_sets

    @functools.cached_property
    def pool(self) -> Pool:
        """The training images that may be chosen."""
        data = self.oracle.data
        return Pool.typical(data.train, self.config.fraction(), len(data.classes))

    @functools.cached_property
    def quotas(self) -> tuple[int, ...]:
        """Images of each class."""
        return self.config.quotas_for(len(self.oracle.data.classes))

    @property
    def ipc(self) -> float:
        """Images per class, on average."""
        return sum(self.quotas) / len(self.quotas)

    @functools.cached_property
    def start_sets(self) -> list[np.ndarray]:
        """The sets of the user's files."""
        return start_sets(self.config.start_sets, self.oracle.data, self.pool, self.quotas)

    @property
    def method(self) -> Method:
        """How sets are proposed."""
        return methods.named(self.config.method)

    def settings(self) -> dict[str, Any]:
        """What must agree for a study to be resumed: all but the budget."""
        how = self.oracle.plan_of(self.sample, self.config.protocol, self.cheap)
        cheap = {name: getattr(self.cheap, name) for name in CHEAP}
        return {
            **dataclasses.asdict(self.config),
            **cheap,
            "budget": None,
            "fidelity": None,  # what it stands for matters
            "data": self.oracle.data.checksum,
            "split": SPLIT,
            "oracle": how,
        }

    @functools.cached_property
    def version(self) -> Version | None:
        """The cheap version of the protocol that `--fidelity auto` takes; None without one."""
        own = isinstance(self.oracle, FunctionOracle)
        full = own or self.config.fidelity == "full"
        return None if full else auto(self.config.protocol, self.ipc)

    @functools.cached_property
    def cheap(self) -> Fidelity:
        """How much of a full score the search computes: what the user said, else `version`."""
        config, found = self.config, Fidelity(IMAGES)
        if self.version:
            recipe = protocols.recipe(config.protocol, self.sample)
            found = self.version.fidelity(recipe) if recipe else found
        given = {name: value for name in CHEAP if (value := getattr(config, name)) is not None}
        images = given.get("images", found.images) or 0
        few = 0 < images < len(self.oracle.data.split(SPLIT))
        return dataclasses.replace(found, **{**given, "images": images if few else None})

    @functools.cached_property
    def sample(self) -> Candidate:
        """Any set of the size that is searched."""
        some = [own[:quota] for own, quota in zip(self.pool.members, self.quotas, strict=True)]
        return self.candidate(np.concatenate(some), name="any", method="any")

    def view(self, history: Sequence[Finished] = (), start: int = 0) -> View:
        """What a method may look at when it proposes the sets from position `start` on."""
        return View(
            pool=self.pool,
            quotas=self.quotas,
            unbalanced=self.config.unbalanced,
            history=history,
            start=start,
            seed=self.config.seed,
            oracle=self.oracle,
            protocol=self.config.protocol,
            split=SPLIT,
            fidelity=self.fidelity(start),
            taken=frozenset(known.indices for known in history),
            start_sets=tuple(tuple(indices.tolist()) for indices in self.start_sets),
        )

    def fidelity(self, start: int) -> Fidelity:
        """How the batch that begins at position `start` is scored.

        Each batch is scored on the next `images` of the split, so that no search can overfit to a
        few images; where the split has no more than that, on all of them.
        """
        part = -(-start // self.config.batch) if self.cheap.images else 0
        return dataclasses.replace(self.cheap, part=part)

    def seeds(self, start: int) -> range:
        """The replicate seeds of the batch that begins at position `start`."""
        return searching(self.config.search_seeds, start if self.method.fresh else None)

    def candidate(self, indices: np.ndarray, **facts: Any) -> Candidate:
        """The set of these training images, with facts of its origin as `Candidate` has them."""
        return draws.real_candidate(self.oracle.data, np.asarray(indices), **facts)

    def found(self, trial: FrozenTrial, name: str, role: str = "searched") -> Candidate:
        """The set of a trial, chosen by its score while searching.

        A user's function is no protocol that the set could be said to be made for.
        """
        own = isinstance(self.oracle, FunctionOracle)
        return self.candidate(
            trial.user_attrs["indices"],
            name=name,
            method=f"search {self.config.method}",
            role=role,
            chosen_on=SPLIT,
            made_for=() if own else (self.config.protocol,),
            seeds=(self.config.seed,),
        )
