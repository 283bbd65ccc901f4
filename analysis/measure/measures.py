"""What is measured of a candidate beyond its accuracy, as plain JSON values.

Each function asks the oracle or the data once; the report reads only what was written down.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.measure import variants
from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet
from reproduce.essay import draws
from reproduce.oracle import Oracle
from reproduce.predictions import learning_curve, predictions, predictor
from reproduce.support.progress import Progress, silent

SPLIT = "validation-b"  # the half of validation that no search has seen
Values = dict[str, Any]
LEARNING_IMAGES = 2000  # of the split, for each point of a learning curve
CONFUSED = 24
NEIGHBOURS = 1000  # real images whose own nearest neighbours give a scale for distances
COMPONENTS = 30  # of the pixels, that the map is made from


def pixels(images: np.ndarray) -> list[str]:
    """Images (n, 1, H, W) in 0..1 as bytes in base64, row by row; what lies outside is cut."""
    grey = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return [base64.b64encode(image.tobytes()).decode() for image in grey]


def check(candidate: Candidate, protocol: str, seeds: Sequence[int], leave_out: int) -> None:
    """Raise UserError for what a measure of the candidate would refuse; nothing is computed.

    `leave_out` is the size of the largest set of which single images are left out.
    """
    predictor(candidate, protocol)
    recipe = protocols.recipe(protocol, candidate)
    if recipe:
        variants.changes(candidate, recipe, seeds)
    if len(candidate) <= leave_out:
        variants.without_each(candidate)


def accuracies(oracle: Oracle, candidate: Candidate, protocol: str, seeds: Sequence[int]) -> Any:
    """The candidate's accuracies in percent on `SPLIT`, seed by seed."""
    return [record["accuracy"] for record in oracle.score(candidate, protocol, seeds, SPLIT)]


