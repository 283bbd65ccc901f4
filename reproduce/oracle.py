"""The one verb: the oracle scores candidates under a protocol, on a split, over replicate seeds."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet, described
from reproduce.errors import UserError
from reproduce.images import expand
from reproduce.recipe import Recipe
from reproduce.records import RULES, Ledger, Record, key_of
from reproduce.scoring import stacks, worker
from reproduce.scoring.learners import Classifier, Mixture, fingerprint, is_random
from reproduce.scoring.stacks import Job
from reproduce.scoring.unseen import Unseen
from reproduce.support import provenance
from reproduce.support.processes import end_with_parent, interrupts_held
from reproduce.support.schema import Number, Optional, Whole, check_fields, replicates, ruled
from reproduce.support.threads import cores, torch_threads, usable_device

WORKER: dict[str, Any] = {"inner_max_num_threads": 1, "initializer": end_with_parent}
MEMORY = 8.0  # GiB, of all workers together
TEST_LOG = "test-readings.jsonl"
# What a record says of a candidate beyond its content.
TITLES = ("name", "method", "draw", "role", "chosen_on")


@dataclass(frozen=True)
class Fidelity:
    """How much of a full score is computed; its fields are part of every record.

    Attributes
    ----------
    images : int or None
        Score on this many images, a fixed stratified subset of the split; None is all of them.
    part : int
        Which subset of so many images, 0 or above.
    epochs : int or None
        Train for at most this many epochs; None is the protocol's own number.
    """

    images: int | None = ruled(None, RULES["images"])
    epochs: int | None = ruled(None, RULES["epochs"])
    part: int = ruled(0, RULES["part"])

    def __post_init__(self) -> None:
        check_fields(self, "fidelity")


FULL = Fidelity()


class Oracle:
    """Scores candidates against one dataset.

    Parameters
    ----------
    data : Dataset
    records : Path or None
        File of records. A score that it holds is not computed again; a new one is appended as
        soon as it is there. None keeps records in memory only.
    workers : int or None
        Worker processes of one thread each, 1 to 10,000; None is one for each core. Networks on a
        GPU are trained in this process.
    device : str
        `auto` (a GPU when there is one), `cpu`, `cuda`, ...; UserError where there is none such.
    memory : float
        GiB that the networks in training may take, of all workers together. Stacks are made
        small enough; one network alone may take more.

    A training that lasts minutes leaves checkpoints in `unfinished/` beside the records and goes
    on from them when the same scores are asked for again.
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
        self.workers = Optional(Whole(1, 10_000)).check(workers, "workers") or cores()
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
        """Score one candidate: `score_many` with one."""
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
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Record]:
        """Accuracy of every candidate under every seed.

        Parameters
        ----------
        candidates : sequence of Candidate
        protocol : str
            A name of `reproduce.protocols`.
        seeds : sequence of int
            Replicate seeds, each once, 0 to 2 ** 32 - 1; every candidate meets the same. A protocol
            without randomness uses the first alone.
        split : str
            `validation`, one of its halves `validation-a`, `validation-b`; `train`, where the
            images that a candidate holds itself do not judge it (a distilled candidate holds none
            of them); or `test`, which is sealed: each reading is logged beside the records.
        fidelity : Fidelity
        again : bool
            Compute scores even where the records hold them.
        progress : callable
            Called with (replicates done, replicates in all).

        Returns
        -------
        list of dict
            Records, candidate by candidate, seed by seed.

        Raises
        ------
        UserError
            For an unknown protocol or split, or a candidate that does not fit the data.
        """
        for candidate in candidates:
            check_fits(candidate, self.data)
        jobs = [
            self._job(candidate, protocol, seed, split, fidelity)
            for candidate in candidates
            for seed in self._seeds(protocol, candidate, seeds)
        ]
        keys = [key_of(job.asked) for job in jobs]
        self.ledger.refresh()
        # Stacks are cut before finished jobs are dropped: so a resumed call finds its checkpoints.
        once = list(dict(zip(keys, jobs, strict=True)).values())
        limits = stacks.Limits(self.workers, self.device, self.memory)
        missing = [
            [job for job in stack if again or self.ledger.find(key_of(job.asked)) is None]
            for stack in stacks.cut(once, self.data, limits)
        ]
        waiting = [stack for stack in missing if stack]
        done = len(jobs) - sum(map(len, waiting))
        progress(done, len(jobs))
        if waiting:
            images = self._images(split, fidelity, protocol, candidates)
            _embed((job for stack in waiting for job in stack), images)
            unseen = Unseen(images) if split == "train" else None
            for records in self._run(waiting, images, unseen):
                self.ledger.add(records, again)
                done += len(records)
                progress(done, len(jobs))
        # Equal sets have equal hashes and share their scores, whatever they are called.
        return [
            {**(self.ledger.find(key) or {}), **{name: job.asked[name] for name in TITLES}}
            for key, job in zip(keys, jobs, strict=True)
        ]

    def plan_of(self, candidate: Candidate, protocol: str, epochs: int | None = None) -> str:
        """What identifies how the candidate is scored: the `plan` of its records.

        Raises
        ------
        UserError
            Where `epochs` are given, and the protocol trains no network that could take them.
        """
        plan = _plan(candidate, protocol, epochs)
        members = plan.members if isinstance(plan, Mixture) else (plan,)
        if epochs and not any(isinstance(member, Recipe) for member in members):
            raise UserError(
                f"{protocol} trains no network, so it takes no epochs; leave --epochs out"
            )
        return fingerprint(plan)

    def _seeds(self, protocol: str, candidate: Candidate, seeds: Sequence[int]) -> Sequence[int]:
        asked = replicates(seeds)
        return asked if is_random(protocols.plan(protocol, candidate)) else asked[:1]

    def _job(
        self, candidate: Candidate, protocol: str, seed: int, split: str, fidelity: Fidelity
    ) -> Job:
        plan = _plan(candidate, protocol, fidelity.epochs)
        asked = self._asked(candidate, protocol, fingerprint(plan), seed, split, fidelity)
        return Job(candidate, plan, int(seed), {**asked, "random": is_random(plan)})

    def _asked(
        self,
        candidate: Candidate,
        protocol: str,
        plan: str,
        seed: int,
        split: str,
        fidelity: Fidelity,
    ) -> Record:
        """The fields of a record that say what is asked."""
        return {
            "candidate": candidate.hash,
            "name": candidate.name,
            "method": candidate.method,
            "dataset": self.data.name,
            "checksum": self.data.checksum,
            "ipc": candidate.ipc,
            "draw": candidate.draw,
            "role": candidate.role,
            "chosen_on": candidate.chosen_on,
            "protocol": protocol,
            "plan": plan,
            "split": split,
            "images": fidelity.images,
            "epochs": fidelity.epochs,
            "seed": int(seed),
            **({"part": fidelity.part} if fidelity.part else {}),
            **self.data.opening(),
        }

    def _origin(self) -> Record:
        """The fields of a record that say where an answer comes from that is computed now."""
        return {
            "device": self.device,
            "versions": provenance.versions(),
            "commit": provenance.commit(),
            "command": provenance.command(),
        }

    def _images(
        self, split: str, fidelity: Fidelity, protocol: str, candidates: Sequence[Candidate]
    ) -> ImageSet:
        if split == "test":
            log = (self.ledger.path or Path("runs/records.jsonl")).with_name(TEST_LOG)
            names = ", ".join(sorted({f"{c.name} ({c.hash})" for c in candidates}))
            images = self.data.unseal(log, f"{protocol} on {names}")
        else:
            images = self.data.split(split)
        return images.stratified(fidelity.images, fidelity.part) if fidelity.images else images

    def _checkpoint(self, stack: list[Job]) -> Path | None:
        """Where the training of a stack keeps its state."""
        if self.ledger.path is None:
            return None
        name = joblib.hash([key_of(job.asked) for job in stack])
        return self.ledger.path.parent / "unfinished" / f"{name}.pt"

    def _run(
        self, waiting: list[list[Job]], images: ImageSet, unseen: Unseen | None
    ) -> Iterator[list[Record]]:
        """Compute these stacks, yielding the records of each as it is done."""
        on_gpu, origin = self.device != "cpu", self._origin()
        checkpoints = [self._checkpoint(stack) for stack in waiting]
        held = [
            [unseen.held(job.candidate) for job in stack] if unseen else [] for stack in waiting
        ]
        tasks = (
            joblib.delayed(worker.answers)(stacks.work_of(stack, self.device, path, own), images)
            for stack, path, own in zip(waiting, checkpoints, held, strict=True)
        )
        workers = 1 if on_gpu else min(self.workers, len(waiting))
        with (
            joblib.parallel_config(
                backend="loky" if workers > 1 else "sequential",
                **(WORKER if workers > 1 else {}),
            ),
            torch_threads(1),  # small networks are fastest so
        ):
            parallel = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="all")
            with interrupts_held() if workers > 1 else nullcontext():  # the workers start here
                answered_stacks = parallel(tasks)
            for stack, checkpoint, (answers, seconds) in zip(
                waiting, checkpoints, answered_stacks, strict=True
            ):
                yield [
                    answered(job.asked, answer, seconds / len(stack), origin)
                    for job, answer in zip(stack, answers, strict=True)
                ]
                if checkpoint:  # its records are written by now
                    for path in checkpoint.parent.glob(f"{checkpoint.stem}*"):
                        path.unlink()


