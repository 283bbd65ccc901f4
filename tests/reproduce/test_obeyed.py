"""B9: every field of a recipe changes training or reading, or is refused where it would not."""

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, Recipe, UserError
from reproduce.images.deskew import deskew
from reproduce.images.distortion import Distortion
from reproduce.scoring.learners import Replicate, Where
from reproduce.scoring.network import Network
from reproduce.training.evaluation import predict, probabilities
from reproduce.training.loop import train

EXPLANATION = Path(__file__).resolve().parents[2] / "docs" / "explanation.md"
SHAKEN = Distortion(shift=2)
SMALL = Recipe(model="convnet", epochs=3, batch=2, width=4, depth=2, lr=0.005)
BASES = {
    "conv": Recipe(model="conv", epochs=3, batch=2, lr=0.005),
    "convnet": replace(SMALL, momentum=0.5),
    "resnet": replace(SMALL, momentum=0.5, model="resnet"),
    "mlp": replace(SMALL, momentum=0.5, model="mlp"),
    "adam": replace(SMALL, width=128, widths=(3, 4), optimiser="adam", loss="mse"),
    "listed": replace(SMALL, lr=0.1, schedule="list", learning_rates=(0.02,) * 6),
    "augmented": replace(SMALL, augment="dc"),
    "distorted": replace(SMALL, augment="distort", distortion=SHAKEN),
    "solved": replace(SMALL, loss="mse", ridge=0.1),
}
# Two values of each field; the one that the base does not have is tried.
VALUES: dict[str, tuple[Any, Any]] = {
    "model": ("convnet", "mlp"),
    "mean": (0.1, 0.3),
    "std": (0.25, 0.5),
    "epochs": (3, 2),
    "batch": (2, 3),
    "reshuffle": (False, True),
    "lr": (0.005, 0.01),
    "momentum": (0.0, 0.9),
    "weight_decay": (0.0, 0.1),
    "schedule": ("constant", "cosine"),
    "learning_rates": ((), (0.03,) * 6),
    "shifts": (0, 1),
    "augment": ("none", "dc"),
    "distortion": (None, Distortion(rotate=20)),
    "ensemble": (1, 2),
    "deskew": (False, True),
    "frame": ("plain", "deskew"),
    "width": (128, 6),
    "depth": (3, 1),
    "norm": ("instance", "none"),
    "optimiser": ("sgd", "adam"),
    "loss": ("cross-entropy", "mse"),
    "widths": ((), (5, 4)),
    "warmup": (0, 2),
    "ridge": (None, 1.0),
    "head_steps": (0, 5),
    "activation": ("relu", "softplus"),
    "known_init": (None, 7),
}


READ = {"frame"}  # what changes only the images that a trained network reads


def network(recipe: Recipe, ten: Candidate) -> list[torch.Tensor]:
    """Parameters of the networks of one replicate."""
    three = replace(ten, images=ten.images[:3], labels=ten.labels[:3], indices=None)
    learner = Network(recipe)
    model = learner.trained([Replicate(three, learner, 1)], Where())
    return [p.detach() for p in model.parameters()]


