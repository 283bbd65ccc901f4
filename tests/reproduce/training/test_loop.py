"""Training: schedules, batches, augmentation, and independence of what else is trained."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
from torch import nn

from reproduce import Candidate, Dataset, Recipe, UserError, protocols
from reproduce.images import augment, expand
from reproduce.images.augment import DEGREES, Augmenter
from reproduce.images.deskew import deskew
from reproduce.networks.models import build
from reproduce.networks.stack import Stack, seeded
from reproduce.training import cost, evaluation, loop, resume, schedule
from reproduce.training.batches import Batches
from reproduce.training.draws import Draws
from reproduce.training.losses import cross_entropy

SHORT = Recipe(model="conv", epochs=12, batch=4, lr=0.1, schedule="essay")


def test_essay_schedule_counts_epochs_from_one() -> None:
    rates = [schedule.learning_rate(SHORT, epoch, 0) for epoch in (1, 9, 10, 19, 20)]
    assert rates == pytest.approx([0.08, 0.08, 0.064, 0.064, 0.0512])


def test_halfway_schedule_drops_after_epoch_501() -> None:
    recipe = Recipe(epochs=1001, lr=0.01, schedule="halfway")
    assert schedule.learning_rate(recipe, 501, 0) == 0.01
    assert schedule.learning_rate(recipe, 502, 0) == pytest.approx(0.001)


def test_listed_rates_are_used_in_turn(ten: Candidate) -> None:
    recipe = Recipe(epochs=2, batch=99, schedule="list", learning_rates=(0.5, 1e-30))
    first, second = (
        {k: v.clone() for k, v in state.model.state_dict().items()}
        for state in loop.train(recipe, [ten.images], [ten.targets()], [0])
    )
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=1e-12)


def test_training_equals_a_plain_loop(ten: Candidate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack against PyTorch's own layers and optimiser, from the same weights, in float64."""
    monkeypatch.setattr(loop, "build", lambda *given: build(*given).double())
    recipe = Recipe(epochs=6, batch=99, lr=0.05, momentum=0.9, weight_decay=1e-3)
    recipe = replace(recipe, model="convnet", width=4, depth=1, norm="none", mean=0.2, std=0.5)
    images, targets = ten.images.astype(np.float64), ten.targets().astype(np.float64)
    for state in loop.train(recipe, [images], [targets], [3]):  # noqa: B007
        pass
    start = build(recipe, (28, 28), 10, [3])
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1024, 10)
    ).double()
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), start.parameters(), strict=True):
            mine.copy_(theirs[0])
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    x, y = (torch.tensor(images) - 0.2) / 0.5, torch.tensor(ten.labels)
    for _ in range(6):
        optimiser.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimiser.step()
    for mine, theirs in zip(state.model.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(mine[0], theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("model", ["conv", "convnet"])
def test_result_does_not_depend_on_the_rest_of_the_stack(ten: Candidate, model: str) -> None:
    """To the last bit: each network's matrix products are its own."""
    recipe = replace(SHORT, model=model, width=8 if model == "convnet" else 128)
    other = np.ascontiguousarray(ten.images[::-1])

    def run(images: list[np.ndarray], seeds: list[int]) -> list[np.ndarray]:
        for state in loop.train(recipe, images, [ten.targets()] * len(seeds), seeds):  # noqa: B007
            pass
        return [p.detach().numpy() for p in state.model.parameters()]

    alone = run([ten.images], [5])
    beside = run([other, ten.images, other], [4, 5, 6])
    for mine, theirs in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(mine[0], theirs[1])


class Plain(Stack):
    """Takes images as they are."""

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_batches_are_cut_once_or_each_epoch(ten: Candidate) -> None:
    x = torch.arange(10.0).reshape(1, 10, 1, 1, 1)
    y = torch.eye(10)[None]

    def epochs(recipe: Recipe) -> list[list[list[float]]]:
        draws = Draws(recipe, 10, (1, 1), [0], 0)
        batches = Batches(recipe, x, y, draws, Plain(1), torch.device("cpu"))
        return [[xb.flatten().tolist() for xb, _, _ in batches.epoch()] for _ in range(3)]

    fixed = epochs(SHORT)
    assert [len(batch) for batch in fixed[0]] == [4, 4, 2]
    assert sorted(itertools.chain(*fixed[0])) == list(range(10))
    assert fixed[0] == fixed[1] == fixed[2]
    fresh = epochs(replace(SHORT, reshuffle=True))
    assert fresh[0] != fresh[1]
    assert sorted(itertools.chain(*fresh[1])) == list(range(10))


def test_an_epoch_meets_every_shift_of_every_image_once(ten: Candidate) -> None:
    recipe = Recipe(model="conv", epochs=1, batch=40, shifts=1)
    draws = Draws(recipe, len(ten), (28, 28), [0], noise=0)
    rows = [draw.rows[0].tolist() for draw in draws.epoch()]
    assert [len(part) for part in rows] == [40, 40, 10]
    assert sorted(itertools.chain(*rows)) == list(range(90))


def test_soft_labels_of_hard_classes_equal_nll() -> None:
    logits, labels = torch.randn(2, 6, 10), torch.randint(10, (2, 6))
    ours = cross_entropy(logits, F.one_hot(labels, 10).float())
    theirs = torch.stack([F.cross_entropy(a, b) for a, b in zip(logits, labels, strict=True)])
    torch.testing.assert_close(ours, theirs)


def test_shift_moves_and_fills_with_zeros() -> None:
    image = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
    images, labels = expand.shift(image, np.array([4]), 1)
    assert images.shape == (9, 1, 3, 3)
    assert labels.tolist() == [4] * 9
    assert (images[4] == image[0]).all()
    down = np.zeros((3, 3))
    down[1:] = image[0, 0, :-1]
    assert any((copy[0] == down).all() for copy in images)
    assert len({copy.tobytes() for copy in images}) == 9


class TestAugmenter:
    @pytest.fixture
    def images(self) -> torch.Tensor:
        return torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0)) - 0.3

    def test_rotation_equals_scipys_with_the_mean_as_fill(self, images: torch.Tensor) -> None:
        augmenter, fill = Augmenter(images), images.mean()
        for degrees in (-45, -7, 0, 44):
            draw = torch.full((3, 2), (degrees + DEGREES + 0.5) / (2 * DEGREES))
            ours = augmenter._rotate(torch.arange(3), draw, fill)
            turned = scipy.ndimage.rotate(images.numpy(), degrees, axes=(-2, -1), cval=fill.item())
            top = (turned.shape[1] - 28) // 2
            left = (turned.shape[2] - 28) // 2
            theirs = turned[:, top : top + 28, left : left + 28]
            np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)

    def test_scale_equals_interpolation_centred(self, images: torch.Tensor) -> None:
        augmenter = Augmenter(images)
        draws = torch.tensor([[0.0, 0.9], [0.5, 0.5], [0.99, 0.2]], dtype=torch.float64)
        ours = augmenter._scale(torch.arange(3), draws, images.mean())
        for image, draw, mine in zip(images, draws, ours, strict=True):
            height, width = (int((0.8 + 0.4 * d) * 28) for d in draw.tolist())
            zoomed = F.interpolate(image[None, None], [height, width])[0, 0]
            frame = max(height, width, 28)
            canvas = torch.zeros(frame, frame)
            top, left = (frame - height) // 2, (frame - width) // 2
            canvas[top : top + height, left : left + width] = zoomed
            cut = (frame - 28) // 2
            torch.testing.assert_close(mine, canvas[cut : cut + 28, cut : cut + 28])

    def test_crop_moves_by_up_to_four_and_fills_with_the_mean(self, images: torch.Tensor) -> None:
        augmenter, fill = Augmenter(images), images.mean()
        draws = torch.tensor([[0.0, 0.0], [0.5, 0.5], [0.999, 0.999]], dtype=torch.float64)
        ours = augmenter._crop(torch.arange(3), draws, fill)
        framed = F.pad(images, (4, 4, 4, 4), value=fill.item())
        for k, offset in enumerate((0, 4, 8)):
            expected = framed[k, offset : offset + 28, offset : offset + 28]
            torch.testing.assert_close(ours[k], expected)

    def test_same_generator_same_images(self, images: torch.Tensor) -> None:
        augmenter, batch = Augmenter(images), torch.tensor([0, 1, 2, 0])
        one, two = (augmenter(batch, augment.draw(4, seeded(3, "augment"))) for _ in range(2))
        assert torch.equal(one, two)
        assert not torch.equal(one, augmenter(batch, augment.draw(4, seeded(4, "augment"))))


