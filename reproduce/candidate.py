"""The one noun: a tiny training set that knows what it is and where it came from."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from reproduce import provenance
from reproduce.errors import UserError
from reproduce.files import write_whole
from reproduce.recipe import Recipe

FORMAT = "supertrainer-candidate/1"
LABEL_SCALES = ("class", "probability", "score")
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
TEXT_FIELDS = ("name", "method", "dataset", "checksum", "label_scale", "command")
OPENING = ("path", "split_seed", "invert")  # absent from files of earlier versions


@dataclass(frozen=True, eq=False)
class Candidate:
    """A tiny training set in pixel space.

    Attributes
    ----------
    images : ndarray of shape (n, 1, H, W), float32
        0 is background, 1 full ink. Real images stay in 0..1, synthetic ones are finite.
    labels : ndarray of shape (n,), int64, or (n, C), float32
        Class indices, or one row per image in the scale that `label_scale` names.
    name, method, dataset, checksum : str
        What it is called, what made it, from which dataset, and that dataset's checksum.
    classes : int
        Number of classes C, at least 2.
    indices : ndarray of shape (n,), int64, or None
        Positions in the dataset's training split when the images are real.
    label_scale : str
        `class` for indices; `probability` for rows that are >= 0 and sum to 1; `score` for any
        finite rows, of which only the largest entry counts under cross-entropy (and all under
        squared error).
    draw : str or None
        `table` or `figures` where it is one of the essay's draws.
    role : str
        What the set is, one of `ROLES`. A finalist is one of the sets that a search chose among;
        `random search` is what a random search of equal budget chose, `random sets` are drawn
        without any choice; `given` says that nothing is known of how the set was found.
    chosen_on : str or None
        The split whose scores chose this set among others: its score there is a lucky one. None
        where no scores chose it.
    recipe : Recipe or None
        The candidate's own training recipe, replayed by the protocol `own`.
    seeds : tuple of int
        Seeds that went into making it.
    class_names : tuple of str
        Names of the classes of own data, in the order of labels; empty where `dataset` says them.
    path, split_seed, invert : str, int, bool
        How own data was opened, as `reproduce.load` takes it; the path is empty for other data.
    command, versions
        Provenance, filled in at construction.

    Raises
    ------
    UserError
        When shapes, ranges or labels are not as described.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str
    method: str
    dataset: str
    checksum: str
    classes: int = 10
    indices: np.ndarray | None = None
    label_scale: str = "class"
    draw: str | None = None
    role: str = "given"
    chosen_on: str | None = None
    recipe: Recipe | None = None
    seeds: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    path: str = ""
    split_seed: int = 0
    invert: bool = False
    command: str = field(default_factory=provenance.command)
    versions: dict[str, str] = field(default_factory=provenance.versions)

    def __post_init__(self) -> None:
        def own(name: str, values: Any, dtype: type) -> np.ndarray:
            array: np.ndarray = np.array(values, dtype=dtype, order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
            return array

        if self.label_scale == "class" and np.asarray(self.labels).dtype.kind not in "iu":
            raise UserError(f"candidate {self.name!r}: class labels must be whole numbers")
        own("images", self.images, np.float32)
        own("labels", self.labels, np.int64 if self.label_scale == "class" else np.float32)
        if self.indices is not None:
            own("indices", self.indices, np.int64)
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        problem = _problem_with_images(self) or _problem_with_labels(self)
        problem = problem or _problem_with_role(self)
        if problem:
            raise UserError(f"candidate {self.name!r}: {problem}")

    def __len__(self) -> int:
        return len(self.images)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candidate):
            return NotImplemented
        return self.hash == other.hash and self.meta() == other.meta()

    def __hash__(self) -> int:
        return int(self.hash, 16)

    @property
    def hash(self) -> str:
        """Content hash, 16 hex digits, of all that training and scoring depend on."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        recipe = self.recipe.key() if self.recipe else None
        digest.update(json.dumps([self.classes, self.label_scale, recipe]).encode())
        return digest.hexdigest()[:16]

    @property
    def ipc(self) -> float:
        """Images per class: a whole number when the set is balanced in size."""
        ratio = len(self) / self.classes
        return int(ratio) if ratio.is_integer() else ratio

    def hard_labels(self) -> np.ndarray:
        """Class indices of shape (n,): the labels, or each row's largest entry."""
        return self.labels if self.labels.ndim == 1 else self.labels.argmax(1).astype(np.int64)

    def targets(self) -> np.ndarray:
        """Probabilities of shape (n, C), float32, for the cross-entropy."""
        if self.label_scale == "probability":
            return self.labels
        return np.eye(self.classes, dtype=np.float32)[self.hard_labels()]

    def scores(self) -> np.ndarray:
        """Scores of shape (n, C), float32, for squared error: `targets` - 1 / C, or the labels."""
        if self.label_scale == "score":
            return self.labels
        return self.targets() - np.float32(1 / self.classes)

    def renamed(self, name: str) -> Candidate:
        """The same candidate under another name."""
        return replace(self, name=name)

    def meta(self) -> dict[str, Any]:
        """All that is not an array, as plain JSON values."""
        recipe = self.recipe
        return {
            "format": FORMAT,
            **{name: getattr(self, name) for name in TEXT_FIELDS},
            "classes": self.classes,
            "draw": self.draw,
            "role": self.role,
            "chosen_on": self.chosen_on,
            "normalisation": {"mean": recipe.mean, "std": recipe.std} if recipe else None,
            "recipe": recipe.to_dict() if recipe else None,
            "seeds": list(self.seeds),
            "class_names": list(self.class_names),
            **{name: getattr(self, name) for name in OPENING},
            "versions": dict(self.versions),
            "hash": self.hash,
        }

    def save(self, path: Path | str) -> Path:
        """Write one `.npz` that numpy opens without pickle, whole or not at all."""
        arrays = {"images": self.images, "labels": self.labels}
        if self.indices is not None:
            arrays["indices"] = self.indices
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays, meta=np.array(json.dumps(self.meta())))  # type: ignore[arg-type]
        return write_whole(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> Candidate:
        """Read and check a candidate file; UserError when it is missing, damaged or foreign."""
        arrays, meta = _read(Path(path))
        recipe = Recipe.from_dict(meta["recipe"]) if meta.get("recipe") else None
        try:
            candidate = cls(
                images=arrays["images"],
                labels=arrays["labels"],
                indices=arrays.get("indices"),
                **{name: meta[name] for name in (*TEXT_FIELDS, "classes", "draw", "versions")},
                role=meta.get("role", "given"),  # files of old do not say
                chosen_on=meta.get("chosen_on"),
                recipe=recipe,
                seeds=tuple(meta["seeds"]),
                **{name: meta[name] for name in (*OPENING, "class_names") if name in meta},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}: damaged candidate file ({error!r}); make it again") from None
        if candidate.hash != meta["hash"]:
            raise UserError(f"{path}: content does not match its hash; make or fetch it again")
        return candidate


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop("meta")))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the path of a candidate .npz") from None
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable candidate file ({type(error).__name__})") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise UserError(f"{path}: not a candidate file (its meta does not say {FORMAT})")
    return arrays, meta