def differ(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    assert all(p.isfinite().all() for p in one + other)
    if [p.shape for p in one] != [p.shape for p in other]:
        return True
    return any((a - b).abs().max() > 1e-6 for a, b in zip(one, other, strict=True))


def test_every_field_is_tried() -> None:
    assert set(VALUES) == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize("name", BASES)
def test_a_changed_field_changes_the_network_or_is_refused(name: str, ten: Candidate) -> None:
    base = BASES[name]
    before, silent, refused = network(base, ten), [], []
    for field, pair in VALUES.items():
        other = pair[1] if getattr(base, field) == pair[0] else pair[0]
        other = pair[1] if getattr(base, field) not in pair else other
        try:
            after = network(replace(base, **{field: other}), ten)
        except UserError as error:
            refused.append(str(error))
        else:
            silent += [] if differ(before, after) else [field]
    assert set(silent) <= READ
    assert all(message.startswith("recipe: ") for message in refused)


def test_a_frame_changes_what_is_read_alone(ten: Candidate) -> None:
    plain, upright = SMALL, replace(SMALL, frame="deskew")
    assert not differ(network(plain, ten), network(upright, ten))
    *_, state = train(plain, [ten.images], [ten.targets()], [0])
    said = [probabilities(state.model, recipe, ten.images) for recipe in (plain, upright)]
    assert np.abs(said[0] - said[1]).max() > 0.01
    np.testing.assert_array_equal(said[1], probabilities(state.model, plain, deskew(ten.images)))


@pytest.mark.parametrize("reshuffle", [False, True])
def test_images_are_augmented_at_each_step_whatever_reshuffle_says(
    ten: Candidate, reshuffle: bool
) -> None:
    from reproduce.networks.models import build
    from reproduce.training.batches import Batches
    from reproduce.training.draws import Draws

    recipe = replace(BASES["augmented"], reshuffle=reshuffle, batch=4)
    model = build(recipe, (28, 28), 10, [0, 1])
    x = torch.tensor(np.stack([ten.images] * 2))
    y = torch.tensor(np.stack([ten.targets()] * 2))
    draws = Draws(recipe, 10, (28, 28), [0, 1], model.noise)
    batches = Batches(recipe, x, y, draws, model, torch.device("cpu"))
    first, second = ([(p.clone(), yb) for p, yb, _ in batches.epoch()] for _ in range(2))
    assert [len(p) for p, _ in first] == [4, 4, 2]
    kept = {image.numpy().tobytes() for image in x[0, :, 0]}
    for (one, labels), (two, again) in zip(first, second, strict=True):
        assert not torch.equal(one, two)
        assert reshuffle or torch.equal(labels, again)
        moved = [image.numpy().tobytes() not in kept for image in one[:, 0]]
        assert sum(moved) >= len(moved) - 1  # a crop by nothing leaves an image as it is


def test_rates_are_listed_for_each_step_or_refused(ten: Candidate, digits: Dataset) -> None:
    """The last rate is not repeated in silence, and no rate is left over."""
    for count in (5, 7):
        with pytest.raises(UserError, match=f"{count} learning_rates for 6 steps"):
            network(replace(BASES["listed"], learning_rates=(0.1,) * count), ten)
    short = BASES["listed"].reduced(2)
    assert (short.epochs, len(short.learning_rates)) == (2, 4)
    (state,) = list(train(short.reduced(1), [ten.images[:3]], [ten.targets()[:3]], [0]))
    assert predict(state.model, short, ten.images).shape == (1, 10)
    assert BASES["conv"].reduced(99) == BASES["conv"]


def test_a_smoothness_without_an_elastic_field_is_refused() -> None:
    with pytest.raises(UserError, match="smooth goes with elastic"):
        Distortion(rotate=5, smooth=3)
    assert Distortion(elastic=30, smooth=3).smooth == 3


def test_the_differences_of_convnet_are_as_listed(ten: Candidate) -> None:
    """The explanation and the docstring list them: epochs before the drop, and crops."""
    from reproduce import protocols
    from reproduce.images.augment import CROP, Augmenter
    from reproduce.networks.stack import seeded
    from reproduce.training.schedule import learning_rate

    recipe = protocols.recipe("convnet", ten)
    assert isinstance(recipe, Recipe)
    rates = [learning_rate(recipe, epoch, 0) for epoch in range(1, recipe.epochs + 1)]
    assert (rates.count(rates[0]), len(rates)) == (501, 1001)
    draws = torch.rand((500, 2), generator=seeded(0, "crops"), dtype=torch.float64)
    dot = torch.zeros(1, 28, 28)
    dot[0, 14, 14] = 1
    moved = Augmenter(dot)._crop(torch.zeros(500, dtype=torch.long), draws, torch.zeros(()))
    found = {14 - place.item() for place in moved.flatten(1).argmax(1) // 28}
    assert found == set(range(-CROP, CROP + 1))
    for text in (protocols.PROTOCOLS["convnet"].__doc__ or "", EXPLANATION.read_text("utf-8")):
        assert all(number in text for number in ("502", "501", "-4 to 3", "-4 to 4"))
