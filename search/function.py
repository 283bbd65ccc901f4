"""A user's Python function as the oracle of a search."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet
from reproduce.errors import UserError
from reproduce.oracle import FULL, TITLES, Fidelity, Oracle, answered, check_fits
from reproduce.records import Record, key_of
from reproduce.scoring import Answer
from reproduce.unseen import Unseen

Score = Callable[[Candidate, int, ImageSet], float]


class FunctionOracle(Oracle):
    """Scores candidates with a function in place of a protocol.

    Parameters
    ----------
    data : Dataset
    function : callable
        Takes (candidate, seed, images to score on) and returns an accuracy in percent, or any
        number of which more is better.
    records : Path or None
        File of records, as `Oracle` has it; its protocol is the function's name.
    """

    def __init__(
        self, data: Dataset, function: Score, records: Path | str | None = None, **options: object
    ) -> None:
        super().__init__(data, records, **options)  # type: ignore[arg-type]
        self.function = function
        self.protocol = f"function {function.__module__}:{function.__qualname__}"

    def score_many(
        self,
        candidates: Sequence[Candidate],
        protocol: str,
        seeds: Sequence[int],
        split: str = "validation",
        *,
        fidelity: Fidelity = FULL,
        again: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Record]:
        """As `Oracle.score_many`; the protocol's name is not looked at.

        Raises
        ------
        UserError
            When the function answers with something that is no finite number.
        """
        for candidate in candidates:
            check_fits(candidate, self.data)
        images = self._images(split, fidelity, self.protocol, candidates)
        unseen = Unseen(images) if split == "train" else None
        jobs = [(candidate, seed) for candidate in candidates for seed in seeds]
        records = []
        for done, (candidate, seed) in enumerate(jobs):
            progress(done, len(jobs))
            scored = unseen.by(candidate) if unseen else images
            records.append(self._answer(candidate, seed, split, fidelity, scored, again))
        progress(len(jobs), len(jobs))
        return records

    def _answer(
        self,
        candidate: Candidate,
        seed: int,
        split: str,
        fidelity: Fidelity,
        images: ImageSet,
        again: bool,
    ) -> Record:
        fidelity = replace(fidelity, epochs=None)  # which a function knows nothing of
        asked = self._asked(candidate, self.protocol, "function", seed, split, fidelity)
        known = None if again else self.ledger.find(key_of(asked))
        if known is None:
            start = time.perf_counter()
            value = float(self.function(candidate, int(seed), images))
            if not np.isfinite(value):
                raise UserError(f"{self.protocol} answered {value}; return a finite number")
            known = answered(asked, Answer(value), time.perf_counter() - start, self._origin())
            self.ledger.add([known])
        return {**known, **{title: asked[title] for title in TITLES}}


def function_named(name: str) -> Score:
    """The function at `module:function`; the module is looked for in the working folder, too.

    Raises
    ------
    UserError
        When there is no such module or function.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        raise UserError(f"oracle {name!r}: give module:function")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Score = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"oracle {name!r}: {error}") from None
    finally:
        sys.path.pop(0)
    return found
