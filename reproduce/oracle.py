"""The oracle: it scores candidates under a protocol, on a split, over replicate seeds."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet, check_fits
from reproduce.errors import UserError
from reproduce.records import Ledger, Record, key_of
from reproduce.scoring import stacks, worker
from reproduce.scoring.fidelity import FULL, Fidelity
from reproduce.scoring.learners import Answer, Learner, Replicate, Where
from reproduce.scoring.unseen import exclude_own_images
from reproduce.support import keys, provenance, schema
from reproduce.support.processes import importing
from reproduce.support.progress import Progress, silent
from reproduce.support.schema import Number, Optional, Whole
from reproduce.support.threads import backend_is_given, default_workers, usable_device

if TYPE_CHECKING:
    from reproduce.trained import TrainedNetwork

MEMORY = 8.0  # GiB, of all workers together
TEST_LOG = "test-readings.jsonl"
# What a record says of a candidate beside its content: equal sets may differ in it.
TITLES = ("name", "method", "draw", "role", "chosen_on", "frame")


class Oracle:
    """Scores candidates on the images of one dataset, and keeps the records.

    A training that takes minutes leaves checkpoints in `unfinished/` beside the records. It goes on
    from them when the same scores are asked for again. Workers of a joblib backend that the caller
    has set up leave none.

    Parameters
    ----------
    data : Dataset
    records : Path or None
        File of records. Scores that it holds are not computed again, and new ones are appended as
        soon as they are computed. None: records are kept in memory only.
    workers : int or None
        Workers of one thread each, 1 to 10,000; None: one for each core. They are processes, or
        threads of this one where these are as fast. On a GPU all networks are trained in this
        process. Where a joblib backend is set up (`joblib.parallel_config`), its workers are used.
    device : str
        `auto` (a GPU where there is one), `cpu`, `cuda`, and so on.
    memory : float
        GiB that networks in training may take, in all workers together. Few enough are trained at a
        time; one network alone may take more.

    Raises
    ------
    UserError
        For a device that this machine lacks, and for numbers out of range.
    """

    def __init__(
        self,
        data: Dataset,
        records: Path | str | None = None,
        *,
        workers: int | None = None,
        device: str = "auto",
        memory: float = MEMORY,
    ) -> None:
        self.data, self.memory = data, Number(0, 1e6, above=True).check(memory, "memory")
        self.workers = Optional(Whole(1, 10_000)).check(workers, "workers") or default_workers()
        self.device = usable_device(device)
        self.ledger = Ledger(Path(records) if records else None)

    def score(
        self,
        candidate: Candidate,
        protocol: str,
        seeds: Sequence[int],
        split: str = "validation",
        **options: object,
    ) -> list[Record]:
        """Score one candidate, as `score_many` does with several."""
        return self.score_many([candidate], protocol, seeds, split, **options)  # type: ignore[arg-type]

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
        """Accuracy of every candidate under every seed.

        Parameters
        ----------
        candidates : sequence of Candidate
        protocol : str
            A name of `reproduce.protocols`.
        seeds : sequence of int
            Replicate seeds, distinct, 0 to 2 ** 32 - 1, the same for every candidate. A protocol
            without randomness takes the first alone.
        split : str
            `validation`, or one of its halves `validation-a` and `validation-b`; `train`, but for
            the images that a candidate holds itself; or `test`, which is sealed: each reading is
            logged beside the records.
        fidelity : Fidelity
        again : bool
            Compute scores even where the records hold them.
        progress : callable
            Called with (replicates done, replicates in all). A protocol on frozen features calls it
            before that with (images done, images in all, "features of images").

        Returns
        -------
        list of dict
            Records, candidate by candidate, seed by seed.

        Raises
        ------
        UserError
            For an unknown protocol or split, a candidate that does not fit the data, or records
            that cannot be written. Nothing is computed then.
        """
        replicates = self.replicates(candidates, protocol, seeds, split, fidelity)
        wanted = [key_of(replicate.question) for replicate in replicates]
        self.ledger.refresh()
        waiting = list(self._unanswered(dict(zip(wanted, replicates, strict=True)), again))
        done = len(replicates) - sum(map(len, waiting))
        progress(done, len(replicates))
        if waiting:
            self.ledger.check_writable()
            images = self._images(split, fidelity, protocol, candidates)
            for records in self._computed(waiting, images, split, progress):
                self.ledger.add(records, again)
                done += len(records)
                progress(done, len(replicates))
        # Equal sets have equal hashes and share their scores, whatever they are called.
        return [
            {**(self.ledger.find(key) or {}), **{name: one.question[name] for name in TITLES}}
            for key, one in zip(wanted, replicates, strict=True)
        ]

    def fit(
        self, candidate: Candidate, protocol: str, seed: int, *, epochs: int | None = None
    ) -> TrainedNetwork:
        """The very network that `score` trains for one seed, as `reproduce.trained.fit` has it.

        Raises
        ------
        UserError
            As `fit` does, and where the candidate does not fit the data.
        """
        check_fits(candidate, self.data)
        with importing():
            from reproduce.trained import fit
        return fit(candidate, protocol, seed, epochs=epochs, device=self.device)

    def plan_of(self, candidate: Candidate, protocol: str, fidelity: Fidelity = FULL) -> str:
        """The `plan` of the candidate's records: digits that identify how it is scored.

        Raises
        ------
        UserError
            For an unknown protocol, and where one that trains no network is to train less, or a
            network of one size is to be narrower.
        """
        learner = _learner(candidate, protocol, fidelity)
        if fidelity.trains_less and not learner.trains_networks:
            raise UserError(
                f"{protocol} trains no network, so it takes no epochs, members or width; "
                "leave them out"
            )
        return learner.fingerprint()

    def replicates(
        self,
        candidates: Sequence[Candidate],
        protocol: str,
        seeds: Sequence[int],
        split: str,
        fidelity: Fidelity = FULL,
    ) -> list[Replicate]:
        """What `score_many` answers: all seeds, or the first where nothing is random."""
        used, found = schema.replicates(seeds), []
        if split != "test":
            self.data.split(split)  # refuses a split that is unknown or empty
        for candidate in candidates:
            check_fits(candidate, self.data)
            learner = _learner(candidate, protocol, fidelity)
            question = {
                **self._question(candidate, protocol, learner.fingerprint(), split, fidelity),
                "random": learner.random,
            }
            found += [
                Replicate(candidate, learner, seed, {**question, "seed": seed})
                for seed in used[: None if learner.random else 1]
            ]
        return found

    def _question(
        self, candidate: Candidate, protocol: str, plan: str, split: str, fidelity: Fidelity
    ) -> Record:
        """The fields of a record that are known before the score is, but for the seed."""
        return {
            "candidate": candidate.hash,
            **{title: getattr(candidate, title) for title in TITLES},
            "dataset": self.data.name,
            "checksum": self.data.checksum,
            "ipc": candidate.ipc,
            "protocol": protocol,
            "plan": plan,
            "split": split,
            **fidelity.fields(),
            **self.data.opening(),
        }

    def _unanswered(
        self, replicates: dict[tuple[Any, ...], Replicate], again: bool
    ) -> Iterator[list[Replicate]]:
        """Stacks of the replicates that are not on record; with `again`, of all of them.

        Stacks are cut before replicates on record are dropped, so that a call that is repeated
        makes the same stacks and finds their checkpoints.
        """
        limits = stacks.Limits(self.workers, self.device, self.memory)
        for stack in stacks.cut(list(replicates.values()), limits):
            missing = [
                one for one in stack if again or self.ledger.find(key_of(one.question)) is None
            ]
            if missing:
                yield missing

    def _images(
        self, split: str, fidelity: Fidelity, protocol: str, candidates: Sequence[Candidate]
    ) -> ImageSet:
        """The images that are to be scored."""
        if split == "test":
            log = (self.ledger.path or Path("runs/records.jsonl")).with_name(TEST_LOG)
            names = ", ".join(sorted({f"{c.name} ({c.hash})" for c in candidates}))
            images = self.data.unseal(log, f"{protocol} on {names}")
        else:
            images = self.data.split(split)
        return images.stratified(fidelity.images, fidelity.part) if fidelity.images else images

    def _checkpoint(self, stack: list[Replicate]) -> Path | None:
        """The file in which the training of a stack keeps its state."""
        if self.ledger.path is None or backend_is_given():  # other machines have other folders
            return None
        name = keys.key("stack/1", *(key_of(replicate.question) for replicate in stack))
        return self.ledger.path.parent / "unfinished" / f"{name[:32]}.pt"

    def _computed(
        self, waiting: list[list[Replicate]], images: ImageSet, split: str, progress: Progress
    ) -> Iterator[list[Record]]:
        """The records of each stack, as it is computed."""
        for one in {one.candidate.hash: one for stack in waiting for one in stack}.values():
            one.learner.prepare(one.candidate, images.images, progress)
        if split == "train":
            waiting = exclude_own_images(waiting, images)
        places = [Where(self.device, self._checkpoint(stack)) for stack in waiting]
        workers = self.workers if self.device == "cpu" else 1
        computed = worker.run(waiting, images, places, workers)
        for stack, where, (answers, seconds) in zip(waiting, places, computed, strict=True):
            yield [
                complete(one.question, answer, seconds / len(stack), self.device)
                for one, answer in zip(stack, answers, strict=True)
            ]
            if where.checkpoint:  # its records are written by now
                for path in where.checkpoint.parent.glob(f"{where.checkpoint.stem}*"):
                    path.unlink()


def complete(question: Record, answer: Answer, seconds: float, device: str) -> Record:
    """A whole record: the question, its answer, and where the answer comes from."""
    return {
        **question,
        "accuracy": answer.accuracy,
        "class_errors": list(answer.class_errors),
        "seconds": round(seconds, 4),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": device,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "command": provenance.command(),
    }


def _learner(candidate: Candidate, protocol: str, fidelity: Fidelity) -> Learner:
    """The protocol's learner, which trains no more than the fidelity says."""
    learner = protocols.learner(protocol, candidate)
    return learner.reduced(fidelity) if fidelity.trains_less else learner
