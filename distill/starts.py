"""What a distillation starts from: real images, means, centres of clusters, noise, or a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError

START_LOGIT = 4.0  # soft labels start at about 0.86 for the true class among ten


def start(data: Dataset, ipc: int, kind: str, seed: int) -> Candidate:
    """The set to start from.

    Parameters
    ----------
    data : Dataset
    ipc : int
        Images per class.
    kind : str
        A name of `STARTS`, or the path of a candidate file.
    seed : int

    Raises
    ------
    UserError
        When the file is no candidate, of other data, or of another size, or when a class has too
        few images.
    """
    classes = len(data.classes)
    if Path(kind).is_file():
        candidate = Candidate.load(kind)
        check_fits(candidate, data)
        if len(candidate) != ipc * classes:
            raise UserError(f"{kind} holds {len(candidate)} images, not {ipc} of each class")
        return candidate
    images, hard = start_images(data, ipc, kind, seed)
    return Candidate(
        images=images,
        labels=hard,
        name="start",
        method=f"start {kind}",
        dataset=data.name,
        checksum=data.checksum,
        classes=classes,
    )


def class_means(data: Dataset, like: Candidate) -> Candidate:
    """What a distilled set has to beat: means of parts of each class, under the same recipe.

    Parameters
    ----------
    data : Dataset
        In the frame of the set.
    like : Candidate
        The set, with as many images of each class.
    """
    means = start(data, round(like.ipc), "mean", 0)
    means = replace(means, name="class means", method="class means", role="simple rule")
    return replace(means, recipe=like.recipe)


def start_labels(begun: Candidate, scale: str) -> np.ndarray:
    """Labels (n, C) of a start in a scale of `SyntheticSet`; soft ones can be learned."""
    if scale == "score":
        return begun.scores()
    if scale == "class" or begun.label_scale == "probability":
        hard = begun.hard_labels()[:, None] == np.arange(begun.classes)
        return hard.astype(np.float32) if scale == "class" else begun.targets()
    return F.softmax(torch.tensor(START_LOGIT * begun.targets()), -1).numpy()


def start_images(data: Dataset, ipc: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 1, H, W) and labels (n,) of a start by its name, class by class."""
    rng, train, images = np.random.default_rng(seed), data.train, []
    for label, name in enumerate(data.classes):
        members = train.images[rng.permutation(np.flatnonzero(train.labels == label))]
        if kind != "noise":
            _check_different(members, ipc, name)
        images.append(STARTS[kind](members, ipc, seed, rng))
    return np.concatenate(images), np.arange(len(data.classes)).repeat(ipc)


def _check_different(members: np.ndarray, ipc: int, name: str) -> None:
    """Raise UserError where a class has not `ipc` different images in the training split."""
    found: set[bytes] = set()
    for image in members:
        found.add(image.tobytes())
        if len(found) == ipc:
            return
    raise UserError(
        f"class {name!r} has {len(found)} different images in training, not {ipc}; "
        "lower --ipc, or use --start noise"
    )


def mean(members: np.ndarray, ipc: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    """Means (ipc, 1, H, W) of random parts of a class's images (N, 1, H, W) in random order."""
    return np.stack([part.mean(0) for part in np.array_split(members, ipc)])


def kmeans(members: np.ndarray, ipc: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    """Centres (ipc, 1, H, W) of clusters of a class's images (N, 1, H, W)."""
    from sklearn.cluster import KMeans

    flat = members.reshape(len(members), -1)
    centres = KMeans(ipc, n_init=1, random_state=seed).fit(flat).cluster_centers_
    return np.reshape(centres.clip(0, 1).astype(np.float32), (ipc, *members.shape[1:]))


def real(members: np.ndarray, ipc: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    """Random images (ipc, 1, H, W) of a class: the first of (N, 1, H, W) in random order."""
    return members[:ipc]


def noise(members: np.ndarray, ipc: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    """Images (ipc, 1, H, W) of uniform noise in 0..1."""
    return rng.random((ipc, *members.shape[1:]), dtype=np.float32)


Start = Callable[[np.ndarray, int, int, np.random.Generator], np.ndarray]
STARTS: dict[str, Start] = {"mean": mean, "kmeans": kmeans, "real": real, "noise": noise}
