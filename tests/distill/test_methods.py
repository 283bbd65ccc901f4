"""Contracts that every method must keep, and its gradient against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from distill import DistillConfig, Distiller
from distill.config import METHODS
from distill.methods import filled, find, mtt
from distill.objectives.base import Objective
from distill.objectives.networks import NetworkObjective
from distill.starts import start, start_images
from distill.synthetic import SyntheticSet
from reproduce import Candidate, Dataset, ImageSet, Oracle, Recipe, UserError, protocols
from reproduce.images.distortion import Distortion
from reproduce.recipe import MNIST_MEAN, MNIST_STD

SMALL = DistillConfig(
    method="krr", steps=4, width=4, depth=2, batch=40, inner_steps=4, reuse=2, ema=0.5
)
AGEING = {"pool": 2, "stride": 2}
WINDOW = {**AGEING, "window": 2}
OWN = {
    "staged": WINDOW,
    "krr": AGEING,
    "rcig": AGEING,
    "unroll": WINDOW,
    "mtt": {"window": 2},
}
FIELDS = ("dc", "dm", "dsa", "mixed")  # made for the field's protocol; tests take a short one
OWN_METHODS = ("tests.distill.own_method:Remembering", "tests.distill.own_method:QUICK")
LEARNING = [  # by one objective, on networks
    name for name in METHODS if len(find(name).stages) == 1 and find(name).networks
]
# A smooth and short stand-in for protocols, so that finite differences say something.
SHORT = Recipe(
    model="convnet", width=4, depth=2, epochs=20, batch=99, mean=MNIST_MEAN, std=MNIST_STD, lr=0.01,
    momentum=0.9, weight_decay=5e-4, activation="softplus",
)  # fmt: skip
MADE = {
    "field's": replace(SHORT, schedule="halfway", augment="dc", reshuffle=True),
    "in batches": replace(SHORT, schedule="cosine", batch=7, shifts=1),
    "distorted": replace(
        SHORT,
        augment="distort",
        distortion=Distortion(rotate=15, elastic=10, stroke=0.3, mix=0.2),
        deskew=True,
    ),
}
DENSE = {"MLP": replace(MADE["field's"], model="mlp", activation="relu")}
RECIPES = {
    "krr": ["ridge", "adam", "sgd", *MADE],
    "unroll": ["ridge", "adam", "sgd", *MADE],
    "mixed": [*DENSE],  # its others are those of dc and unroll
    "dc": ["field's"],
    "dm": ["field's", "ridge"],
    "dsa": ["field's"],
    "mtt": ["sgd", *MADE],
    "rcig": ["ridge", "field's"],
    OWN_METHODS[0]: ["ridge"],
}


def candidate_of(data: Dataset, config: DistillConfig) -> Candidate:
    distiller = Distiller(data, config, "d")
    for _ in distiller.run():
        pass
    return distiller.candidate()


def small(method: str, ipc: int = 1) -> DistillConfig:
    """A short run with options that the method obeys."""
    if not find(method).stages:
        return DistillConfig(method=method, ipc=ipc, width=4, depth=2, inner_steps=4)
    small = replace(SMALL, method=method, ipc=ipc, **OWN.get(method, {}))
    if method not in FIELDS:
        return small
    return replace(small, inner_steps=None, protocols=("field's",))


@pytest.mark.parametrize("ipc", [1, 2])
@pytest.mark.parametrize("method", [*(name for name in METHODS if name != "kip"), *OWN_METHODS])
def test_contract_of_methods(digits: Dataset, method: str, ipc: int) -> None:
    """Every method makes a set that the oracle replays, and the same set again; see test_kip."""
    config = small(method, ipc)
    found = candidate_of(digits, config)
    assert found.images.shape == (10 * ipc, 1, 28, 28)
    assert found.ipc == ipc
    assert found.method.startswith(f"distill {method}")
    assert found.recipe is not None
    assert candidate_of(digits, config) == found
    oracle = Oracle(digits, workers=1)
    quick = replace(found, recipe=replace(found.recipe, epochs=min(4, found.recipe.epochs)))
    assert all(0 <= r["accuracy"] <= 100 for r in oracle.score(quick, "own", [0, 1]))
    if find(method).stages:
        images, _ = start_images(digits, ipc, filled(config).start or "", 0)
        assert not np.array_equal(images, found.images)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtt, "APART", 2)  # steps of experts
    for name, recipe in (MADE | DENSE).items():
        monkeypatch.setitem(protocols.PROTOCOLS, name, lambda candidate, recipe=recipe: recipe)


def objective_of(data: Dataset, name: str, recipe: str) -> tuple[Objective, SyntheticSet]:
    method = find(name)
    ageing = {} if name in ("dm", "mtt", "mixed") else AGEING
    config = replace(SMALL, method=name, ipc=2, nets=2, protocols=(recipe,), **ageing)
    config = replace(config, window=2 if name in ("unroll", "mtt") else None, start="noise")
    if recipe in MADE | DENSE:
        config = replace(config, inner_steps=None)
    if recipe == "sgd":  # a listed rate for each step of the old networks below
        config = replace(config, inner_steps=20)
    distiller = Distiller(data, config)
    synthetic = distiller.synthetic.double()
    (member,) = distiller.panel
    # Finite differences need a smooth function: softplus, for pooled kinks of ReLU are frequent.
    assert member.recipe
    smooth = {} if recipe in DENSE else {"activation": "softplus"}
    panel = [replace(member, recipe=replace(member.recipe, **smooth))]
    kind = method.stages[0].kind(member)
    objective = kind(data, distiller.stage_config, synthetic, panel, 0)
    if isinstance(objective, NetworkObjective):
        # Networks of some age: where gradients are zero, Adam's step is a sign, and finite
        # differences say nothing.
        objective.pool.oldest, objective.pool.retirement = 15, [15] * len(objective.pool.slots)
    for turn in range(3):
        objective.begin(turn)
        objective.end()
    objective.begin(3)
    return objective, synthetic


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        (name, recipe)
        for name in (*LEARNING, OWN_METHODS[0])
        for recipe in RECIPES.get(name, ["field's"])
    ],
)
def test_meta_gradients_equal_finite_differences(digits: Dataset, name: str, recipe: str) -> None:
    objective, synthetic = objective_of(digits, name, recipe)
    parameters = synthetic.learned()
    found = torch.autograd.grad(objective.loss(), parameters, allow_unused=True)
    assert found[0] is not None
    assert found[0].abs().max() > 1e-9
    generator = torch.Generator().manual_seed(1)
    for parameter, gradient in zip(parameters, found, strict=True):
        if gradient is None:
            continue
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        before, ends = parameter.detach().clone(), []
        for sign in (1, -1):
            parameter.data = before + sign * 1e-7 * direction
            ends.append(objective.loss().item())
        parameter.data = before
        slope = (ends[0] - ends[1]) / 2e-7
        assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_labels_alone_leave_real_images_as_they_are(digits: Dataset) -> None:
    config = replace(SMALL, method="krr", learn="labels", start="real")
    found = candidate_of(digits, config)
    images, hard = start_images(digits, 1, "real", 0)
    np.testing.assert_array_equal(found.images, images)
    assert not np.allclose(found.labels, np.eye(10)[hard] - 0.1)
    assert "labels only" in found.method


def test_images_alone_keep_hard_labels(digits: Dataset) -> None:
    found = candidate_of(digits, replace(SMALL, method="krr", learn="images"))
    assert found.label_scale == "class"
    assert found.labels.tolist() == list(range(10))


@pytest.mark.parametrize("method", ["staged", "krr", "unroll", "dc"])
def test_a_set_for_a_protocol_carries_its_recipe_and_hard_labels(
    digits: Dataset, method: str
) -> None:
    """Whatever the networks are by which it was made."""
    config = replace(small(method), protocols=("convnet",), width=4, inner_steps=None)
    distiller = Distiller(digits, config)
    candidate = distiller.candidate()
    assert candidate.label_scale == "class"
    assert candidate.recipe == protocols.recipe("convnet", candidate)
    assert distiller.panel[0].recipe == replace(candidate.recipe, width=4, depth=2)
    assert "for convnet" in candidate.method


def test_one_known_init_is_marked_and_scored_alike(digits: Dataset) -> None:
    config = replace(SMALL, method="unroll", known_init=7, protocols=("sgd",), window=0)
    found = candidate_of(digits, config)
    assert "one known init" in found.method
    records = Oracle(digits, workers=1).score(found, "own", [0, 1])
    assert records[0]["accuracy"] == records[1]["accuracy"]


@pytest.mark.parametrize("kind", ["mean", "kmeans", "real", "noise"])
@pytest.mark.parametrize("ipc", [1, 3])
def test_contract_of_starts(digits: Dataset, kind: str, ipc: int) -> None:
    images, labels = start_images(digits, ipc, kind, 0)
    assert images.shape == (10 * ipc, 1, 28, 28)
    assert images.dtype == np.float32
    assert labels.tolist() == list(np.arange(10).repeat(ipc))
    assert images.min() >= 0
    assert images.max() <= 1
    assert len({image.tobytes() for image in images}) == 10 * ipc


def test_a_candidate_file_is_a_start(digits: Dataset, tmp_path) -> None:
    first = candidate_of(digits, replace(SMALL, method="krr"))
    path = str(first.save(tmp_path / "first.npz"))
    assert start(digits, 1, path, 0) == first
    begun = Distiller(digits, replace(SMALL, method="krr", start=path)).synthetic
    np.testing.assert_array_equal(begun.images.detach(), first.images)
    np.testing.assert_array_equal(begun.raw_labels.detach(), first.labels)
    with pytest.raises(UserError, match="not 2 of each class"):
        start(digits, 2, path, 0)


@pytest.mark.parametrize("kind", ["real", "mean", "kmeans"])
def test_d_fewer_different_images_than_asked_are_refused(digits: Dataset, kind: str) -> None:
    train = digits.train
    zero = train.labels == 0
    few = replace(
        digits, train=ImageSet(np.where(zero[:, None, None, None], 0, train.images), train.labels)
    )
    with pytest.raises(UserError, match="class '0' has 1 different images in training, not 2"):
        start_images(few, 2, kind, 0)
    with pytest.raises(UserError, match=r"class '0' has 1\d\d different .* not 1000"):
        start_images(digits, 1000, kind, 0)


def test_rates_stay_positive_whatever_is_learned(digits: Dataset) -> None:
    distiller = Distiller(digits, replace(SMALL, method="unroll", start="noise"))
    with torch.no_grad():
        distiller.average.log_rates -= 500
    found = distiller.candidate().recipe
    assert found is not None
    assert all(rate > 0 for rate in found.learning_rates)
    assert len(found.learning_rates) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "x"},
        {"steps": 0},
        {"inner_lr": 0.0},
        {"ipc": 0},
        {"method": "magic"},
        {"protocols": ("x",)},
        {"learn": "x"},
        {"ema": 1.0},
        {"minutes": -1.0},
    ],
)
def test_bad_settings_are_refused(digits: Dataset, changes: dict) -> None:
    with pytest.raises(UserError):
        Distiller(digits, replace(SMALL, **changes))