def leave_one_out(
    oracle: Oracle,
    candidate: Candidate,
    protocol: str,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> list[list[float]]:
    """Accuracies without image i, for each i, seed by seed."""
    parts = variants.without_each(candidate)
    records = oracle.score_many(parts, protocol, seeds, SPLIT, progress=progress)
    each = len(records) // len(parts)
    return [
        [record["accuracy"] for record in records[start : start + each]]
        for start in range(0, len(records), each)
    ]


def sensitivity(
    oracle: Oracle,
    candidate: Candidate,
    protocol: str,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> list[Values]:
    """Accuracies under each change of `variants.changes`, seed by seed; [] without a recipe."""
    recipe = protocols.recipe(protocol, candidate)
    if recipe is None:
        return []
    found = []
    changes = variants.changes(candidate, recipe, seeds)
    for done, change in enumerate(changes, 1):
        if len(change.variants) == 1:
            values = accuracies(oracle, change.variants[0], "own", seeds)
        else:
            pairs = zip(change.variants, seeds, strict=True)
            values = [accuracies(oracle, variant, "own", [seed])[0] for variant, seed in pairs]
        found.append({"kind": change.kind, "amount": change.amount, "accuracies": values})
        progress(done, len(changes))
    return found


def lessons(
    oracle: Oracle, candidate: Candidate, protocol: str, seeds: Sequence[int]
) -> dict[str, Any]:
    """Confusion counts over all replicates, and the digits that most of them get wrong.

    Returns
    -------
    dict
        `confusion`: (C, C) counts, true class by predicted class; `confused`: for each digit its
        index in `SPLIT`, its label, the class most often seen instead, the share of
        replicates that are wrong, and its pixels.
    """
    scored = oracle.data.split(SPLIT)
    said = predictions(candidate, protocol, seeds, scored.images, oracle.device)
    classes = len(oracle.data.classes)
    pairs = np.tile(scored.labels, len(said)) * classes + said.ravel()
    confusion = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    votes = np.stack([(said == label).sum(0) for label in range(classes)], axis=1)
    votes[np.arange(len(votes)), scored.labels] = 0
    wrong = votes.sum(1) / len(said)
    # The most often wrong first; among equals those with the most votes for one wrong class.
    worst = np.lexsort((np.arange(len(wrong)), -votes.max(1), -wrong))[:CONFUSED]
    confused = [
        {
            "index": int(i),
            "label": int(scored.labels[i]),
            "said": int(votes[i].argmax()),
            "wrong": float(wrong[i]),
            "pixels": pixels(scored.images[[i]])[0],
        }
        for i in worst
    ]
    return {"confusion": confusion.tolist(), "confused": confused}


def learning(oracle: Oracle, candidate: Candidate, protocol: str, seeds: Sequence[int]) -> Values:
    """Accuracy against training step on a fixed stratified part of `SPLIT`."""
    scored = oracle.data.split(SPLIT)
    scored = scored.stratified(min(LEARNING_IMAGES, len(scored)))
    curve = learning_curve(candidate, protocol, seeds, scored, device=oracle.device)
    return {
        "images": len(scored),
        "steps": [steps for steps, _ in curve],
        "accuracies": [values for _, values in curve],
    }


def neighbours(data: Dataset, candidate: Candidate) -> Values:
    """The nearest real image of each of the candidate's, and how typical each of its class is.

    Returns
    -------
    dict
        `nearest`: index, label, Euclidean distance in pixel space, and pixels of the nearest
        training image (a real image is its own); `usual`: the median distance of a training
        image to its nearest other one; `extremity`: the share (0..1) of the class's training
        images that lie nearer to the class's mean image than this one.
    """
    train = flat(data.train.images)
    own = flat(candidate.images)
    squares = (train**2).sum(1)
    labels = candidate.hard_labels()
    nearest, extremity = [], []
    for image, label in zip(own, labels, strict=True):
        distances = squares - 2 * train @ image + image @ image
        best = int(distances.argmin())
        nearest.append(
            {
                "index": best,
                "label": int(data.train.labels[best]),
                "distance": float(np.sqrt(max(0.0, distances[best]))),
                "pixels": pixels(data.train.images[[best]])[0],
            }
        )
        members = train[data.train.labels == label]
        mean = members.mean(0)
        nearer = ((members - mean) ** 2).sum(1) < ((image - mean) ** 2).sum()
        extremity.append(float(nearer.mean()))
    return {"nearest": nearest, "usual": _usual_distance(train), "extremity": extremity}


def _usual_distance(train: np.ndarray) -> float:
    some = train[:: max(1, len(train) // NEIGHBOURS)]
    squares = (train**2).sum(1)
    block = squares - 2 * some @ train.T + (some**2).sum(1)[:, None]
    second = np.partition(block, 1, axis=1)[:, 1]  # the nearest is the image itself
    return float(np.median(np.sqrt(np.maximum(second, 0))))


def random_curve(
    oracle: Oracle,
    protocol: str,
    ipcs: Sequence[int],
    sets: int,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> Values:
    """Accuracy of random real sets of several sizes: `accuracies[size][set][seed]`."""
    found = []
    for done, ipc in enumerate(ipcs, 1):
        drawn = [random_set(oracle.data, ipc, number) for number in range(sets)]
        found.append([accuracies(oracle, one, protocol, seeds) for one in drawn])
        progress(done, len(ipcs))
    return {"ipc": list(ipcs), "accuracies": found}


def random_set(data: Dataset, ipc: int, number: int) -> Candidate:
    """Random training images, `ipc` of each class, drawn by a generator seeded (number, ipc)."""
    counts = np.bincount(data.train.labels, minlength=len(data.classes))
    rng = np.random.default_rng([number, ipc])
    name = f"random {number}"
    quotas = [ipc * int(count > 0) for count in counts]
    return draws.random_candidate(data, quotas, rng, name=name, seeds=(number,))


def embedding(data: Dataset, candidates: Sequence[Candidate], background: int) -> Values:
    """A map of training images and the candidates' images together.

    t-SNE (van der Maaten and Hinton 2008) of the first principal components of the pixels.

    Returns
    -------
    dict
        `background`: `x`, `y`, `label` of a stratified part of the training set; `sets`: the same
        for each candidate, by hash. Coordinates are scaled to 0..1.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    some = data.train.stratified(min(background, len(data.train)))
    images = np.concatenate([some.images, *(candidate.images for candidate in candidates)])
    components = PCA(COMPONENTS, random_state=0).fit(flat(some.images)).transform(flat(images))
    places = TSNE(random_state=0, init="pca", learning_rate="auto").fit_transform(components)
    places = (places - places.min(0)) / (places.max(0) - places.min(0))
    start, sets = len(some), {}
    for candidate in candidates:
        part = places[start : start + len(candidate)]
        sets[candidate.hash] = _points(part, candidate.hard_labels())
        start += len(candidate)
    return {"background": _points(places[: len(some)], some.labels), "sets": sets}


def _points(places: np.ndarray, labels: np.ndarray) -> Values:
    x, y = np.round(places.T.astype(float), 4).tolist()
    return {"x": x, "y": y, "label": labels.tolist()}


def sample(scored: ImageSet, n: int) -> Values:
    """A stratified sample of digits for the page, as bytes in one base64 string."""
    some = scored.stratified(min(n, len(scored)))
    grey = np.rint(some.images * 255).astype(np.uint8)
    return {
        "side": grey.shape[-1],
        "labels": some.labels.tolist(),
        "pixels": base64.b64encode(grey.tobytes()).decode(),
    }


def flat(images: np.ndarray) -> np.ndarray:
    """Images (n, 1, H, W) as rows (n, H W)."""
    return images.reshape(len(images), -1)
