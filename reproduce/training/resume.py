"""Going on with a training that was stopped, from its checkpoint."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.training import checkpoint
from reproduce.training.draws import Draws
from reproduce.training.optimiser import Optimiser

SAVE_EVERY = 60.0  # seconds between checkpoints


class Resume:
    """All state of a training, saved about once a minute and restored after a stop.

    Parameters
    ----------
    path : Path or None
        The checkpoint; with None nothing is saved.
    run : str
        What identifies the training: the checkpoint of another one is refused.
    model, optimiser, draws
        What has state.
    """

    def __init__(
        self,
        path: Path | None,
        run: str,
        model: Stack,
        optimiser: Optimiser,
        draws: Draws,
    ) -> None:
        self.path, self.run = path, run
        self.model, self.optimiser, self.draws = model, optimiser, draws
        self.saved_at = time.monotonic()

    def save(self, epoch: int) -> None:
        """Save the state after `epoch` where the last checkpoint is a minute old."""
        if self.path is None or time.monotonic() - self.saved_at <= SAVE_EVERY:
            return
        state = {
            "epoch": epoch,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.moments,
            "draws": self.draws.state(),
        }
        checkpoint.save(self.path, self.run, state)
        self.saved_at = time.monotonic()

    def restore(self, epochs: int) -> int:
        """Set all state from the checkpoint; how many of the epochs it had done, 0 without one.

        Raises
        ------
        UserError
            When the checkpoint is damaged, or of a training with other settings.
        """
        if self.path is None or not self.path.exists():
            return 0
        state = checkpoint.load(self.path, self.run)
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.restore(state["optimiser"])
            self.draws.restore(state["draws"])
            if state["epoch"] not in range(1, epochs):
                raise ValueError("epoch")
            return int(state["epoch"])
        except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise checkpoint.damaged(self.path, error) from None


def identity(
    recipe: Recipe,
    images: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    seeds: Sequence[int],
) -> str:
    """What identifies a training: the recipe, the seeds, and a checksum of the training sets."""
    digest = hashlib.sha256()
    for array in (*images, *targets):
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{recipe.key()}, seeds {[int(seed) for seed in seeds]}, sets {digest.hexdigest()}"
