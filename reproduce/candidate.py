"""A candidate: a tiny training set that knows what it is and where it came from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import MISSING, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reproduce.errors import UserError
from reproduce.recipe import Recipe
from reproduce.support import candidate_file, provenance
from reproduce.support.arrays import MOST_CLASSES, check_images, check_labels, frozen
from reproduce.support.files import read_input, write_whole
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Instance,
    Named,
    Optional,
    Several,
    Whole,
    Words,
    check_fields,
    ruled,
)
from reproduce.training import cost

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset

LABEL_SCALES = ("class", "probability", "score")
DRAWS = ("table", "figures")
ROLES = (
    "given",
    "essay draw",
    "searched",
    "finalist",
    "random search",
    "random sets",
    "simple rule",
    "distilled",
)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A tiny training set in pixel space, in memory and in one file.

    A candidate cannot be changed; `dataclasses.replace` makes another one.

    Attributes
    ----------
    images : ndarray of shape (n, 1, H, W), float32
        0 is background, 1 full ink. Real images stay in 0..1, synthetic ones in -100..100. At most
        1,000,000 images with sides of up to 256 pixels, 2 ** 28 pixels in all.
    labels : ndarray of shape (n,), int64, or (n, C), float32
        Class indices, or one row per image in the scale that `label_scale` names.
    name, method, dataset, checksum : str
        The set's name, the method that made it, the dataset that it was made from, and the checksum
        of that dataset.
    classes : int
        Number of classes C, 2 to 10,000.
    indices : ndarray of shape (n,), int64, or None
        Positions in the dataset's training split when the images are real.
    label_scale : str
        `class` for indices; `probability` for rows that are >= 0 and sum to 1; `score` for any
        finite rows, of which only the largest entry counts under cross-entropy (and all under
        squared error).
    draw : str or None
        `table` or `figures` where the set is one of the essay's draws.
    role : str
        What the set is in a comparison, one of `ROLES`. A `finalist` is one of the sets among which
        a search chose. `random search` is what a random search of equal budget chose. `random sets`
        are drawn without any choice. `given` says that it is not known how the set was found.
    chosen_on : str or None
        The split whose scores chose this set among others, so that its score there is too high.
        None where no scores chose it.
    made_for : tuple of str
        The protocols that the set was searched or distilled for. Empty where it was made for none,
        and in files of earlier versions.
    recipe : Recipe or None
        The candidate's own training recipe, which the protocol `own` follows. One replicate may
        take 16 GiB.
    seeds : tuple of int
        Seeds of the random numbers that made the set, at least 0.
    class_names : tuple of str
        Names of the classes of own data, in the order of labels; empty for mnist, fashion and
        digits.
    path, split_seed, invert : str, int, bool
        How own data was opened, as arguments of `reproduce.load`; the path is empty for other data.
    command, versions : str, dict
        The command that made the set and the versions of its packages, filled in at construction.

    Raises
    ------
    UserError
        When types, shapes, ranges or labels are not as described, or a text has unprintable
        characters or more than 200 (a path 4,096, a command 100,000).
    """

    images: np.ndarray
    labels: np.ndarray
    name: str = ruled(MISSING, Words())
    method: str = ruled(MISSING, Words())
    dataset: str = ruled(MISSING, Words())
    checksum: str = ruled(MISSING, Words())
    classes: int = ruled(10, Whole(2, MOST_CLASSES))
    indices: np.ndarray | None = None
    label_scale: str = ruled("class", Choice(LABEL_SCALES))
    draw: str | None = ruled(None, Optional(Choice(DRAWS)))
    role: str = ruled("given", Choice(ROLES))
    chosen_on: str | None = ruled(None, Optional(Words()))
    made_for: tuple[str, ...] = ruled((), Several(Words(1000), 100))
    recipe: Recipe | None = ruled(None, Optional(Instance(Recipe)))
    seeds: tuple[int, ...] = ruled((), Several(Whole(0, 2**63 - 1), 10_000))
    class_names: tuple[str, ...] = ruled((), Several(Words(), MOST_CLASSES))
    path: str = ruled("", Words(4096, least=0))
    split_seed: int = ruled(0, SEED)
    invert: bool = ruled(False, Flag())
    command: str = ruled(provenance.command, Words(provenance.LONGEST, least=0))
    versions: dict[str, str] = ruled(provenance.versions, Named(Words(), 1000))

    def __post_init__(self) -> None:
        check_fields(self, "candidate")
        hard, recipe = self.label_scale == "class", self.recipe
        try:
            self._freeze("images", np.float32, "f")
            self._freeze("labels", *((np.int64, "iu") if hard else (np.float32, "iuf")))
            if self.indices is not None:
                self._freeze("indices", np.int64, "iu")
            check_images(self.images, self.indices)
            check_labels(self.labels, len(self), self.label_scale, self.classes)
            if self.class_names and len(self.class_names) != self.classes:
                raise UserError(f"{len(self.class_names)} class names, {self.classes} classes")
            if recipe and recipe.own:
                raise UserError("a recipe that names code goes into no file; leave recipe out")
            if recipe:
                cost.check(recipe, len(self), self.images.shape[2:], self.classes)
        except UserError as error:
            raise UserError(f"candidate {self.name!r}: {error}") from None

    def _freeze(self, name: str, dtype: type, kinds: str) -> None:
        """Replace an array by a read-only copy of the type that candidates have."""
        object.__setattr__(self, name, frozen(getattr(self, name), name, dtype, kinds))

    def __len__(self) -> int:
        return len(self.images)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candidate):
            return NotImplemented
        return self.digest == other.digest

    def __hash__(self) -> int:
        return int(self.hash, 16)

    @cached_property
    def hash(self) -> str:
        """16 hex digits over all that training and scoring depend on; not over names."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            candidate_file.add(digest, array)
        recipe = self.recipe.key() if self.recipe else None
        digest.update(json.dumps([self.classes, self.label_scale, recipe]).encode())
        return digest.hexdigest()[:16]

    @property
    def digest(self) -> str:
        """16 hex digits over all that the file holds: also indices, names and provenance."""
        return candidate_file.digest(self._arrays(), self.meta())

    @property
    def ipc(self) -> float:
        """Images per class: an int where it is a whole number."""
        ratio = len(self) / self.classes
        return int(ratio) if ratio.is_integer() else ratio

    @property
    def frame(self) -> str:
        """Where its images lie, as in `Recipe`."""
        return self.recipe.frame if self.recipe else "plain"

    def hard_labels(self) -> np.ndarray:
        """Class indices of shape (n,), int64: the labels, or the largest entry of each row."""
        return self.labels if self.labels.ndim == 1 else self.labels.argmax(1).astype(np.int64)

    def targets(self) -> np.ndarray:
        """Probabilities of shape (n, C), float32, for the cross-entropy."""
        if self.label_scale == "probability":
            return self.labels
        return (self.hard_labels()[:, None] == np.arange(self.classes)).astype(np.float32)

    def scores(self) -> np.ndarray:
        """Scores of shape (n, C), float32, for squared error: `targets` - 1 / C, or the labels."""
        if self.label_scale == "score":
            return self.labels
        return self.targets() - np.float32(1 / self.classes)

    def tensor_dataset(self) -> TensorDataset:
        """The set for PyTorch: images (n, 1, H, W), float32, and labels as they are, as copies."""
        import torch
        from torch.utils.data import TensorDataset

        return TensorDataset(torch.tensor(self.images), torch.tensor(self.labels))

    def renamed(self, name: str) -> Candidate:
        """The same candidate under another name."""
        return replace(self, name=name)

    def meta(self) -> dict[str, Any]:
        """All that is not an array, as plain JSON values.

        `made_for` is left out where it is empty, so that files of earlier versions keep their
        digests.
        """
        recipe = self.recipe
        return {
            "format": candidate_file.FORMAT,
            **{name: getattr(self, name) for name in META if name != "made_for"},
            **({"made_for": list(self.made_for)} if self.made_for else {}),
            "normalisation": {"mean": recipe.mean, "std": recipe.std} if recipe else None,
            "recipe": recipe.to_dict() if recipe else None,
            "seeds": list(self.seeds),
            "class_names": list(self.class_names),
            "versions": dict(self.versions),
            "hash": self.hash,
        }

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"images": self.images, "labels": self.labels}
        return arrays if self.indices is None else {**arrays, "indices": self.indices}

    def save(self, path: Path | str) -> Path:
        """Write one `.npz` that numpy opens without pickle, whole or not at all."""
        return write_whole(Path(path), candidate_file.packed(self._arrays(), self.meta()))

    @classmethod
    def load(cls, path: Path | str) -> Candidate:
        """Read and check a candidate file.

        Raises
        ------
        UserError
            When the file is missing, damaged, altered, too large, incomplete, or no candidate's.
        """
        content = read_input(path)
        try:
            arrays, meta = candidate_file.unpacked(content, NEEDED)
            if "digest" not in meta and LATER & set(meta):  # files with these fields have one
                raise UserError("lacks digest; make or fetch it again")
            fields: dict[str, Any] = {name: meta[name] for name in META if name in meta}
            if fields["recipe"] is not None:
                fields["recipe"] = Recipe.from_dict(fields["recipe"])
            candidate = cls(**arrays, **fields)
            candidate._check_unaltered(arrays, meta)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        return candidate

    def _check_unaltered(self, arrays: dict[str, Any], meta: dict[str, Any]) -> None:
        """Raise UserError where what the file says of its content is not true."""
        true = {**self.meta(), "digest": candidate_file.digest(arrays, meta)}
        for field in ("hash", "normalisation", "digest"):
            if field in meta and meta[field] != true[field]:
                raise UserError(f"content does not match its {field}; make or fetch it again")


# The fields that are not arrays, which the file keeps in its meta.
META = tuple(f.name for f in dataclasses.fields(Candidate) if "rule" in f.metadata)
# Fields that files of earlier versions lack.
LATER = {"digest", "role", "chosen_on", "made_for"}
LATER |= {"class_names", "path", "split_seed", "invert"}
NEEDED = {"images", "labels", "hash", "normalisation", *META} - LATER
