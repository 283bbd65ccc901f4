"""Which recipes the inner loop follows: their training is the oracle's, step by step."""

from __future__ import annotations

from reproduce.errors import UserError
from reproduce.recipe import Recipe


def check_followed(recipe: Recipe, images: int) -> None:
    """Refuse recipes by which the oracle trains otherwise than the inner loop does.

    What is left is the same training, but for the augmentation of `dc`, which is drawn anew and
    bilinear here (`distill.inner.augment`).

    Parameters
    ----------
    recipe : Recipe
    images : int
        Of the set.

    Raises
    ------
    UserError
    """
    if recipe.batch < images:
        raise UserError(
            f"the recipe trains on batches of {recipe.batch}, the {images} images of this set are "
            "more, and a set is distilled as one batch; use fewer images or another --recipe"
        )
    unlike = {
        "model 'conv'": recipe.model == "conv",
        "norm 'batch'": recipe.norm == "batch",
        "shifts": recipe.shifts,
        "deskew": recipe.deskew,
        "a distortion": recipe.distortion,
    }
    for name, there in unlike.items():
        if there:
            raise UserError(f"sets are not distilled through {name}; use a recipe without")
