"""Distortions: each does what it says, and depends on its own generator alone."""

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reproduce import Candidate, Recipe, UserError, protocols
from reproduce.images.distort import distort, draw
from reproduce.images.distortion import POLICIES, Distortion

PARTS = ("shift", "rotate", "scale", "shear", "elastic", "stroke", "jitter", "mix")
ALL = Distortion(2, 15, 0.2, 0.3, 34, 4, 0.7, 0.1, 0.5)


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def distorted(
    images: torch.Tensor,
    targets: torch.Tensor,
    distortion: Distortion,
    generators: list[torch.Generator],
) -> tuple[torch.Tensor, torch.Tensor]:
    shape = images.shape[-2], images.shape[-1]
    return distort(
        images, targets, distortion, draw(distortion, images.shape[1], shape, generators)
    )


@pytest.fixture
def batch(ten: Candidate) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(ten.images)[None], torch.tensor(ten.targets())[None]


def test_no_distortion_changes_nothing(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, targets = distorted(*batch, Distortion(), generators(0))
    assert torch.equal(images, batch[0])
    assert torch.equal(targets, batch[1])


@pytest.mark.parametrize("distortion", [ALL, Distortion(policy="trivial")])
def test_networks_do_not_depend_on_each_other(
    batch: tuple[torch.Tensor, torch.Tensor], distortion: Distortion
) -> None:
    both = [torch.cat([part, part.flip(1)]) for part in batch]
    beside = distorted(both[0], both[1], distortion, generators(5, 6))
    alone = distorted(both[0][1:], both[1][1:], distortion, generators(6))
    for mine, theirs in zip(alone, beside, strict=True):
        assert torch.equal(mine[0], theirs[1])


@pytest.mark.parametrize(
    ("field", "strength"),
    list(zip(PARTS, (2, 20, 0.2, 0.3, 34, 0.7, 0.1, 0.5), strict=True)),
)
def test_every_part_changes_images_and_keeps_their_range(
    batch: tuple[torch.Tensor, torch.Tensor], field: str, strength: float
) -> None:
    changes: dict[str, Any] = {field: strength}
    images, targets = distorted(*batch, Distortion(**changes), generators(1))
    difference = (images - batch[0]).abs().mean((2, 3, 4))
    assert difference.mean() > 1e-2
    assert images.min() >= 0
    assert images.max() <= 1 + 1e-6
    torch.testing.assert_close(targets.sum(-1), torch.ones(1, 10))
    assert torch.equal(targets, batch[1]) == (field != "mix")


def test_a_dot_moves_as_far_as_it_may() -> None:
    dot = torch.zeros(1, 400, 1, 28, 28)
    dot[..., 14, 14] = 1
    moved, _ = distorted(dot, torch.ones(1, 400, 1), Distortion(shift=3), generators(2))
    weights = moved[0, :, 0] / moved[0, :, 0].sum((1, 2), keepdim=True)
    x = (weights.sum(1) * torch.arange(28)).sum(1) - 14
    assert 2.8 < x.abs().max() <= 3 + 1e-4
    assert x.mean().abs() < 0.3  # uniform in -3..3: standard error 0.09


def test_rotation_keeps_the_centre_and_turns_by_at_most_its_degrees() -> None:
    bar = torch.zeros(1, 200, 1, 29, 29)
    bar[..., 14, 24] = 1  # a dot ten pixels right of the centre
    turned, _ = distorted(bar, torch.ones(1, 200, 1), Distortion(rotate=30), generators(3))
    weights = turned[0, :, 0] / turned[0, :, 0].sum((1, 2), keepdim=True)
    y = (weights.sum(2) * torch.arange(29)).sum(1) - 14
    x = (weights.sum(1) * torch.arange(29)).sum(1) - 14
    degrees = torch.rad2deg(torch.atan2(y, x))
    assert 27 < degrees.abs().max() < 33
    torch.testing.assert_close((x**2 + y**2).sqrt(), torch.full((200,), 10.0), atol=0.4, rtol=0)


@pytest.mark.parametrize("policy", [name for name in POLICIES if name])
def test_torchvisions_policies_leave_the_global_generator_alone(
    batch: tuple[torch.Tensor, torch.Tensor], policy: str
) -> None:
    before = torch.get_rng_state()
    images, _ = distorted(*batch, Distortion(policy=policy), generators(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert images.shape == batch[0].shape
    assert not torch.equal(images, batch[0])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(dataclasses.fields(Distortion)[:-1]), st.floats(allow_nan=True))
def test_only_sound_strengths_are_taken(field: Any, strength: float) -> None:
    rule = field.metadata["rule"]
    around = {"elastic": 1.0} if field.name == "smooth" else {}  # it smooths that field
    if rule.least <= strength <= rule.most:
        assert getattr(Distortion(**{**around, field.name: strength}), field.name) == strength
    else:
        with pytest.raises(UserError, match="distortion"):
            Distortion(**{**around, field.name: strength})


def test_names_of_protocols_carry_distortions(ten: Candidate) -> None:
    plan = protocols.recipe("conv-shift1+rotate=10+policy=trivial", ten)
    assert isinstance(plan, Recipe)
    assert plan.shifts == 1
    assert plan.distortion == Distortion(rotate=10, policy="trivial")
    assert Recipe.from_dict(plan.to_dict()) == plan
    for name, message in (
        ("conv+rotat=3", "unknown distortion"),
        ("conv+rotate=x", "give a number"),
        ("conv+rotate", "give a number"),
        ("knn+rotate=3", "trains no network"),
        ("conv+policy=none", "policy is 'none', use one of"),
        ("conv+rotate=nan", "rotate is nan, use a number from 0 to 180"),
        ("conv+shift=1e9", "shift is 1000000000.0, use a number"),
        ("conv&ridge-conv", "no probabilities"),
        ("conv&nonsense", "unknown protocol"),
    ):
        with pytest.raises(UserError, match=message):
            protocols.learner(name, ten)
