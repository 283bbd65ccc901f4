"""Random distortions of training images, drawn afresh for every image at every step.

The essay's open problems name them: intensity jitter, small rotations, the elastic distortions of
Simard, Steinkraus and Platt (2003), and others. All warps are composed into one bilinear lookup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from reproduce.images.distortion import POLICIES, Distortion
from reproduce.support.constants import OnRecord

PARAMETERS = 7  # uniform numbers that the affine part and the stroke of one image take
BRUSH = 3  # side in pixels of the square that dilates and erodes, odd
REACH = 4  # standard deviations up to which the smoothing kernel is summed to 1
ON_RECORD = OnRecord(
    __name__,
    {
        "POLICIES": {
            "": "",
            "trivial": "TrivialAugmentWide",
            "rand": "RandAugment",
            "augmix": "AugMix",
        },
        "PARAMETERS": 7,
        "BRUSH": 3,
        "REACH": 4,
    },
)


@dataclass(frozen=True)
class Drawn:
    """The random numbers of one step's distortions, for K networks and B images.

    Attributes
    ----------
    uniform : Tensor of shape (K, B, 7)
        In -1..1.
    field : Tensor of shape (K, B, 2, H, W) or None
        In -1..1, of the elastic distortion.
    noise : Tensor of shape (K, B, 1, H, W) or None
        Normal, of the jitter.
    share : Tensor of shape (K, B, 1) or None
        In 0..1, of mixing.
    seeds : tuple of K int
        Of torchvision's policy; empty without one.
    """

    uniform: Tensor
    field: Tensor | None = None
    noise: Tensor | None = None
    share: Tensor | None = None
    seeds: tuple[int, ...] = ()


def draw(
    distortion: Distortion,
    size: int,
    shape: tuple[int, int],
    generators: Sequence[torch.Generator],
) -> Drawn:
    """Draw for batches of `size` images of K networks, each with its own generator."""
    return Drawn(
        _draw((size, PARAMETERS), generators) * 2 - 1,
        seeds=tuple(_seed(g) for g in generators) if distortion.policy else (),
        field=_draw((size, 2, *shape), generators) * 2 - 1 if distortion.elastic else None,
        noise=_draw((size, 1, *shape), generators, torch.randn) if distortion.jitter else None,
        share=_draw((size, 1), generators) if distortion.mix else None,
    )


def distort(
    images: Tensor, targets: Tensor, distortion: Distortion, drawn: Drawn
) -> tuple[Tensor, Tensor]:
    """Distort the batches of K networks.

    Parameters
    ----------
    images : Tensor of shape (K, B, 1, H, W)
        Pixel space. Gradients pass through all but torchvision's policies.
    targets : Tensor of shape (K, B, C)
    distortion : Distortion
    drawn : Drawn

    Returns
    -------
    images, targets : Tensor
        Of the same shapes; targets differ only under `mix`.
    """
    uniform = drawn.uniform.to(images)
    if distortion.policy:
        images = _torchvision(images, distortion.policy, drawn.seeds)
    if distortion.stroke:
        images = _stroke(images, distortion.stroke * uniform[..., 6])
    if distortion.warps:
        images = _warp(images, _positions(uniform, distortion, drawn.field, images.shape[-2:]))
    if drawn.noise is not None:
        images = (images + distortion.jitter * drawn.noise.to(images)).clamp(0, 1)
    if drawn.share is not None:
        share = distortion.mix * drawn.share.to(images)
        images = torch.lerp(images, images.roll(1, 1), share[..., None, None])
        targets = torch.lerp(targets, targets.roll(1, 1), share)
    return images, targets


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (), generator=generator))


def _draw(
    shape: tuple[int, ...],
    generators: Sequence[torch.Generator],
    drawn: Callable[..., Tensor] = torch.rand,
) -> Tensor:
    """Random numbers (K, *shape), in float32 on the CPU: the same numbers on every device."""
    return torch.stack([drawn(shape, generator=g, dtype=torch.float32) for g in generators])


def _torchvision(images: Tensor, policy: str, seeds: Sequence[int]) -> Tensor:
    """Each image on its own; torchvision draws from the CPU's generator, seeded by us."""
    from torchvision.transforms import v2  # takes seconds to import

    transform = getattr(v2, POLICIES[policy])()
    done = []
    with _drawing_by_default():
        for own, seed in zip((images * 255).byte().cpu(), seeds, strict=True):
            torch.default_generator.manual_seed(seed)
            done.append(torch.stack([transform(image) for image in own]))
    return torch.stack(done).to(images) / 255


