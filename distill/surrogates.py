"""Learners that are not trained by gradient, as differentiable functions of a set.

A distillation follows gradients. The accuracy of a nearest neighbour or of a support vector machine
gives it none, so that it follows a surrogate, which answers nearly as the learner does, and
smoothly. On the essay's sets of ten (a hundred) images, neighbours and machines give 96 (93) % of
MNIST's validation images the same class as their surrogates do. A network of scikit-learn is
trained by gradient, so its surrogate is its own training (`distill.trained_mlp`). They agree on 84
(91) % of these images, two networks of scikit-learn from different seeds on 85 (93) %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from torch import Tensor

from distill.trained_mlp import trained
from reproduce.images import expand
from reproduce.scoring.classifier import BYTE, DIVISOR, Classifier
from reproduce.scoring.kernel import ConvKernel
from reproduce.scoring.learners import Learner
from reproduce.training.last_layer import dual_weights
from reproduce.transfer.heads import TorchHead

SHARPNESS = 0.03  # of neighbours: the temperature, in units of their mean squared distance
STRENGTH = 0.03  # of a machine's ridge, in units of the mean of the kernel's diagonal
VOTE = 10.0  # a machine's decision between two classes counts as the tanh of so many times it
BIAS = 10.0  # added to a machine's kernel, in the same units: a constant, hardly penalised
RIDGE = 1.0  # of a linear layer trained by descent, in the same units
SURE = 10.0  # what multiplies scores, so that 0.9 and -0.1 are sure
CURVATURE = 0.25  # of the cross-entropy at most, by each logit (Böhning 1992)
SMALLEST = 1e-12  # weight of an image in a class: its root has a gradient

# From features (n, F) and class weights (n, C) of a set, and features (B, F): answers (B, C).
Head = Callable[..., Tensor]


@dataclass(frozen=True)
class Surrogate:
    """A differentiable stand-in for a learner on pixels or on frozen features.

    Attributes
    ----------
    learner : Classifier
        Says what is seen of images, and how many shifted copies of them are learned.
    head : callable
        Answers from features, as `nearest`, `machine` and `ridge` do.
    standardise : bool
        Whether features get mean 0 and standard deviation 1 over the set before.
    trains : bool
        Whether the head trains a network, as `distill.trained_mlp.trained` does from a seed. Its
        numbers have the images' type, those of other heads float64.
    """

    learner: Classifier
    head: Head
    standardise: bool = False
    trains: bool = False

    def answers(self, images: Tensor, scores: Tensor, real: Tensor, seed: int = 0) -> Tensor:
        """Answers (B, C) to real images, of which the largest is the predicted class.

        Parameters
        ----------
        images : Tensor of shape (n, 1, H, W)
            The set, in pixel space.
        scores : Tensor of shape (n, C)
            Its labels: one-hot, probabilities, or any scores; what is added to a whole row does not
            matter.
        real : Tensor of shape (B, 1, H, W)
            In pixel space.
        seed : int
            Of what the head draws at random.
        """
        if self.learner.shifts:
            copies = expand.shifted(images, self.learner.shifts)
            images, scores = copies, scores.repeat_interleave(len(copies) // len(images), 0)
        ours, theirs = self._seen(images), self._seen(real)
        if self.standardise:
            mean, deviation = ours.mean(0), ours.var(0, correction=0).clamp_min(SMALLEST).sqrt()
            ours, theirs = (ours - mean) / deviation, (theirs - mean) / deviation
        weights = scores - scores.amin(1, keepdim=True)
        if self.trains:
            given = (part.to(real.dtype) for part in (ours, weights, theirs))
            return self.head(*given, seed=seed)
        return self.head(ours, weights.double(), theirs).to(real.dtype)

    def _seen(self, images: Tensor) -> Tensor:
        """What the learner sees of images: (n, F), float64."""
        if self.learner.embedding:
            return self.learner.embedding.forward(images).double()
        return images.flatten(1).double() * BYTE / DIVISOR


@dataclass(frozen=True)
class KernelSurrogate:
    """A learner by kernel, which is differentiable itself; its scores become sure logits."""

    learner: ConvKernel

    def answers(self, images: Tensor, scores: Tensor, real: Tensor, seed: int = 0) -> Tensor:
        """As `Surrogate.answers`; nothing is drawn."""
        return SURE * self.learner.answers(images, scores, real)


def surrogate(learner: Learner) -> Surrogate | KernelSurrogate | None:
    """The surrogate of a learner, found by the type of its estimator.

    None where there is none, as of trees and forests.
    """
    if isinstance(learner, ConvKernel):
        return KernelSurrogate(learner)
    if not isinstance(learner, Classifier):
        return None
    estimator = learner.make(0)
    scaled = isinstance(estimator, Pipeline | TorchHead)
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    head = _head(last)
    return head and Surrogate(learner, head, scaled, isinstance(last, MLPClassifier))


def _head(estimator: Any) -> Head | None:
    match estimator:
        case KNeighborsClassifier(metric="minkowski", p=2, n_neighbors=k):
            return partial(nearest, k=k)
        case KNeighborsClassifier(metric="cosine", n_neighbors=k):
            return lambda x, weights, y: nearest(F.normalize(x), weights, F.normalize(y), k)
        case SVC(kernel="linear"):
            return partial(machine, kernel=linear)
        case SVC(kernel="rbf", gamma="auto"):
            return partial(machine, kernel=radial)
        case LogisticRegression(C=c):
            return lambda x, weights, y: ridge(x, weights, y, 1 / (CURVATURE * c * x.shape[1]))
        case TorchHead():
            return partial(ridge, strength=RIDGE)
        case MLPClassifier(activation="relu", solver="adam"):
            return partial(trained, estimator=estimator)
    return None


# --- Heads --------------------------------------------------------------------------------------


def nearest(x: Tensor, weights: Tensor, y: Tensor, k: int = 1) -> Tensor:
    """Soft nearest neighbours: each class is as likely as its images weigh, near ones most.

    An image at distance d weighs exp(-d^2 / T) (Goldberger et al. 2005, neighbourhood components),
    where T is a small part of the mean squared distance of the `k` nearest, and has no gradient.
    """
    distances = squared_distances(y, x)  # (B, n)
    logs = weights.clamp_min(torch.finfo(weights.dtype).tiny).log()  # (n, C)
    return torch.logsumexp(logs - distances[:, :, None] / temperature_of(distances, k), dim=1)


@torch.no_grad()
def temperature_of(distances: Tensor, k: int) -> Tensor:
    """T of `nearest`, from squared distances (B, n)."""
    near = distances.topk(min(k, distances.shape[1]), largest=False).values
    return SHARPNESS * near.mean().clamp_min(SMALLEST)


def machine(
    x: Tensor, weights: Tensor, y: Tensor, kernel: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """A support vector machine with squared errors: every class against every other.

    Scikit-learn's machine decides between two classes at a time, too, and counts votes. Its hinge
    loss is replaced by the squared error (Suykens and Vandewalle 1999), so that a decision is the
    solution of a linear equation. An image takes part in a pair as far as it belongs to it.
    """
    ours, cross = kernel(x, x), kernel(y, x)
    bias = BIAS * ours.diagonal().mean()
    sides = _pairs(weights)  # (P, C)
    belongs = (sides.abs() @ weights.T).clamp_min(SMALLEST).sqrt()[:, :, None]  # (P, n, 1)
    targets = (sides @ weights.T)[:, :, None] / belongs
    weighted = belongs * (ours + bias) * belongs.transpose(1, 2)
    # The mean of the diagonal is over all images, and a pair has those of two classes.
    strength = STRENGTH / (1 + BIAS) * weights.shape[1] / 2
    solved = belongs * dual_weights(weighted, targets, strength)
    decisions = ((cross + bias) @ solved)[:, :, 0]  # (P, B)
    return torch.tanh(VOTE * decisions).T @ sides


def ridge(x: Tensor, weights: Tensor, y: Tensor, strength: float) -> Tensor:
    """A linear layer with the squared error, for layers that are trained on the cross-entropy.

    For logistic regression it is a step of Newton's method from zero, under the largest curvature.
    """
    return regressed(linear(x, x), weights, linear(y, x), strength)


def regressed(kernel: Tensor, weights: Tensor, cross: Tensor, strength: float) -> Tensor:
    """Answers of ridge regression from kernels (n, n) and (B, n), as logits that are sure."""
    targets = SURE * (weights - weights.mean(1, keepdim=True))
    return cross @ dual_weights(kernel[None], targets[None], strength)[0]


# --- Kernels and distances ----------------------------------------------------------------------


def linear(x: Tensor, y: Tensor) -> Tensor:
    """The linear kernel (n, m) of features (n, F) and (m, F)."""
    return x @ y.T


def radial(x: Tensor, y: Tensor) -> Tensor:
    """The Gaussian kernel (n, m) with scikit-learn's `gamma="auto"`: 1 / features."""
    return torch.exp(-squared_distances(x, y) / x.shape[1])


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances (n, m) of features (n, F) and (m, F)."""
    lengths = x.square().sum(1)[:, None] + y.square().sum(1)
    return (lengths - 2 * x @ y.T).clamp_min(0)


def _pairs(like: Tensor) -> Tensor:
    """For each pair of classes (P, C), 1 at the one and -1 at the other."""
    classes = like.shape[1]
    eye = torch.eye(classes, dtype=like.dtype, device=like.device)
    return torch.stack([eye[a] - eye[b] for a, b in combinations(range(classes), 2)])
