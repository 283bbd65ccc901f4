"""Distillation: the meta-gradient against finite differences, learning, and bit-exact resume."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from distill import DistillConfig, SyntheticSet, distill
from distill.distiller import finished_candidate
from distill.inner import unrolled_loss
from distill.learnable import start_images
from reproduce import Candidate, Dataset, Oracle, Recipe, UserError
from reproduce.models import build
from reproduce.train import cross_entropy

QUICK = DistillConfig(steps=6, inner_steps=3, width=4, batch=32)


def inner_problem(side: int) -> tuple:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, side, side, generator=generator, dtype=torch.float64)
    logits = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    log_rates = torch.tensor([-1.0, -2.0, -1.5], dtype=torch.float64)
    query = torch.rand(6, 1, side, side, generator=generator, dtype=torch.float64)
    labels = F.one_hot(torch.arange(6) % 3, 3).double()
    return (images, logits, log_rates), query, labels


@pytest.mark.parametrize("model", ["convnet", "conv"])
def test_meta_gradient_equals_finite_differences(model: str) -> None:
    learned, query, labels = inner_problem(16 if model == "conv" else 8)
    recipe = Recipe(model=model, width=3, depth=2, momentum=0.9, weight_decay=1e-2)
    shape = tuple(query.shape[2:])

    def loss(images: torch.Tensor, logits: torch.Tensor, log_rates: torch.Tensor) -> torch.Tensor:
        network = build(recipe, shape, 3, [0, 1]).double()
        targets = logits.softmax(-1)
        return unrolled_loss(network, recipe, images, targets, log_rates.exp(), query, labels)

    points = [tensor.clone().requires_grad_() for tensor in learned]
    gradients = torch.autograd.grad(loss(*points), points)
    generator = torch.Generator().manual_seed(1)
    for which, gradient in enumerate(gradients):
        assert gradient.abs().max() > 1e-6
        for _ in range(3):
            direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
            ends = []
            for sign in (1, -1):
                moved = list(learned)
                moved[which] = moved[which] + sign * 1e-6 * direction
                ends.append(loss(*moved).item())
            slope = (ends[0] - ends[1]) / 2e-6
            assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_inner_loop_equals_the_oracles_training(ten: Candidate) -> None:
    """What is differentiated is what `own` replays: the same SGD, step by step."""
    recipe = Recipe(model="convnet", width=4, momentum=0.9, batch=99, epochs=3)
    rates = torch.tensor([0.1, 0.05, 0.02])
    x, y = torch.tensor(ten.images), torch.tensor(ten.targets())
    unrolled = unrolled_loss(build(recipe, (28, 28), 10, [5]), recipe, x, y, rates, x, y)
    from reproduce.train import train

    listed = replace(recipe, schedule="list", learning_rates=tuple(rates.tolist()))
    for state in train(listed, [ten.images], [ten.targets()], [5]):  # noqa: B007
        pass
    replayed = cross_entropy(state.model(((x - recipe.mean) / recipe.std)[None]), y).mean()
    torch.testing.assert_close(unrolled, replayed, rtol=1e-4, atol=1e-5)


def test_learning_lowers_the_loss_and_the_set_teaches(digits: Dataset) -> None:
    config = DistillConfig(
        steps=60, inner_steps=6, width=8, batch=128, image_lr=0.05, start="noise"
    )
    states = [(state.loss, state) for state in distill(digits, config)]
    losses = [loss for loss, _ in states]
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])
    candidate = finished_candidate(states[-1][1], digits, config, "d")
    records = Oracle(digits, workers=1).score(candidate, "own", range(3))
    assert np.mean([record["accuracy"] for record in records]) > 30  # noise: 10


def final(data: Dataset, config: DistillConfig, checkpoint: Path | None) -> Candidate:
    for state in distill(data, config, checkpoint, every=2):  # noqa: B007
        pass
    return finished_candidate(state, data, config, "d")


def test_resume_is_bit_exact(digits: Dataset, tmp_path: Path) -> None:
    whole = final(digits, QUICK, None)
    checkpoint = tmp_path / "c"
    for state in distill(digits, QUICK, checkpoint, every=2):
        if state.step == 3:  # killed one step after the checkpoint
            break
    resumed = final(digits, QUICK, checkpoint)
    assert resumed.images.tobytes() == whole.images.tobytes()
    assert resumed.labels.tobytes() == whole.labels.tobytes()
    assert resumed.recipe == whole.recipe
    assert final(digits, QUICK, checkpoint) == resumed  # already at its end


def test_checkpoints_of_other_runs_and_damaged_ones_are_refused(
    digits: Dataset, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "c"
    final(digits, replace(QUICK, steps=2), checkpoint)
    with pytest.raises(UserError, match="other settings"):
        next(distill(digits, QUICK, checkpoint))
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(UserError, match="damaged"):
        next(distill(digits, replace(QUICK, steps=2), checkpoint))


def test_exploding_loss_stops_and_keeps_the_checkpoint(digits: Dataset, tmp_path: Path) -> None:
    config = replace(QUICK, inner_lr=1e30)
    with pytest.raises(UserError, match="no longer finite"):
        final(digits, config, tmp_path / "c")


def test_rates_stay_positive_whatever_is_learned(digits: Dataset) -> None:
    learned = SyntheticSet(*start_images(digits, 2, "noise", 0), 10, 4, 0.1)
    with torch.no_grad():
        learned.log_rates -= 50
    recipe = learned.candidate(digits, QUICK.recipe(), "d", 0).recipe
    assert recipe is not None
    assert all(rate > 0 for rate in recipe.learning_rates)
    assert len(recipe.learning_rates) == 4


@pytest.mark.parametrize("kind", ["mean", "real", "noise"])
@pytest.mark.parametrize("ipc", [1, 3])
def test_contract_of_starts(digits: Dataset, kind: str, ipc: int) -> None:
    images, labels = start_images(digits, ipc, kind, 0)
    assert images.shape == (10 * ipc, 1, 28, 28)
    assert images.dtype == np.float32
    assert labels.tolist() == list(np.arange(10).repeat(ipc))
    assert images.min() >= 0
    assert images.max() <= 1
    assert len({image.tobytes() for image in images}) == 10 * ipc


@pytest.mark.parametrize("changes", [{"start": "x"}, {"steps": 0}, {"inner_lr": 0.0}, {"ipc": 0}])
def test_bad_settings_are_refused(changes: dict) -> None:
    with pytest.raises(UserError):
        DistillConfig(**changes)