def answered(asked: Record, answer: worker.Answer, seconds: float, origin: Record) -> Record:
    """A whole record."""
    time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {
        **asked,
        "accuracy": answer.accuracy,
        "class_errors": list(answer.class_errors),
        "seconds": round(seconds, 4),
        "time": time,
        **origin,
    }


def check_fits(candidate: Candidate, data: Dataset) -> None:
    """Raise UserError where the candidate's images or classes are not the dataset's.

    Real images, and the labels that they came with, are those of the training split at the
    candidate's indices.
    """
    if candidate.images.shape[2:] != data.image_shape:
        raise UserError(
            f"{candidate.name!r} has images of {candidate.images.shape[2:]}, "
            f"{data.name} of {data.image_shape}; score it on its own dataset"
        )
    if candidate.classes != len(data.classes):
        raise UserError(
            f"{candidate.name!r} has {candidate.classes} classes, {data.name} "
            f"{len(data.classes)}; score it on its own dataset"
        )
    if candidate.checksum != data.checksum:
        theirs = described(candidate.dataset, candidate)
        ours = described(data.name, data)
        raise UserError(
            f"{candidate.name!r} was made from {theirs}, not {ours}; "
            "give its own with --dataset, --split-seed and --invert"
        )
    if candidate.indices is not None and not _holds(data.train, candidate):
        raise UserError(
            f"{candidate.name!r} holds other images or labels than {data.name} has in its "
            f"training split at its indices; make it again, or save it without indices"
        )


