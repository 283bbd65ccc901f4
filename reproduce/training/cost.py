"""What a training takes of the machine's memory, estimated before anything is allocated."""

from __future__ import annotations

import itertools

from reproduce.errors import UserError
from reproduce.recipe import Recipe

LARGEST = 16 * 2**30  # bytes that the networks of one replicate may take
# Of networks of one size: numbers that a step keeps for each pixel, parameters at 28x28, and pairs
# of channels in convolutions by Winograd's method (`reproduce.networks.winograd`).
FIXED = {
    "conv": (15, 22_000, 0),
    "lenet": (16, 62_000, 0),
    "alexnet": (570, 1_900_000, 135_000),
    "vgg11": (600, 9_300_000, 106_000),
    "resnet18": (2040, 11_200_000, 66_000),
}
POINTS = 36  # of such a convolution: numbers of each pair, and of each 4x4 pixels of a map


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

    Measured with hooks on saved tensors, networks of all models took 0.8 to 1.0 times as much.

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
        weights with gradients and the optimiser's state; weights of convolutions at the points of
        Winograd's method, and their gradients; all for each network of the ensemble.
    """
    pixels = image_shape[0] * image_shape[1]
    moved = n * (2 * recipe.shifts + 1) ** 2
    kept, weights, pairs = _size(recipe, image_shape, classes)
    step = 2 * min(recipe.batch, moved) * kept + 2 * POINTS * pairs
    return 4 * recipe.ensemble * (2 * moved * pixels + step + 4 * weights)


def _size(recipe: Recipe, image_shape: tuple[int, ...], classes: int) -> tuple[int, int, int]:
    """Of one network: numbers kept of an image, parameters, pairs of channels as in `FIXED`."""
    pixels = image_shape[0] * image_shape[1]
    widths = list(recipe.widths) or [recipe.width] * recipe.depth
    if recipe.model in FIXED:
        kept, weights, pairs = FIXED[recipe.model]
        return kept * pixels, weights, pairs
    if recipe.own:
        from reproduce.networks.own import size  # loads PyTorch

        return *size(recipe.model, (image_shape[0], image_shape[1]), classes), 0
    if recipe.model == "mlp":
        units = [pixels, *widths, classes]
        return sum(units), sum(a * b for a, b in itertools.pairwise(units)), 0
    sizes = [max(1, pixels // 4**block) for block in range(len(widths) + 1)]
    if recipe.model == "resnet":
        blocks = [(w, w, size) for w, size in zip(widths, sizes, strict=False)] * 2
    else:
        blocks = list(zip([1, *widths], widths, sizes, strict=False))
    maps = 2 if recipe.norm == "none" else 3  # that a block keeps for the backward pass
    inner = [block for block in blocks if block[0] > 1]
    # A first block in one pass keeps none (`reproduce.networks.first_block`).
    keeping = blocks[1:] if recipe.has_first_block_in_one_pass else blocks
    kept = maps * sum(outputs * size for _, outputs, size in keeping)
    kept += POINTS * sum(inputs * size for inputs, _, size in inner) // 16
    weights = 9 * sum(inputs * outputs for inputs, outputs, _ in blocks)
    weights += widths[-1] * sizes[-1] * classes
    return kept, weights, sum(inputs * outputs for inputs, outputs, _ in inner)
