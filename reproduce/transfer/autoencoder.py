"""Features learned without labels: a convolutional autoencoder of all training images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.errors import UserError
from reproduce.support import array_cache, keys
from reproduce.support.constants import OnRecord
from reproduce.support.progress import Progress, silent
from reproduce.training import checkpoint
from reproduce.transfer.backbones import CACHE, NOTE

EPOCHS, BATCH, RATE = 8, 128, 1e-3
NOISE = 0.3  # standard deviation of the noise on every pixel that it learns to take away
CHANNELS = (32, 64)
ON_RECORD = OnRecord(__name__, {"NOISE": 0.3, "CHANNELS": (32, 64)})


class Network(nn.Module):
    """Two convolutions with stride 2 and a linear layer down to the code, and the way back."""

    def __init__(self, image_shape: tuple[int, int], code: int) -> None:
        super().__init__()
        height, width = image_shape
        if height % 4 or width % 4:
            raise UserError(f"images of {image_shape}: the autoencoder wants sides divisible by 4")
        few, many = CHANNELS
        inner = (many, height // 4, width // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, few, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(few, many, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(math.prod(inner), code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, math.prod(inner)),
            nn.Unflatten(1, inner),
            nn.ReLU(),
            nn.ConvTranspose2d(many, few, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(few, 1, 4, 2, 1),
        )
        self.float()  # whatever type the caller has set as PyTorch's default


@dataclass(frozen=True)
class Autoencoder:
    """A trained encoder, as an embedding.

    Attributes
    ----------
    path : str
        Where its weights lie.
    run : str
        What they were trained on and how.
    image_shape : tuple
        (H, W) of the images.
    code : int
        Length of the features.
    """

    path: str
    run: str
    image_shape: tuple[int, int]
    code: int

    @classmethod
    def train(
        cls,
        images: np.ndarray,
        code: int = 64,
        seed: int = 0,
        folder: Path = CACHE,
        progress: Progress = silent,
    ) -> Autoencoder:
        """Train on images (n, 1, H, W) without labels, or find the weights of such a training.

        Adam on the squared error of noisy pixels' reconstruction (Vincent et al. 2008), 8 epochs.
        """
        height, width = images.shape[2:]
        how = f"{code} {seed} {EPOCHS} {BATCH} {RATE}{ON_RECORD.changes()}"
        # Records of the essay name the learner by this hash, so it stays joblib's.
        run = f"autoencoder {how} on {joblib.hash(images)}"
        path = folder / f"{keys.key('autoencoder/1', run, checkpoint.MARK.decode())}.pt"
        if not path.exists():
            network = _trained(Network((height, width), code), images, seed, progress)
            checkpoint.save(path, run, network.state_dict())
        return cls(str(path), run, (height, width), code)

    @property
    def title(self) -> str:
        """Its part of a protocol's name."""
        return f"autoencoder-{self.code}"

    def key(self) -> str:
        """What identifies the features."""
        return self.run

    def __call__(self, images: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Return codes (n, F), float32, of images (n, 1, H, W), from the cache where they are."""
        place = array_cache.place(Path(self.path).parent, self.run, images)
        return array_cache.stored([place], lambda _: [self._codes(images, progress)])[0]

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, F) of images (n, 1, H, W) with their graph; nothing is kept on disk."""
        codes: Tensor = _encoder(self)(images)
        return codes

    @torch.no_grad()
    def _codes(self, images: np.ndarray, progress: Progress) -> np.ndarray:
        codes: list[np.ndarray] = []
        for block in torch.tensor(images).split(1000):
            codes.append(self.forward(block).numpy())
            progress(sum(map(len, codes)), len(images), NOTE)
        return np.concatenate(codes)


@cache
def _encoder(autoencoder: Autoencoder) -> nn.Module:
    """The trained encoder, frozen."""
    network = Network(autoencoder.image_shape, autoencoder.code)
    network.load_state_dict(checkpoint.load(Path(autoencoder.path), autoencoder.run))
    return network.encoder.requires_grad_(False)


def _trained(network: Network, images: np.ndarray, seed: int, progress: Progress) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                layer.reset_parameters()
    generator = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(images)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    for epoch in range(EPOCHS):
        for chosen in torch.randperm(len(x), generator=generator).split(BATCH):
            optimiser.zero_grad()
            _loss(network, x[chosen], generator).backward()
            optimiser.step()
        progress(epoch + 1, EPOCHS)
    return network


def _loss(network: Network, batch: Tensor, generator: torch.Generator) -> Tensor:
    noisy = batch + NOISE * torch.randn(batch.shape, generator=generator, dtype=batch.dtype)
    return F.mse_loss(network.decoder(network.encoder(noisy)), batch)
