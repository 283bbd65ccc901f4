"""The kernel of an infinitely wide network, as a learner."""

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, Oracle, UserError, protocols
from reproduce.networks.infinite import conv_kernels
from reproduce.scoring.kernel import ConvKernel
from reproduce.scoring.learners import Replicate, Where


def test_it_is_ridge_regression_with_the_tangent_kernel(digits: Dataset, ten: Candidate) -> None:
    learner, images = ConvKernel(2, 0.01), digits.validation.images[:40]
    x, y = (torch.tensor((part - 0.1307) / 0.3081).double() for part in (ten.images, images))
    kernel, cross = conv_kernels(x, x, 2)[1].numpy(), conv_kernels(y, x, 2)[1].numpy()
    ridge = 0.01 * kernel.trace() / 10
    expected = cross @ np.linalg.solve(kernel + ridge * np.eye(10), ten.targets() - 0.1)
    for real, one_hot in ((images, ten.targets()), (images, ten.scores())):
        found = learner.answers(*map(torch.tensor, (ten.images, one_hot, real)))
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=1e-4)
    guesses = learner.predict([Replicate(ten, learner, 0)] * 2, images, Where())
    np.testing.assert_array_equal(guesses, [expected.argmax(1)] * 2)


def test_it_is_scored_once_and_learns(digits: Dataset, ten: Candidate) -> None:
    records = Oracle(digits, workers=1).score(ten, "kernel-conv", [0, 1])
    assert len(records) == 1
    assert records[0]["accuracy"] > 40
    with pytest.raises(UserError, match="gives no probabilities"):
        protocols.learner("kernel-conv&conv", ten)


def test_settings_are_part_of_its_key() -> None:
    keys = {ConvKernel(), ConvKernel(2), ConvKernel(strength=0.1)}
    assert len({learner.key() for learner in keys}) == 3


def test_gradient_equals_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y, real = (
        torch.rand(shape, generator=generator, dtype=torch.float64)
        for shape in ((3, 1, 6, 6), (3, 3), (4, 1, 6, 6))
    )
    learner = ConvKernel(2, 0.1)
    torch.autograd.gradcheck(
        lambda x, y: learner.answers(x, y, real), (x.requires_grad_(), y.requires_grad_())
    )
