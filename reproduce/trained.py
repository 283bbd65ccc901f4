"""A trained network in hand: what a protocol makes of a candidate, as one PyTorch module."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.images.deskew import upright
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import Fidelity
from reproduce.scoring.learners import Replicate, Where
from reproduce.scoring.network import Network
from reproduce.support.schema import SEED
from reproduce.support.threads import torch_threads, usable_device
from reproduce.training import evaluation


class TrainedNetwork(nn.Module):
    """A network, or an ensemble of networks, that reads images in pixel space.

    Setting upright and normalising belong to it, as the recipe says. It is in evaluation mode.

    Parameters
    ----------
    networks : Stack
        The trained network; of an ensemble all networks.
    recipe : Recipe
        By which they were trained.
    """

    def __init__(self, networks: Stack, recipe: Recipe) -> None:
        super().__init__()
        self.networks, self.recipe = networks, recipe
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (n, C) of images (n, 1, H, W), float32, 0 is background and 1 is full ink.

        Those of an ensemble are the logarithms of its mean probabilities. Of a recipe with the
        loss `mse` they are scores, whose largest entry alone means something.
        """
        seen = upright(pixels[:, 0])[:, None] if self.recipe.reads_upright else pixels
        answers = self.networks((seen[None] - self.recipe.mean) / self.recipe.std)  # (K, n, C)
        if len(answers) == 1:
            return answers[0]
        return answers.softmax(-1).mean(0).log()

    def predict(self, pixels: np.ndarray | Tensor) -> np.ndarray:
        """Classes (n,), int64, of images (n, 1, H, W): what the oracle judges, to the last bit."""
        images = pixels.numpy(force=True) if isinstance(pixels, Tensor) else pixels
        images = np.asarray(images, dtype=np.float32)
        if self.recipe.ensemble == 1:
            return evaluation.predict(self.networks, self.recipe, images)[0]
        found = evaluation.probabilities(self.networks, self.recipe, images)
        classes: np.ndarray = found.mean(0).argmax(-1)
        return classes


def fit(
    candidate: Candidate,
    protocol: str,
    seed: int,
    *,
    epochs: int | None = None,
    device: str = "auto",
) -> TrainedNetwork:
    """Train on a candidate, as the oracle does for one seed, and return the network.

    Parameters
    ----------
    candidate : Candidate
    protocol : str
        A name of `reproduce.protocols` that trains networks.
    seed : int
        0 to 2 ** 32 - 1.
    epochs : int or None
        Train for at most this many epochs; None: for as many as the protocol says.
    device : str
        As for `Oracle`.

    Raises
    ------
    UserError
        For an unknown protocol or device, and for a protocol that trains no network or mixes
        several learners.
    """
    learner = protocols.learner(protocol, candidate)
    if not isinstance(learner, Network):
        raise UserError(f"{protocol} gives no single network; use conv, best or own")
    if epochs:
        learner = learner.reduced(Fidelity(epochs=epochs))
    replicate = Replicate(candidate, learner, SEED.check(seed, "seed"))
    with torch_threads(1):  # as the oracle's workers have
        networks = learner.trained([replicate], Where(usable_device(device)))
    return TrainedNetwork(networks, learner.recipe)
