"""Inner loops: equal to the oracle's training, to `higher`, and to themselves when recomputed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from distill import DistillConfig, Distiller
from distill.inner.augment import views
from distill.inner.steps import Networks, Trainer, square_root
from distill.reference import reference_loss
from distill.synthetic import SyntheticSet
from reproduce import Candidate, Dataset, Recipe, UserError
from reproduce.images.distort import Distortion
from reproduce.networks.models import build

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


def small_set(recipe: Recipe, side: int = 8, classes: int = 3) -> SyntheticSet:
    """Two images per class in float64."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2 * classes, 1, side, side, generator=generator)
    labels = torch.rand(2 * classes, classes, generator=generator)
    return SyntheticSet(images.numpy(), (labels / labels.sum(1, True)).numpy(), recipe).double()


def ended(synthetic: SyntheticSet, nets: int, segment: int | None) -> Networks:
    trainer = Trainer(synthetic.recipe, (8, 8), 3, nets, synthetic.images)
    fresh, steps = trainer.fresh([5, 6][:nets]), synthetic.recipe.epochs
    return trainer.trained(fresh, synthetic, steps, [0], graph=True, segment=segment)


def gradients(synthetic: SyntheticSet, nets: int, segment: int | None) -> list[Tensor]:
    total = sum(((p**2).sum() for p in ended(synthetic, nets, segment).parameters), torch.zeros(()))
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


class Dimmed:
    """In place of the augmentation, which is drawn at random: the same in both loops."""

    def __init__(self, images: Tensor) -> None:
        self.images, self.step = images, 0

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        self.step += 1
        return self.images[batch] * dimming(self.step)


def dimming(step: int) -> float:
    return 1 - 0.05 * step


@pytest.mark.parametrize("nets", [1, 2])
@pytest.mark.parametrize("name", FOLLOWED)
def test_the_inner_training_equals_the_oracles(
    ten: Candidate, monkeypatch: pytest.MonkeyPatch, name: str, nets: int
) -> None:
    """What is differentiated is what `own` replays: all parameters at its end, in float64."""
    from reproduce.training import batches, loop

    recipe = FOLLOWED[name]
    labels = (ten.scores() if recipe.loss == "mse" else ten.targets()).astype(np.float64)
    synthetic = SyntheticSet(ten.images, ten.targets(), recipe).double()
    with torch.no_grad():
        soft = torch.tensor(labels)
        synthetic.raw_labels.copy_(soft if recipe.loss == "mse" else soft.clamp_min(1e-300).log())
        synthetic.log_rates.copy_(torch.tensor(recipe.learning_rates, dtype=torch.float64).log())
    trainer = Trainer(recipe, (28, 28), 10, nets, synthetic.images)
    seeds = [3, 4][:nets]
    if recipe.augment == "dc":
        dimmed = [lambda x, t=t: (x * dimming(t + 1))[None] for t in range(recipe.epochs)]
        monkeypatch.setattr("distill.inner.steps.views", lambda *_: dimmed)
    ours = trainer.trained(trainer.fresh(seeds), synthetic, recipe.epochs, [0], graph=False)
    monkeypatch.setattr(batches, "Augmenter", Dimmed)
    monkeypatch.setattr(loop, "build", lambda *given: build(*given).double())
    images = [ten.images.astype(np.float64)] * nets
    for state in loop.train(replace(recipe, ridge=None), images, [labels] * nets, seeds):  # noqa: B007
        pass
    for mine, theirs in zip(ours.parameters, state.model.parameters(), strict=True):
        assert mine.dtype == theirs.dtype == torch.float64
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"batch": 9}, "batches of 9, the 10 images"),
        ({"model": "conv", "width": 128, "depth": 3, "momentum": 0.0}, "model 'conv'"),
        ({"norm": "batch"}, "norm 'batch'"),
        ({"shifts": 1}, "shifts"),
        ({"deskew": True}, "deskew"),
        ({"augment": "distort", "distortion": Distortion(rotate=5)}, "a distortion"),
    ],
)
def test_what_the_inner_loop_would_train_otherwise_is_refused(
    ten: Candidate, changes: dict, line: str
) -> None:
    recipe = replace(SGD, **changes)
    synthetic = SyntheticSet(ten.images, ten.targets(), recipe)
    trainer = Trainer(recipe, (28, 28), 10, 1)
    fresh = trainer.fresh([0])
    assert trainer.trained(fresh, synthetic, 0, [0], graph=False) is fresh  # without training
    with pytest.raises(UserError, match=line):
        trainer.trained(fresh, synthetic, 1, [0], graph=False)


def test_convnet_distils_as_many_images_as_its_batch(digits: Dataset) -> None:
    """Methods that train no network on the set take more."""
    few = {"recipe": "convnet", "ipc": 26, "steps": 1, "width": 2, "depth": 1, "batch": 20}
    for method in ("krr", "unroll", "dc", "staged"):
        inner = {} if method == "dc" else {"inner_steps": 2}
        with pytest.raises(UserError, match="batches of 256, the 260 images"):
            Distiller(digits, DistillConfig(method=method, start="real", **few, **inner))
    Distiller(digits, DistillConfig(method="dm", **few))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
@pytest.mark.parametrize("segment", [1, 2, 5])
def test_recomputation_changes_no_gradient(recipe: Recipe, segment: int) -> None:
    synthetic = small_set(recipe)
    for kept, again in zip(
        gradients(synthetic, 2, None), gradients(synthetic, 2, segment), strict=True
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
    slow = torch.autograd.grad(
        reference_loss(stack, recipe, synthetic, real, y), synthetic.learned()
    )
    networks = ended(synthetic, 2, square_root(recipe.epochs))
    trainer = Trainer(recipe, (8, 8), 3, 2, synthetic.images)
    answers = trainer(networks.parameters, real)[1]
    loss = -(y * answers.log_softmax(-1)).sum(-1).mean()
    loss.backward()
    for mine, theirs in zip(synthetic.learned(), slow, strict=True):
        assert theirs.abs().max() > 1e-6
        torch.testing.assert_close(mine.grad, theirs, rtol=1e-8, atol=1e-10)


def test_networks_in_a_stack_do_not_touch_each_other() -> None:
    synthetic = small_set(ADAM)
    alone, both = ended(synthetic, 1, None), ended(synthetic, 2, None)
    for mine, theirs in zip(alone.parameters, both.parameters, strict=True):
        torch.testing.assert_close(mine[0], theirs[0], rtol=1e-10, atol=1e-13)


def test_augmented_views_are_drawn_once_and_differ() -> None:
    recipe = replace(SGD, augment="dc", reshuffle=True)
    synthetic = small_set(recipe, side=28)
    x = synthetic.inputs()
    first, second = views(recipe, 2, x, 2, [0])
    assert first(x).shape == (2, *x.shape)
    assert torch.equal(first(x), first(x))
    assert not torch.equal(first(x), second(x))
    assert not torch.equal(first(x)[0], first(x)[1])
    (gradient,) = torch.autograd.grad(first(x).sum(), synthetic.images)
    assert (gradient != 0).float().mean() > 0.5
