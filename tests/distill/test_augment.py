"""Siamese augmentation, and the method that uses it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from distill import DistillConfig, Distiller
from distill.inner import augment
from distill.methods.dc import GradientMatching
from distill.methods.dsa import SiameseMatching
from reproduce import Dataset

SMALL = DistillConfig(method="dsa", ipc=2, width=4, depth=2, batch=40, steps=2, learn="images")


def images() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(3, 1, 8, 6)))


def test_changes_without_effect_change_nothing() -> None:
    x, middle = images(), 0.5
    torch.testing.assert_close(augment.colour(x, middle, middle), x)
    torch.testing.assert_close(augment.rotate(x, middle, 0.9), x)
    torch.testing.assert_close(augment.crop(x, middle, middle), x)
    one = (1 - 1 / augment.SCALE) / (augment.SCALE - 1 / augment.SCALE)
    torch.testing.assert_close(augment.scale(x, one, one), x)


def test_each_does_what_its_name_says() -> None:
    x = images()
    brighter = augment.colour(x, 1.0, 0.5)
    torch.testing.assert_close(brighter, x + augment.BRIGHTNESS)
    grey = augment.colour(x, 0.5, 0.0)
    torch.testing.assert_close(grey.std((1, 2, 3)), 0.5 * x.std((1, 2, 3)))
    moved = augment.crop(x, 0.0, 0.5)
    torch.testing.assert_close(moved[..., 1:, :], x[..., :-1, :])
    assert not moved[..., 0, :].any()
    covered = augment.cutout(x, 0.5, 0.5)
    assert (covered == 0).sum() == 3 * 4 * 3
    assert (covered == x).sum() == covered.numel() - 3 * 4 * 3
    corner = augment.cutout(x, 0.0, 0.0)
    assert (corner == 0).sum() == 3 * 2 * 2  # about the corner: half of it is inside
    quarter = augment._looked_up(x[..., :6, :], ((0.0, -1.0), (1.0, 0.0)))
    torch.testing.assert_close(quarter, x[..., :6, :].rot90(1, (2, 3)))


@pytest.mark.parametrize("kind", augment.FAMILY)
def test_gradients_pass_through(kind) -> None:
    x = images().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: kind(x, 0.3, 0.8), x)


def test_all_changes_come_and_follow_from_the_generator() -> None:
    drawn = [augment.drawn(np.random.default_rng([0, turn])) for turn in range(60)]
    again = [augment.drawn(np.random.default_rng([0, turn])) for turn in range(60)]
    x = images()
    assert {change.func for change in drawn} == set(augment.FAMILY)  # type: ignore[attr-defined]
    for one, other in zip(drawn, again, strict=True):
        assert torch.equal(one(x), other(x))


def objectives(data: Dataset) -> tuple[SiameseMatching, GradientMatching]:
    made = []
    for method in ("dsa", "dc"):
        distiller = Distiller(data, replace(SMALL, method=method))
        distiller.synthetic.double()
        kind = type(distiller.objectives[0])
        made.append(kind(data, distiller.config, distiller.synthetic, distiller.panel, 0))
    return tuple(made)  # type: ignore[return-value]


def test_both_batches_of_a_class_are_changed_alike(digits: Dataset) -> None:
    siamese, plain = objectives(digits)
    for objective in (siamese, plain):
        objective.begin(3)
    for label, change in enumerate(siamese.changes):
        real, ours = slice(4 * label, 4 * label + 4), slice(2 * label, 2 * label + 2)
        torch.testing.assert_close(siamese.seen[0, real], change(plain.seen[0, real]))
        torch.testing.assert_close(siamese.inputs()[ours], change(plain.inputs()[ours]))


def test_without_a_change_it_is_gradient_matching(digits: Dataset) -> None:
    siamese, plain = objectives(digits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "drawn", lambda _: lambda x: x)
        siamese.begin(0)
        plain.begin(0)
        torch.testing.assert_close(siamese.loss(), plain.loss())
    siamese.begin(1)
    plain.begin(1)
    assert abs(siamese.loss().item() - plain.loss().item()) > 1e-3