@contextmanager
def _drawing_by_default() -> Iterator[None]:
    """Let others draw float32 from the CPU's global generator, then restore both."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def _stroke(images: Tensor, share: Tensor) -> Tensor:
    """Part of the way to the dilation where `share` (K, B) is positive, else to the erosion."""
    flat = images.flatten(0, 1)
    thick = F.max_pool2d(flat, BRUSH, 1, BRUSH // 2).view_as(images)
    thin = -F.max_pool2d(-flat, BRUSH, 1, BRUSH // 2).view_as(images)
    share = share[..., None, None, None]
    return images + share.clamp(min=0) * (thick - images) - share.clamp(max=0) * (thin - images)


def _positions(
    uniform: Tensor,
    distortion: Distortion,
    field: Tensor | None,
    shape: Sequence[int],
) -> Tensor:
    """Where each output pixel looks, (K, B, H, W, 2) as (x, y) in pixels from the centre."""
    angle = math.radians(distortion.rotate) * uniform[..., 0]
    wide, high = (torch.exp(distortion.scale * uniform[..., i]) for i in (1, 2))
    slant = distortion.shear * uniform[..., 3]
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Rotation times shear times scale, row by row.
    matrix = torch.stack([cos * wide, (cos * slant - sin) * high], -1)
    matrix = torch.stack([matrix, torch.stack([sin * wide, (sin * slant + cos) * high], -1)], -2)
    moved = _centred(tuple(shape)).to(matrix) @ matrix.flatten(0, 1).mT  # (K * B, H * W, 2)
    moved = moved.unflatten(0, uniform.shape[:2]) + distortion.shift * uniform[..., None, 4:6]
    moved = moved.unflatten(2, tuple(shape))
    if field is not None:
        field = field.to(uniform)
        down, across = (_gaussian(side, distortion.smooth).to(field) for side in shape)
        moved = moved + distortion.elastic * (down @ field @ across).movedim(2, -1)
    return moved


@cache
def _centred(shape: tuple[int, ...]) -> Tensor:
    """Pixel positions (H * W, 2) as (x, y), from the image's centre."""
    y, x = (torch.arange(side, dtype=torch.float32) - (side - 1) / 2 for side in shape)
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], -1).flatten(0, 1)


@cache
def _gaussian(side: int, sigma: float) -> Tensor:
    """Matrix (side, side) that smooths along one axis; a kernel of sum 1, zeros outside."""
    place = torch.arange(side, dtype=torch.float32)
    distance = place[:, None] - place
    end = REACH * math.ceil(sigma)
    reach = torch.arange(-end, end + 1, dtype=torch.float32)
    total = torch.exp(-(reach**2) / (2 * sigma**2)).sum()
    return torch.exp(-(distance**2) / (2 * sigma**2)) / total


def _warp(images: Tensor, positions: Tensor) -> Tensor:
    """Look images (K, B, 1, H, W) up at positions; 0 outside."""
    height, width = images.shape[-2:]
    grid = positions.flatten(0, 1) * torch.tensor([2 / width, 2 / height]).to(positions)
    looked = F.grid_sample(images.flatten(0, 1), grid, padding_mode="zeros", align_corners=False)
    return looked.view_as(images)