def _problem_with_images(candidate: Candidate) -> str | None:
    images, indices = candidate.images, candidate.indices
    if images.ndim != 4 or images.shape[1] != 1 or 0 in images.shape:
        return f"images have shape {images.shape}, expected (n, 1, H, W) with n >= 1"
    if not np.isfinite(images).all():
        return "images hold values that are not finite"
    if indices is None:
        return None
    if indices.shape != (len(images),):
        return f"indices have shape {indices.shape}, expected ({len(images)},)"
    if indices.min() < 0 or len(np.unique(indices)) < len(indices):
        return "indices must be distinct positions in the training split"
    if images.min() < 0 or images.max() > 1:
        return "real images must lie in 0..1 (0 background, 1 full ink)"
    return None


def _problem_with_labels(candidate: Candidate) -> str | None:
    labels, scale, classes = candidate.labels, candidate.label_scale, candidate.classes
    if classes < 2:
        return f"{classes} classes; at least 2 are needed"
    if scale not in LABEL_SCALES:
        return f"label scale {scale!r}, use one of {', '.join(LABEL_SCALES)}"
    shape = (len(candidate.images),) if scale == "class" else (len(candidate.images), classes)
    if labels.shape != shape:
        return f"labels have shape {labels.shape}, expected {shape} for label scale {scale!r}"
    if scale == "class":
        if labels.min() < 0 or labels.max() >= classes:
            return f"labels run from {labels.min()} to {labels.max()}, expected 0..{classes - 1}"
    elif not np.isfinite(labels).all():
        return "labels hold values that are not finite"
    elif scale == "probability" and (labels.min() < 0 or np.abs(labels.sum(1) - 1).max() > 1e-4):
        return "label rows must be >= 0 and sum to 1"
    return None


def _problem_with_role(candidate: Candidate) -> str | None:
    if candidate.role not in ROLES:
        return f"role {candidate.role!r}, use one of {', '.join(ROLES)}"
    if candidate.chosen_on is not None and not isinstance(candidate.chosen_on, str):
        return f"chosen on {candidate.chosen_on!r}; give the name of a split, or None"
    return None
