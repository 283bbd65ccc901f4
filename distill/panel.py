"""The panel: the learners that a set is made for, each under a name that `--for` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distill.config import RECIPES, DistillConfig
from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.recipe import MNIST_MEAN, MNIST_STD, Recipe
from reproduce.scoring.learners import Learner
from reproduce.scoring.network import Network

LEAST = 0.02  # error rate that counts in the turns of a learner that makes fewer errors


@dataclass(frozen=True)
class Member:
    """One learner of the panel.

    Attributes
    ----------
    name : str
        As the user gave it.
    protocol : str
        By which the oracle scores: the name, or `own` for a recipe that the set will carry.
    learner : Learner
        What the oracle scores.
    recipe : Recipe or None
        By which networks are trained while the set is made; None where the learner trains none.
    classes : int
        Of the data.
    """

    name: str
    protocol: str
    learner: Learner
    recipe: Recipe | None
    classes: int

    @property
    def hard(self) -> bool:
        """Whether it takes hard labels alone, as estimators and the field's protocols do."""
        return self.recipe is None or self.recipe.augment == "dc"

    @property
    def frame(self) -> str:
        """Where the images of its sets lie, as in `Recipe`."""
        return self.recipe.frame if self.recipe else "plain"

    @property
    def temperature(self) -> float:
        """What multiplies its scores at first, so that 0.9 and -0.1 become sure answers."""
        return 1.0 if self.recipe is None else 10.0

    @property
    def carried(self) -> Recipe | None:
        """The recipe that a set carries which is made for this learner alone.

        None where the network is the user's own, for files name no code.
        """
        if not isinstance(self.learner, Network) or self.learner.recipe.own:
            return None
        return self.learner.recipe


def members(config: DistillConfig, template: Candidate) -> tuple[Member, ...]:
    """The learners that `config.protocols` names.

    Parameters
    ----------
    config : DistillConfig
        With `protocols` and `frame` filled.
    template : Candidate
        Of the set's size; its recipe is what `own` stands for.

    Raises
    ------
    UserError
        For an unknown name, for a learner that a set cannot be made for, for a name given twice,
        for two recipes that the set would have to carry both, and for a learner that takes images
        in another frame.
    """
    if not config.protocols:
        raise UserError("--for names no learner")
    found = tuple(member(name, config, template) for name in config.protocols)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise UserError(f"--for names a learner twice: {', '.join(names)}")
    own = [one.name for one in found if one.protocol == "own"]
    if len(own) > 1:
        raise UserError(f"a set carries one recipe, so give one of {', '.join(own)}")
    for one in found:
        if one.frame != config.frame:
            raise UserError(
                f"{one.name} takes images in frame {one.frame}, the set lies in {config.frame}; "
                "give another --start, or other learners"
            )
    return found


def member(name: str, config: DistillConfig, template: Candidate) -> Member:
    """One learner by its name."""
    if name in RECIPES:
        recipe = recipe_of(name, config, len(template))
        wide = Network(widened(recipe, config.widen))
        return Member(name, "own", wide, recipe, template.classes)
    if name == "own" and template.recipe is None:
        raise UserError(
            "--for own: the start carries no recipe; give --start FILE of a set that does"
        )
    learner = protocols.learner(name, template)
    if not isinstance(learner, Network):
        from distill.surrogates import surrogate  # loads scikit-learn, which takes seconds

        if surrogate(learner) is None:
            raise UserError(f"no set can be made for {name}: it has no gradient, and no surrogate")
        return Member(name, name, learner, None, template.classes)
    # The members of an ensemble are alike, so one network stands for all while the set is made.
    recipe = replace(learner.recipe, ensemble=1)
    if recipe.distortion and recipe.distortion.policy:
        raise UserError(
            f"no gradient passes through torchvision's policies; drop {name} from --for"
        )
    return Member(name, name, learner, narrowed(recipe, config), template.classes)


def recipe_of(name: str, config: DistillConfig, images: int) -> Recipe:
    """A recipe of `RECIPES` with the user's settings; the set is one batch."""
    fields = {"batch": images, **RECIPES[name]}
    fields["epochs"] = config.inner_steps or fields["epochs"]
    usual, growth, width = fields.pop("lr"), fields.pop("growth", 1), config.width or 32
    rate = config.inner_lr or usual
    if fields.get("schedule") == "list":
        fields["learning_rates"] = (rate,) * fields["epochs"]
    else:
        fields["lr"] = rate
    depth = config.depth or 3
    if growth == 1:
        fields["width"] = width
    else:
        fields["widths"] = tuple(width * growth**block for block in range(depth))
    fields |= {"mean": MNIST_MEAN, "std": MNIST_STD, "depth": depth}
    fields["frame"] = config.frame or "plain"
    return Recipe(model="convnet", known_init=config.known_init, **fields)


def narrowed(recipe: Recipe, config: DistillConfig) -> Recipe:
    """The recipe of a protocol with the width and depth that the user gave for distilling."""
    given = {"width": config.width, "depth": config.depth}
    changes: dict[str, Any] = {name: size for name, size in given.items() if size is not None}
    return replace(recipe, **changes) if changes and resizable(recipe) else recipe


def resizable(recipe: Recipe) -> bool:
    """Whether the recipe's networks have a width and a depth."""
    return recipe.model in ("convnet", "resnet", "mlp") and not recipe.widths


def widened(recipe: Recipe, widen: int) -> Recipe:
    """The recipe with networks `widen` times wider; UserError where they become too wide."""
    if recipe.widths:
        return replace(recipe, widths=tuple(widen * width for width in recipe.widths))
    return replace(recipe, width=widen * recipe.width)


def turns(config: DistillConfig, accuracies: Sequence[float], members: int) -> np.ndarray:
    """The share of turns (M,) that each learner gets.

    Parameters
    ----------
    config : DistillConfig
        Its `weights` are the shares where the user gave them.
    accuracies : sequence of float
        Of the last validation, in percent; empty before the first.
    members : int

    Returns
    -------
    ndarray
        By default in proportion to the error rates, so that the weakest learner gets most.
    """
    shares = np.ones(members)
    if config.weights:
        shares = np.array(config.weights)
    elif accuracies:
        shares = np.maximum(1 - np.array(accuracies) / 100, LEAST)
    return shares / shares.sum()
