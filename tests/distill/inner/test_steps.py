"""Inner loops: equal to the oracle's training, to `higher`, and to themselves when recomputed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.inner.networks import Networks
from distill.inner.steps import Trainer, square_root
from distill.objectives.networks import steps_of
from distill.reference import reference_loss
from distill.synthetic import SyntheticSet
from reproduce import Candidate, Recipe, protocols
from reproduce.images.distortion import Distortion
from reproduce.networks.models import build
from reproduce.training import loop

SGD = Recipe(model="convnet", width=3, depth=2, momentum=0.9, weight_decay=1e-2, epochs=5, batch=99)
LISTED = replace(SGD, schedule="list", learning_rates=(0.2, 0.1, 0.15, 0.05, 0.1))
ADAM = Recipe(
    model="convnet",
    widths=(3, 4),
    depth=2,
    norm="none",
    optimiser="adam",
    loss="mse",
    lr=0.01,
    epochs=5,
    batch=99,
    warmup=2,
)
RECIPES = {
    "sgd": SGD,
    "listed": LISTED,
    "adam": ADAM,
    "ridge": replace(ADAM, ridge=1e-4),
    "plain": replace(SGD, momentum=0.0, weight_decay=0.0),
}


LARGE = ("alexnet", "vgg11", "resnet18")  # the same code, for minutes


def small_set(recipe: Recipe, side: int = 8, classes: int = 3) -> SyntheticSet:
    """Two images per class in float64."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2 * classes, 1, side, side, generator=generator)
    labels = torch.rand(2 * classes, classes, generator=generator)
    scale = "score" if recipe.loss == "mse" else "probability"
    made = (images.numpy(), (labels / labels.sum(1, True)).numpy(), scale)
    return SyntheticSet(*made, rates=recipe.learning_rates).double()


def ended(recipe: Recipe, synthetic: SyntheticSet, nets: int, segment: int | None) -> Networks:
    trainer = Trainer(recipe, (8, 8), 3, nets, synthetic.images)
    fresh, steps = trainer.fresh([5, 6][:nets], 6), steps_of(recipe, 6)
    return trainer.trained(fresh, synthetic, steps, graph=True, segment=segment)


def gradients(
    recipe: Recipe, synthetic: SyntheticSet, nets: int, segment: int | None
) -> list[Tensor]:
    networks = ended(recipe, synthetic, nets, segment)
    total = sum(((p**2).sum() for p in networks.parameters), torch.zeros(()))
    synthetic.zero_grad()
    total.backward()
    return [p.grad for p in synthetic.learned() if p.grad is not None]


FOLLOWED = {
    **RECIPES,
    "halfway": replace(SGD, schedule="halfway", epochs=9),
    "halfway adam": replace(ADAM, schedule="halfway", epochs=9, warmup=0),
    "cosine, warm": replace(SGD, schedule="cosine", epochs=6, warmup=4),
    "listed, warm": replace(LISTED, warmup=3),
    "essay's": replace(SGD, schedule="essay", epochs=12),
    "one known init": replace(ADAM, known_init=3),
    "group norm": replace(SGD, norm="group", activation="softplus"),
    "resnet": replace(SGD, model="resnet", norm="none"),
    "mlp": replace(SGD, model="mlp"),
    "convnet": replace(SGD, schedule="halfway", augment="dc", reshuffle=True, epochs=9),
    "convnet, cut once": replace(SGD, augment="dc", momentum=0.5),
}
# Each protocol that trains networks, as it is but for its length and its width.
PROTOCOLS = [name for name in protocols.names() if name != "own"]
FOLLOWED |= {
    "in batches": replace(SGD, batch=4),
    "in new batches": replace(SGD, batch=4, reshuffle=True, schedule="halfway", epochs=6),
    "batch norm": replace(SGD, norm="batch"),
    "shifted": replace(SGD, shifts=1, batch=30, epochs=2),
    "mixed": replace(SGD, augment="distort", distortion=Distortion(mix=0.5, jitter=0.1)),
}


def short(name: str, ten: Candidate) -> Recipe | None:
    """A protocol's recipe with an end that its schedule reaches, and narrow networks."""
    recipe = protocols.recipe(name, ten)
    if recipe is None:
        return None
    epochs = 60 if recipe.model == "conv" and not recipe.shifts else 5
    sized = {"width": 3} if recipe.model in ("convnet", "resnet", "mlp") else {}
    return replace(recipe, epochs=epochs, ensemble=1, **sized)


