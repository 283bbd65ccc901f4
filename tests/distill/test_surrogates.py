"""Surrogates: they answer as their learners do, and their gradients are right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from sklearn.svm import SVC
from torch import Tensor

from distill import surrogates
from distill.surrogates import Surrogate, surrogate
from reproduce import Candidate, Dataset, protocols
from reproduce.essay import draws
from reproduce.scoring.classifier import Classifier
from reproduce.scoring.kernel import ConvKernel
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.transfer import backbones
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.backbones import Backbone
from reproduce.transfer.heads import HEADS

PLAIN = ("knn", "svm-rbf", "svm-linear", "mlp")  # on pixels


def of(learner: Learner) -> Surrogate:
    found = surrogate(learner)
    assert isinstance(found, Surrogate)
    return found


def predicted(
    learner: Learner, candidate: Candidate, images: np.ndarray, seed: int = 0
) -> np.ndarray:
    answers = of(learner).answers(
        torch.tensor(candidate.images),
        torch.from_numpy(candidate.scores()),
        torch.from_numpy(images),
        seed,
    )
    assert answers.dtype == torch.float32
    return answers.argmax(1).numpy()


def agreement(learner: Learner, candidate: Candidate, images: np.ndarray, seed: int = 0) -> float:
    """Percentage of images of which a learner and its surrogate say the same."""
    theirs = learner.predict([Replicate(candidate, learner, seed)], images, Where())[0]
    return 100 * float((predicted(learner, candidate, images, seed) == theirs).mean())


@pytest.mark.parametrize("ipc", [1, 10])
@pytest.mark.parametrize("name", PLAIN)
def test_surrogates_agree_with_their_learners(mnist: Dataset, name: str, ipc: int) -> None:
    least = (79 if ipc == 1 else 89) if name == "mlp" else (96 if ipc == 1 else 93)
    candidate = draws.rmnist(mnist, ipc)
    images = mnist.validation.stratified(1000).images
    learner = protocols.learner(name, candidate)
    seeds = range(4) if name == "mlp" else range(1)  # one pair of networks may differ by chance
    assert np.mean([agreement(learner, candidate, images, seed) for seed in seeds]) >= least


@pytest.mark.parametrize("head", ["linear-svm", "logistic", "nearest"])
def test_heads_on_frozen_features_agree(digits: Dataset, head: str, tmp_path: Path) -> None:
    encoder = Autoencoder.train(digits.train.images[:300], 16, folder=tmp_path)
    candidate = draws.rmnist(digits, 5)
    learner = Classifier(HEADS[head], encoder)
    assert agreement(learner, candidate, digits.validation.images) >= 80


def test_what_has_no_surrogate_has_none(ten: Candidate) -> None:
    for name in ("forest", "tree", "conv"):
        assert surrogate(protocols.learner(name, ten)) is None
    assert surrogate(Classifier(lambda seed: SVC(kernel="poly"))) is None


def test_a_kernel_is_its_own_surrogate(digits: Dataset, ten: Candidate) -> None:
    kernel = protocols.learner("kernel-conv", ten)
    assert isinstance(kernel, ConvKernel)
    found = surrogate(kernel)
    assert found
    given = [torch.tensor(part) for part in (ten.images, ten.scores(), digits.train.images[:5])]
    torch.testing.assert_close(found.answers(*given), 10 * kernel.answers(*given))


def test_labels_count_by_their_differences(digits: Dataset) -> None:
    """What is added to a row changes nothing, and two images may share a class softly."""
    x, y = (torch.from_numpy(digits.train.images[part]) for part in (slice(6), slice(6, 12)))
    soft = torch.rand(6, 10, generator=torch.Generator().manual_seed(0))
    for name in PLAIN:
        ours = of(protocols.learner(name, None))  # type: ignore[arg-type]
        answers = ours.answers(x, soft, y)
        assert answers.shape == (6, 10)
        assert answers.isfinite().all()
        torch.testing.assert_close(answers, ours.answers(x, soft - 0.1, y), rtol=1e-4, atol=1e-4)


# --- Gradients ----------------------------------------------------------------------------------


def check_gradient(
    ours: Surrogate, images: Tensor, real: Tensor, rtol: float = 1e-5, step: float = 1e-6
) -> None:
    """Of a cross-entropy, along random directions of images and labels, in float64."""
    generator = torch.Generator().manual_seed(0)
    x, y = images.double().requires_grad_(), torch.eye(len(images), dtype=torch.float64)
    y = (y + 0.2 * torch.rand(y.shape, generator=generator)).requires_grad_()
    targets = torch.arange(len(real)) % y.shape[1]

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(ours.answers(x, y, real.double()), targets)

    gradients = torch.autograd.grad(loss(x, y), (x, y))
    for which, gradient in enumerate(gradients):
        directions = [torch.zeros_like(x), torch.zeros_like(y)]
        directions[which] = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        dx, dy = directions
        with torch.no_grad():
            ahead = loss(x + step * dx, y + step * dy)
            behind = loss(x - step * dx, y - step * dy)
        along = (gradient * directions[which]).sum()
        assert abs(along) > 1e-6
        torch.testing.assert_close(along, (ahead - behind) / (2 * step), rtol=rtol, atol=1e-8)


@pytest.mark.parametrize("name", PLAIN)
def test_gradient_equals_finite_differences(
    digits: Dataset, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The temperature of neighbours has no gradient, so that differences must not move it either.
    temperature = torch.tensor(5.0, dtype=torch.float64)
    monkeypatch.setattr(surrogates, "temperature_of", lambda distances, k: temperature)
    images, real = (torch.from_numpy(digits.train.images[n : n + 6]) for n in (0, 6))
    ours = of(protocols.learner(name, None))  # type: ignore[arg-type]
    shifted = replace(ours, learner=Classifier(ours.learner.make, shifts=1))
    for one in (ours, shifted):
        # What a network learns curves more with its images than what other learners do.
        check_gradient(one, images, real, *((1e-4, 1e-8) if ours.trains else ()))


@pytest.mark.parametrize("head", list(HEADS))
def test_gradient_passes_through_an_encoder(
    digits: Dataset, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Autoencoder.train(digits.train.images[:200], 8, folder=tmp_path)
    exact = torch.nn.Sequential(*encoder_layers(encoder)).double()
    # Of small features, the decay of a network's weights would leave nothing.
    monkeypatch.setattr(Autoencoder, "forward", lambda self, images: 10 * exact(images))
    temperature = torch.tensor(0.5, dtype=torch.float64)
    monkeypatch.setattr(surrogates, "temperature_of", lambda distances, k: temperature)
    images, real = (torch.from_numpy(digits.train.images[n : n + 6]) for n in (0, 6))
    check_gradient(of(Classifier(HEADS[head], encoder)), images, real, rtol=1e-4)


def encoder_layers(encoder: Autoencoder) -> list[torch.nn.Module]:
    from copy import deepcopy

    from reproduce.transfer.autoencoder import _encoder

    return list(deepcopy(_encoder(encoder)).children())


def test_features_with_a_graph_are_the_kept_ones(digits: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "net.pth"
    torch.save(torchvision.models.get_model("squeezenet1_1", weights=None).state_dict(), path)
    few = digits.train.images[:3]
    for grid in (1, 2):
        net = Backbone.load("squeezenet1_1", "features.3", path, grid)
        x = torch.from_numpy(few).clone().requires_grad_()
        found = net.forward(x)
        kept = backbones.features([net], few, tmp_path)[0]
        np.testing.assert_allclose(found.detach().numpy(), kept, rtol=1e-5, atol=1e-5)
        found.square().sum().backward()
        assert x.grad is not None
        assert x.grad.any()
    encoder = Autoencoder.train(digits.train.images[:200], 8, folder=tmp_path)
    codes = encoder.forward(torch.from_numpy(few))
    np.testing.assert_allclose(codes.numpy(), encoder(few), rtol=1e-5, atol=1e-5)
