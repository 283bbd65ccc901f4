"""Scikit-learn's network as a function of its training set: the same steps, and right gradients."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier

from distill import trained_mlp
from distill.trained_mlp import AdamStep, forward, initial, loss_gradients, trained
from reproduce import Dataset


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_training_is_that_of_scikit_learn(
    digits: Dataset, alpha: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its own first parameters, step for step."""
    monkeypatch.setattr(trained_mlp, "FEWER", 1)
    monkeypatch.setattr(trained_mlp, "LEVEL", 0.0)
    monkeypatch.setattr(trained_mlp, "BETA", 1e6)
    x = digits.train.images[:30].reshape(30, -1).astype(np.float64)
    labels = np.arange(30) % 10
    settings = {"alpha": alpha, "hidden_layer_sizes": (20, 12), "max_iter": 40}
    begun = MLPClassifier(**settings, random_state=1, warm_start=True)
    theirs = MLPClassifier(**settings, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun.set_params(max_iter=1, learning_rate_init=1e-300).fit(x, labels)
        theirs.fit(x, labels)
    first = [[torch.from_numpy(p) for p in ps] for ps in (begun.coefs_, begun.intercepts_)]
    monkeypatch.setattr(trained_mlp, "initial", lambda *_: first)
    given = torch.from_numpy(x)
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), 10).double()
    found = trained(given, targets, given, theirs, seed=0).softmax(1)
    np.testing.assert_allclose(found.numpy(), theirs.predict_proba(x), atol=1e-4)


def test_initial_parameters_lie_where_scikit_learn_draws_them() -> None:
    like = torch.zeros((), dtype=torch.float64)
    matrices, biases = initial((300, 40, 10), 3, like)
    for inputs, outputs, matrix, bias in zip((300, 40), (40, 10), matrices, biases, strict=True):
        bound = (6 / (inputs + outputs)) ** 0.5
        assert matrix.shape == (inputs, outputs)
        assert 0.98 * bound < matrix.abs().max() <= bound
        assert bias.abs().max() <= bound
    other = initial((300, 40, 10), 4, like)[0][0]
    assert not torch.equal(other, matrices[0])
    assert torch.equal(initial((300, 40, 10), 3, like)[0][0], matrices[0])


def test_gradients_of_the_loss_are_those_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 9, generator=generator, dtype=torch.float64)
    targets = torch.rand(7, 4, generator=generator, dtype=torch.float64)
    targets /= targets.sum(1, keepdim=True)
    matrices, biases = initial((9, 6, 5, 4), 0, x)
    parameters = [p.requires_grad_() for p in (*matrices, *biases)]
    loss = torch.nn.functional.cross_entropy(forward(parameters, x)[-1], targets)
    theirs = torch.autograd.grad(loss, parameters)
    for ours, expected in zip(loss_gradients(parameters, x, targets), theirs, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(("step", "decay"), [(1, 0.0), (3, 0.1)])
def test_step_has_the_gradient_of_finite_differences(step: int, decay: float) -> None:
    generator = torch.Generator().manual_seed(step)
    old, first, second, gradient = (
        torch.rand(3, 4, generator=generator, dtype=torch.float64).add(0.1).requires_grad_()
        for _ in range(4)
    )

    def taken(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made: tuple[torch.Tensor, ...] = AdamStep.apply(*given, 0.3, decay, step)
        return made

    assert torch.autograd.gradcheck(taken, (old, first, second, gradient))
