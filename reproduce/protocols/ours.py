"""Protocols of this project: the strongest one for few images, and cheap proxies."""

from __future__ import annotations

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.images.distortion import Distortion
from reproduce.protocols.names import protocol
from reproduce.recipe import MNIST_MEAN, MNIST_STD, Recipe
from reproduce.scoring.learners import Learner


@protocol("best")
def best(candidate: Candidate) -> Recipe:
    """The strongest way that we found to learn from few real images: five ConvNets, averaged.

    They are trained on upright images that are distorted anew at each step. `docs/essay.md` says
    how the settings were chosen.
    """
    batch = min(25, len(candidate))
    steps = 1500 if len(candidate) < 5 * candidate.classes else 3000
    return Recipe(
        model="convnet",
        mean=MNIST_MEAN,
        std=MNIST_STD,
        epochs=max(1, steps * batch // len(candidate)),
        batch=batch,
        reshuffle=True,
        lr=0.02,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="cosine",
        augment="distort",
        distortion=Distortion(shift=2, rotate=15, scale=0.2, shear=0.3, elastic=34, stroke=0.7),
        ensemble=5,
        deskew=True,
        width=32,
    )


@protocol("ridge-conv")
def ridge_conv(candidate: Candidate) -> Learner:
    """A proxy of `conv`: ridge regression on the features of 16 untrained networks."""
    from reproduce.scoring.ridge_proxy import Ridge

    return Ridge(Recipe(model="conv"))


@protocol("ridge-convnet")
def ridge_convnet(candidate: Candidate) -> Learner:
    """A proxy of `convnet`: ridge regression on features of 4 untrained ConvNets of two blocks."""
    from reproduce.scoring.ridge_proxy import Ridge

    return Ridge(Recipe(model="convnet", mean=MNIST_MEAN, std=MNIST_STD, width=64, depth=2), nets=4)


@protocol("kernel-conv")
def kernel_conv(candidate: Candidate) -> Learner:
    """Ridge regression with the tangent kernel of an infinitely wide conv net of three layers."""
    from reproduce.scoring.kernel import ConvKernel

    return ConvKernel()


@protocol("own")
def own(candidate: Candidate) -> Recipe:
    """The recipe that the candidate carries."""
    if candidate.recipe is None:
        raise UserError(f"{candidate.name!r} carries no recipe; score it with another protocol")
    return candidate.recipe
