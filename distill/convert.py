"""From a candidate to what is learned, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from distill.config import RECIPES, DistillConfig
from distill.panel import Member
from distill.starts import start_labels
from distill.synthetic import SyntheticSet
from reproduce.candidate import Candidate
from reproduce.data import Dataset


def learnable(begun: Candidate, config: DistillConfig, panel: Sequence[Member]) -> SyntheticSet:
    """What is learned, as the set to start from has it.

    Labels are scores where all learners take scores, and else probabilities or hard.
    """
    recipes = [member.recipe for member in panel]
    assert config.learn is not None
    scored = all(recipe and recipe.loss == "mse" for recipe in recipes)
    scale = "class" if config.learn == "images" else "score" if scored else "probability"
    only = recipes[0] if len(recipes) == 1 else None
    rates = only.learning_rates if only else ()
    temperatures = [member.temperature for member in panel]
    labels = start_labels(begun, scale)
    ways = {"faint": config.faint, "blur": config.blur}
    return SyntheticSet(begun.images, labels, scale, config.learn, rates, temperatures, **ways)


def candidate_of(
    synthetic: SyntheticSet,
    data: Dataset,
    config: DistillConfig,
    panel: Sequence[Member],
    name: str,
) -> Candidate:
    """The set as it is now, with the recipe that it carries and the protocols it was made for."""
    words = ["distill", config.method]
    if not set(config.protocols or ()) <= set(RECIPES):
        words.append(f"for {','.join(member.name for member in panel)}")
    elif config.learn != "both":
        words.append(f"{config.learn} only")
    if config.known_init is not None:
        words.append("for one known init")
    own = [member.carried for member in panel if len(panel) == 1 or member.protocol == "own"]
    recipe = own[0] if own else None
    made = synthetic.candidate(data, name, " ".join(words)[:200], config.seed, recipe)
    return replace(made, made_for=tuple(member.protocol for member in panel))
