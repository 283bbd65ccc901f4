"""`mtt`: its objective against plain torch, its experts, and what it says beforehand.

Its gradient is compared with finite differences in test_methods.
"""

from dataclasses import replace

import pytest
import torch
from torch.func import functional_call

from distill import DistillConfig, Distiller
from distill.estimate import expectation
from distill.methods import mtt
from distill.methods.mtt import TrajectoryMatching
from reproduce import Dataset, UserError
from reproduce.networks.models import build

SMALL = DistillConfig(
    method="mtt", protocols=("sgd",), width=4, depth=1, batch=20, inner_steps=3, nets=2, steps=1
)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"EXPERTS": 2, "PLACES": 3, "APART": 2, "LATER": 2}.items():
        monkeypatch.setattr(mtt, name, value)


def objective_of(data: Dataset, config: DistillConfig = SMALL) -> TrajectoryMatching:
    distiller = Distiller(data, config)
    synthetic = distiller.synthetic.double()
    return TrajectoryMatching(data, distiller.config, synthetic, distiller.panel, 0)


def test_it_is_what_plain_torch_computes(digits: Dataset) -> None:
    """Students by SGD with momentum, network by network, then the normalised distance."""
    objective = objective_of(digits)
    objective.begin(0)
    recipe, synthetic = objective.recipe, objective.synthetic
    x = (synthetic.images - recipe.mean) / recipe.std
    losses = []
    for net in range(2):
        model = build(recipe, digits.image_shape, 10, [0]).double()
        names = [name for name, _ in model.named_parameters()]
        begun = [p[net : net + 1].requires_grad_() for p in objective.networks.parameters]
        goal = [p[net : net + 1] for p in objective.target]
        now, velocity = begun, [torch.zeros_like(p) for p in begun]
        for rate in synthetic.rates():
            answers = functional_call(model, dict(zip(names, now, strict=True)), (x[None],))[0]
            log = answers.log_softmax(-1)
            loss = -(synthetic.labels() * log).sum(-1).mean()
            gradients = torch.autograd.grad(loss, now, create_graph=True)
            velocity = [recipe.momentum * v + g for v, g in zip(velocity, gradients, strict=True)]
            now = [p - rate * v for p, v in zip(now, velocity, strict=True)]
        missed = sum((p - q).square().sum() for p, q in zip(now, goal, strict=True))
        way = sum((p - q).square().sum() for p, q in zip(begun, goal, strict=True))
        losses.append(missed / way)
    expected = torch.stack(losses).mean()
    found = objective.loss()
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
    learned = synthetic.learned()[:3]
    mine = torch.autograd.grad(found, learned)
    theirs = torch.autograd.grad(expected, learned)
    torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-12)


def test_experts_learn_and_come_again(digits: Dataset) -> None:
    objective, again = objective_of(digits), objective_of(digits)
    path = objective.trajectory(1)
    assert [networks.age for networks in path] == [0, 2, 4, 6]
    for mine, theirs in zip(path, again.trajectory(1), strict=True):
        assert all(map(torch.equal, mine.parameters, theirs.parameters))
    other = objective.trajectory(0)
    assert not torch.equal(path[0].parameters[0], other[0].parameters[0])
    images, labels = digits.train.images[:400], torch.from_numpy(digits.train.labels[:400])
    x = (torch.from_numpy(images).double() - objective.recipe.mean) / objective.recipe.std
    losses = [
        torch.nn.functional.cross_entropy(objective.trainer(networks, x[None])[1][0], labels)
        for networks in (path[0], path[-1])
    ]
    assert losses[1] < losses[0]


def test_students_begin_where_experts_were(digits: Dataset) -> None:
    objective, places = objective_of(digits), set()
    for turn in range(30):
        objective.begin(turn)
        for number, path in objective.experts.items():
            for place, networks in enumerate(path):
                if networks.parameters is objective.networks.parameters:
                    assert objective.target is path[place + mtt.LATER].parameters
                    places.add((number, place))
        assert objective.networks.age == 0
        assert not any(moment.any() for moment in objective.networks.moments)
    assert places == {(number, place) for number in (0, 1) for place in (0, 1)}


def test_time_and_memory_are_said_beforehand(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "2 experts take" in expectation(Distiller(digits, SMALL))
    few = Distiller(digits, SMALL).standing
    monkeypatch.setattr(mtt, "EXPERTS", 3)
    network = 4 * (4 * 9 + 4 + 2 * 4 + 10 * (4 * 16 * 16 + 1))
    assert Distiller(digits, SMALL).standing - few == 2 * 4 * network


def test_regression_is_refused(digits: Dataset) -> None:
    with pytest.raises(UserError, match="experts of mtt learn by the cross-entropy"):
        Distiller(digits, replace(SMALL, protocols=("ridge",)))
