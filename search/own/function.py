"""A user's Python function as the oracle of a search."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import numbers
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reproduce.candidate import Candidate
from reproduce.commands.options import HOW, Machine, option
from reproduce.data import Dataset, ImageSet, check_fits
from reproduce.errors import UserError
from reproduce.oracle import TITLES, Oracle, complete
from reproduce.records import Record, key_of
from reproduce.scoring.fidelity import FULL, Fidelity
from reproduce.scoring.learners import Answer
from reproduce.scoring.unseen import Unseen
from reproduce.support.identity import UnknownIdentityError, identity
from reproduce.support.modules import attribute_named, told
from reproduce.support.progress import Progress, silent
from reproduce.support.schema import Words, check_fields
from reproduce.support.text import brief, checked

Score = Callable[[Candidate, int, ImageSet], float]
TEXT = Words(10_000, least=0)
LARGEST = 1e100  # absolute value of a score: sums and squares of several stay finite


@dataclass(frozen=True)
class OracleChoice:
    """Which oracle scores: the protocols', or a function of the user's."""

    oracle: str = option(
        "", "Function of your own that scores, as module:function.", TEXT, group=HOW
    )
    oracle_version: str = option(
        "",
        "Name of the function's present version. Default: a digest of its code.",
        TEXT,
        group=HOW,
    )

    def __post_init__(self) -> None:
        check_fields(self, "search")
        if self.oracle_version and not self.oracle:
            raise UserError("--oracle-version is for a function of your own; give --oracle, too")

    def oracle_for(self, data: Dataset, records: Path | None, machine: Machine) -> Oracle:
        """The oracle on some data, with a file of records or without."""
        if not self.oracle:
            return machine.oracle(data, records)
        function, version = function_named(self.oracle), self.oracle_version
        return FunctionOracle(data, function, records, version=version, **asdict(machine))


class FunctionOracle(Oracle):
    """Scores candidates with a function instead of a protocol.

    Parameters
    ----------
    data : Dataset
    function : callable
        Takes (candidate, seed, images to score on) and returns an accuracy in percent, or any
        number that is larger for better candidates.
    records : Path or None
        File of records, as in `Oracle`. The records' protocol is the function's name, and their
        plan identifies its code, so an edited function shares no records with its former self.
    version : str
        Name of the function's present version, which identifies it instead of its code. Change it
        whenever the function changes. Needed for callables without Python code of their own.

    Raises
    ------
    UserError
        For what cannot be called with three arguments, or cannot be identified.
    """

    def __init__(
        self,
        data: Dataset,
        function: Score,
        records: Path | str | None = None,
        *,
        version: str = "",
        **options: object,
    ) -> None:
        super().__init__(data, records, **options)  # type: ignore[arg-type]
        self.function = function
        named = function
        while isinstance(named, functools.partial):
            named = named.func
        title = getattr(named, "__qualname__", type(named).__qualname__)
        self.protocol = f"function {getattr(named, '__module__', None)}:{title}"
        self._check_call()
        given = f"version {checked(version, '--oracle-version')}" if version else ""
        self.version = given or self._identity()

    def _check_call(self) -> None:
        """Raise UserError where the function does not take what it is called with."""
        try:
            inspect.signature(self.function).bind(None, 0, None)
        except TypeError as error:
            raise UserError(
                f"{self.protocol} cannot be called as score(candidate, seed, images): {error}"
            ) from None
        except ValueError:
            pass  # a callable in C has no signature

    def _identity(self) -> str:
        try:
            return identity(self.function)
        except UnknownIdentityError as error:
            raise UserError(
                f"{self.protocol} cannot be identified ({error}); give a function of a module, or "
                "a version=... that you change with it (--oracle-version)"
            ) from None

    def plan_of(self, candidate: Candidate, protocol: str, fidelity: Fidelity = FULL) -> str:
        """The function's name, and a digest of its code or the version that was given."""
        if fidelity.trains_less:
            raise UserError(
                f"{self.protocol} knows nothing of epochs, members and width; leave them out"
            )
        return f"{self.protocol}, {self.version}"

    def score_many(
        self,
        candidates: Sequence[Candidate],
        protocol: str,
        seeds: Sequence[int],
        split: str = "validation",
        *,
        fidelity: Fidelity = FULL,
        again: bool = False,
        progress: Progress = silent,
    ) -> list[Record]:
        """The same as `Oracle.score_many`, but the protocol's name is ignored.

        Raises
        ------
        UserError
            When the function fails, or returns something other than a finite number.
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
        fidelity = Fidelity(fidelity.images, part=fidelity.part)  # a function trains no network
        question = self._question(candidate, self.protocol, self.version, split, fidelity)
        question["seed"] = int(seed)
        known = None if again else self.ledger.find(key_of(question))
        if known is None:
            start = time.perf_counter()
            value = self._called(candidate, int(seed), images)
            known = complete(question, Answer(value), time.perf_counter() - start, self.device)
            self.ledger.add([known], again)
        return {**known, **{title: question[title] for title in TITLES}}

    def _called(self, candidate: Candidate, seed: int, images: ImageSet) -> float:
        """The function's answer."""
        try:
            answer: object = self.function(candidate, seed, images)
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a user's code may raise anything
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            raise UserError(f"{self.protocol} failed: {told(error)} ({where})") from error
        value = math.nan
        # NumPy's scalars are numbers, too; True and False are not meant as scores.
        if isinstance(answer, numbers.Real) and not isinstance(answer, bool):
            with contextlib.suppress(Exception):  # of a user's type, or an int that is too large
                value = float(answer)
        if not abs(value) <= LARGEST:
            shown = f" {brief(answer)}" if isinstance(answer, numbers.Number | str) else ""
            raise UserError(
                f"{self.protocol} answered with {type(answer).__name__}{shown}; return a number "
                f"of up to {LARGEST:g}, such as an accuracy in percent"
            )
        return value


def function_named(name: str) -> Score:
    """The function at `module:function`, of an installed module or one in the working folder.

    Raises
    ------
    UserError
        When there is no such module or function.
    """
    found: Score = attribute_named(name, "oracle")
    if not callable(found):
        raise UserError(f"oracle {name!r}: a {type(found).__name__}, not a function")
    return found