def test_full_mnist_gets_the_essays_schedule(digits: Dataset, ten: Candidate) -> None:
    assert protocols.recipe("conv", ten) == Recipe(epochs=500, lr=0.1, schedule="essay")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "vgg"},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"epochs": 0},
        {"schedule": "list"},
        {"learning_rates": (0.1,)},
        {"schedule": "list", "learning_rates": (0.1, -0.1)},
    ],
)
def test_bad_recipes_are_refused(changes: dict) -> None:
    with pytest.raises(UserError):
        Recipe(**changes)
    with pytest.raises(UserError):
        Recipe.from_dict({**Recipe().to_dict(), "colour": 1})


@pytest.mark.parametrize("model", ["conv", "convnet"])
def test_a_killed_training_goes_on_to_the_same_networks(
    ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    augment = "dc" if model == "convnet" else "none"
    recipe = Recipe(model=model, epochs=8, reshuffle=model == "convnet", augment=augment)
    recipe = replace(recipe, momentum=0.9, schedule="halfway", batch=4)
    recipe = replace(recipe, width=4 if model == "convnet" else 128)
    work = (recipe, [ten.images] * 2, [ten.targets()] * 2, [0, 1])
    for whole in loop.train(*work):  # noqa: B007
        pass
    monkeypatch.setattr(resume, "SAVE_EVERY", 0)
    path = tmp_path / "stack.pt"
    for state in loop.train(*work, checkpoint=path):
        if state.epoch == 3:  # stopped before the rate drops, with momentum to restore
            break
    resumed = list(loop.train(*work, checkpoint=path))
    assert [state.epoch for state in resumed] == [3, 4, 5, 6, 7, 8]
    for mine, theirs in zip(resumed[-1].model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(UserError, match="other settings"):
        next(loop.train(replace(recipe, lr=0.2), *work[1:], checkpoint=path))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match="damaged"):
        next(loop.train(*work, checkpoint=path))


def test_a_networks_memory_grows_with_its_set_and_its_step() -> None:
    small = cost.replicate_bytes(Recipe(model="conv", batch=10), 10, (28, 28), 10)
    shifted = cost.replicate_bytes(Recipe(model="conv", batch=10, shifts=1), 10, (28, 28), 10)
    assert shifted - small == 2 * 4 * 80 * 28 * 28  # eighty more images, kept twice
    wide = cost.replicate_bytes(Recipe(model="convnet", batch=10), 10, (28, 28), 10)
    # The first block alone keeps three tensors of 128 maps of 32x32 for ten images.
    assert wide > 3 * 4 * 10 * 128 * 32 * 32


def test_deskewed_training_equals_training_on_deskewed_images(ten: Candidate) -> None:
    recipe = Recipe(model="conv", epochs=3, deskew=True)
    upright = deskew(ten.images)
    trained = [
        list(loop.train(how, [images], [ten.targets()], [3]))[-1].model
        for how, images in ((recipe, ten.images), (replace(recipe, deskew=False), upright))
    ]
    for mine, theirs in zip(*(model.parameters() for model in trained), strict=True):
        assert torch.equal(mine, theirs)
    asked = evaluation.predict(trained[0], recipe, ten.images)
    assert np.array_equal(
        asked, evaluation.predict(trained[1], replace(recipe, deskew=False), upright)
    )