def assert_followed(
    recipe: Recipe, ten: Candidate, monkeypatch: pytest.MonkeyPatch, nets: int, hard: bool
) -> None:
    """What is differentiated is what the oracle trains: all numbers at its end, in float64."""
    scale = "class" if hard else "score" if recipe.loss == "mse" else "probability"
    generator = torch.Generator().manual_seed(2)
    soft = torch.rand(10, 10, generator=generator).softmax(-1).numpy()
    given = ten.targets() if hard else soft
    synthetic = SyntheticSet(ten.images, given, scale, rates=recipe.learning_rates).double()
    with torch.no_grad():
        synthetic.log_rates.copy_(torch.tensor(recipe.learning_rates, dtype=torch.float64).log())
        labels = synthetic.targets(recipe).numpy()
    trainer = Trainer(recipe, (28, 28), 10, nets, synthetic.images)
    seeds = [3, 4][:nets]
    ours = trainer.trained(trainer.fresh(seeds, 10), synthetic, steps_of(recipe, 10), graph=True)
    monkeypatch.setattr(loop, "build", lambda *given: build(*given).double())
    images = [ten.images.astype(np.float64)] * nets
    for state in loop.train(replace(recipe, ridge=None), images, [labels] * nets, seeds):  # noqa: B007
        pass
    theirs = [*state.model.parameters(), *state.model.buffers()]
    for mine, other in zip((*ours.parameters, *ours.buffers), theirs, strict=True):
        assert mine.dtype == other.dtype == torch.float64
        torch.testing.assert_close(mine.detach(), other.detach(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("nets", [1, 2])
@pytest.mark.parametrize("name", FOLLOWED)
def test_the_inner_training_equals_the_oracles(
    ten: Candidate, monkeypatch: pytest.MonkeyPatch, name: str, nets: int
) -> None:
    assert_followed(FOLLOWED[name], ten, monkeypatch, nets, hard=False)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_followed(
    ten: Candidate, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recipe = short(name, ten)
    if recipe is None or recipe.model in LARGE:
        return
    assert_followed(recipe, ten, monkeypatch, 1, hard=True)


def test_the_compiled_net_follows_as_far_as_its_precision_goes(ten: Candidate) -> None:
    recipe = protocols.recipe("conv", ten)
    assert recipe
    recipe = replace(recipe, epochs=20)
    synthetic = SyntheticSet(ten.images, ten.targets(), "class")
    trainer = Trainer(recipe, (28, 28), 10, 2, synthetic.images)
    assert trainer.compiled
    ours = trainer.trained(trainer.fresh([3, 4], 10), synthetic, 20, graph=True)
    for state in loop.train(recipe, [ten.images] * 2, [ten.targets()] * 2, [3, 4]):  # noqa: B007
        pass
    for mine, theirs in zip(ours.parameters, state.model.parameters(), strict=True):
        torch.testing.assert_close(mine.detach(), theirs.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
@pytest.mark.parametrize("segment", [1, 2, 5])
def test_recomputation_changes_no_gradient(recipe: Recipe, segment: int) -> None:
    synthetic = small_set(recipe)
    for kept, again in zip(
        gradients(recipe, synthetic, 2, None), gradients(recipe, synthetic, 2, segment), strict=True
    ):
        assert kept.abs().max() > 1e-6
        torch.testing.assert_close(kept, again, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["listed", "sgd"])
def test_fast_path_equals_higher(name: str) -> None:
    """The reference and the functional loop have the same gradients to 1e-8 in float64."""
    recipe = RECIPES[name]
    if name == "sgd":
        recipe = replace(recipe, schedule="list", learning_rates=(0.1,) * recipe.epochs)
    synthetic = small_set(recipe)
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(1, 7, 1, 8, 8, generator=generator, dtype=torch.float64)
    y = torch.eye(3, dtype=torch.float64)[torch.arange(7) % 3][None]
    stack = build(recipe, (8, 8), 3, [5, 6]).double()
    learned = [p for p in synthetic.learned() if p is not synthetic.log_temperatures]
    slow = torch.autograd.grad(reference_loss(stack, recipe, synthetic, real, y), learned)
    networks = ended(recipe, synthetic, 2, square_root(recipe.epochs))
    trainer = Trainer(recipe, (8, 8), 3, 2, synthetic.images)
    answers = trainer(networks, real)[1]
    loss = -(y * answers.log_softmax(-1)).sum(-1).mean()
    loss.backward()
    for mine, theirs in zip(learned, slow, strict=True):
        assert theirs.abs().max() > 1e-6
        torch.testing.assert_close(mine.grad, theirs, rtol=1e-8, atol=1e-10)


def test_networks_in_a_stack_do_not_touch_each_other() -> None:
    synthetic = small_set(ADAM)
    alone, both = ended(ADAM, synthetic, 1, None), ended(ADAM, synthetic, 2, None)
    for mine, theirs in zip(alone.parameters, both.parameters, strict=True):
        torch.testing.assert_close(mine[0], theirs[0], rtol=1e-10, atol=1e-13)


def test_augmented_views_are_drawn_from_their_seed() -> None:
    recipe = replace(SGD, augment="dc", reshuffle=True)
    synthetic = small_set(recipe, side=28)
    trainer = Trainer(recipe, (28, 28), 3, 2, synthetic.images)
    first, again, second = (trainer.view(synthetic, seed) for seed in ([0], [0], [1]))
    assert first.shape == (2, *synthetic.images.shape)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])
    (gradient,) = torch.autograd.grad(first.sum(), synthetic.images)
    assert (gradient != 0).float().mean() > 0.5
