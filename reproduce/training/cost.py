"""What a training takes of the machine's memory, estimated before anything is allocated."""

from __future__ import annotations

import itertools

from reproduce.errors import UserError
from reproduce.recipe import Recipe

LARGEST = 16 * 2**30  # bytes that the networks of one replicate may take
# Of networks of one size: numbers that a step keeps for each pixel, and parameters at 28x28.
FIXED = {
    "conv": (15, 22_000),
    "lenet": (16, 62_000),
    "alexnet": (470, 1_900_000),
    "vgg11": (515, 9_300_000),
    "resnet18": (1180, 11_200_000),
}


def check(recipe: Recipe, n: int, image_shape: tuple[int, ...], classes: int) -> None:
    """Raise UserError where shifts leave nothing of an image, or a replicate takes over 16 GiB."""
    if recipe.shifts >= min(image_shape):
        raise UserError(f"recipe: shifts by {recipe.shifts} pixels leave nothing of {image_shape}")
    asked = replicate_bytes(recipe, n, image_shape, classes)
    if asked > LARGEST:
        raise UserError(
            f"recipe: one replicate takes about {asked / 2**30:,.0f} GiB, at most "
            f"{LARGEST // 2**30} are allowed; use a smaller batch, width, depth or ensemble"
        )


def replicate_bytes(recipe: Recipe, n: int, image_shape: tuple[int, ...], classes: int) -> int:
    """About the bytes that one replicate takes in training.

    Measured with hooks on saved tensors, networks of all models took 0.8 to 1.1 times as much.

    Parameters
    ----------
    recipe : Recipe
    n : int
        Images of the set.
    image_shape : tuple of int
        Height and width in pixels.
    classes : int

    Returns
    -------
    int
        The shifted images twice; of one step what the backward pass keeps, and as much again;
        weights with gradients and the optimiser's state; all for each network of the ensemble.
    """
    pixels = image_shape[0] * image_shape[1]
    moved = n * (2 * recipe.shifts + 1) ** 2
    widths = list(recipe.widths) or [recipe.width] * recipe.depth
    if recipe.model in FIXED:
        kept, weights = FIXED[recipe.model][0] * pixels, FIXED[recipe.model][1]
    elif recipe.own:
        from reproduce.networks.own import size  # loads PyTorch

        kept, weights = size(recipe.model, (image_shape[0], image_shape[1]), classes)
    elif recipe.model == "mlp":
        units = [pixels, *widths, classes]
        kept, weights = sum(units), sum(a * b for a, b in itertools.pairwise(units))
    else:
        twice = 2 if recipe.model == "resnet" else 1
        maps = 2 if recipe.norm == "none" else 3  # that a block keeps for the backward pass
        sizes = [max(1, pixels // 4**block) for block in range(len(widths) + 1)]
        kept = maps * twice * sum(w * size for w, size in zip(widths, sizes, strict=False))
        weights = 9 * twice * sum(a * b for a, b in itertools.pairwise([1, *widths]))
        weights += widths[-1] * sizes[-1] * classes
    step = 2 * min(recipe.batch, moved) * kept
    return 4 * recipe.ensemble * (2 * moved * pixels + step + 4 * weights)