def _holds(train: ImageSet, candidate: Candidate) -> bool:
    """Whether the candidate's images and class labels are those at its indices."""
    indices, labels = candidate.indices, candidate.labels
    if indices is None or indices.max() >= len(train):
        return False
    same = candidate.label_scale != "class" or np.array_equal(train.labels[indices], labels)
    return same and np.array_equal(train.images[indices], candidate.images)


def _plan(candidate: Candidate, protocol: str, epochs: int | None) -> Any:
    """The protocol's plan, with no network trained for longer than the epochs given."""
    plan = protocols.plan(protocol, candidate)
    return _shortened(plan, epochs) if epochs else plan


def _shortened(plan: Any, epochs: int) -> Any:
    if isinstance(plan, Mixture):
        return replace(plan, members=tuple(_shortened(member, epochs) for member in plan.members))
    return plan.shortened(epochs) if isinstance(plan, Recipe) else plan


def _embed(jobs: Iterable[Job], images: ImageSet) -> None:
    """Compute the features that the jobs need, so that all workers find them on disk."""
    for job in jobs:
        members = job.plan.members if isinstance(job.plan, Mixture) else (job.plan,)
        for plan in members:
            if isinstance(plan, Classifier) and plan.embedding:
                plan.embed(images.images)
                plan.embed(
                    expand.shift(job.candidate.images, job.candidate.targets(), plan.shifts)[0]
                )
