"""`kip`: the contracts of methods, and its gradient against finite differences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from distill import DistillConfig, Distiller
from reproduce import Candidate, Dataset, Oracle, UserError
from tests.second_device import SECOND, SecondDevice

SMALL = DistillConfig(method="kip", steps=3, batch=20, checks=1, ema=0.5)


def distilled(data: Dataset, config: DistillConfig) -> Candidate:
    distiller = Distiller(data, config, "d")
    for _ in distiller.run():
        pass
    return distiller.candidate()


@pytest.mark.parametrize("ipc", [1, 2])
def test_it_makes_the_same_set_again_which_the_oracle_scores(digits: Dataset, ipc: int) -> None:
    config = replace(SMALL, ipc=ipc, bounded=True)
    found = distilled(digits, config)
    assert found == distilled(digits, config)
    assert found.images.shape == (10 * ipc, 1, 28, 28)
    assert 0 <= found.images.min() <= found.images.max() <= 1
    assert found.label_scale == "class"
    (record,) = Oracle(digits, workers=1).score(found, "kernel-conv", [0])
    assert record["accuracy"] > 50


def test_it_improves_the_set(digits: Dataset) -> None:
    distiller = Distiller(digits, replace(SMALL, steps=20, batch=100), "d")
    objective = distiller.objectives[0]
    objective.begin(1000)
    before = float(objective.loss().detach())
    for _ in distiller.run():
        pass
    objective.begin(1000)
    assert float(objective.loss().detach()) < before


def test_a_resumed_run_is_the_same(digits: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    for state in Distiller(digits, SMALL, "d").run(path, every=1):
        if state.progress.turn == 1:
            break
    again = Distiller(digits, SMALL, "d")
    for _ in again.run(path, every=1):
        pass
    assert again.candidate() == distilled(digits, SMALL)


def test_gradient_equals_finite_differences(digits: Dataset) -> None:
    distiller = Distiller(digits, SMALL, "d")
    distiller.synthetic.double()
    objective, images = distiller.objectives[0], distiller.synthetic.images
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # apart from the kinks where backgrounds are equal
        images += 0.2 * torch.rand(images.shape, generator=generator)
    objective.begin(0)
    (gradient,) = torch.autograd.grad(objective.loss(), images)
    direction = torch.randn(images.shape, generator=generator, dtype=torch.float64)
    step, losses = 1e-5, []
    for sign in (1, -2):
        with torch.no_grad():
            images += sign * step * direction
            losses.append(float(objective.loss()))
    expected = (losses[0] - losses[1]) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-4)


def test_it_is_the_same_elsewhere(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    here = distilled(digits, SMALL)
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_array_equal(distilled(digits, SMALL).images, here.images)
    finally:
        torch.set_default_dtype(torch.float32)
    monkeypatch.setattr("distill.distiller.usable_device", lambda _: SECOND)
    with SecondDevice():
        there = distilled(digits, SMALL)
    np.testing.assert_allclose(there.images, here.images, atol=1e-3)


def test_options_of_networks_are_refused(digits: Dataset) -> None:
    for options in ({"width": 8}, {"smooth": True}, {"pool": 3}, {"nets": 2}):
        with pytest.raises(UserError, match="has no effect"):
            Distiller(digits, replace(SMALL, **options))
