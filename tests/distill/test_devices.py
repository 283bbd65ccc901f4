"""Every method distils the same on another device, and whatever PyTorch's default type is."""

import dataclasses

import numpy as np
import pytest
import torch

from distill.config import METHODS, DistillConfig
from distill.distiller import Distiller
from distill.methods import find
from reproduce import Candidate, Dataset
from tests.second_device import SECOND, SecondDevice

TINY = DistillConfig(
    steps=2, width=4, depth=2, inner_steps=3, batch=20, checks=1, start="real", reuse=1
)
RECIPES = {
    "krr": "ridge",
    "unroll": "sgd",
    "staged": "adam",
    "mixed": "sgd",
    "dc": "sgd",
    "dsa": "sgd",
    "dm": "ridge",
    "mtt": "sgd",
    "rcig": "ridge",
}


def distilled(data: Dataset, config: DistillConfig) -> Candidate:
    distiller = Distiller(data, config)
    for _ in distiller.run():
        pass
    return distiller.candidate()


# Sets of `kip` are made for no network; see test_kip.
@pytest.mark.parametrize(
    "method", [name for name in METHODS if find(name).stages and name != "kip"]
)
def test_every_method_distils_on_another_device_and_under_another_default_type(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    config = dataclasses.replace(TINY, method=method, protocols=(RECIPES.get(method, "ridge"),))
    here = distilled(digits, config)
    torch.set_default_dtype(torch.float64)  # as in the program of a caller who computes in it
    try:
        np.testing.assert_array_equal(distilled(digits, config).images, here.images)
    finally:
        torch.set_default_dtype(torch.float32)
    monkeypatch.setattr("distill.distiller.usable_device", lambda _: SECOND)
    with SecondDevice():
        there = distilled(digits, config)
    np.testing.assert_allclose(there.images, here.images, atol=1e-3)
