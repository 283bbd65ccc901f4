"""The network that learns in the page, against PyTorch and finite differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from analysis.page.report import ENGINE
from reproduce import Dataset
from reproduce.images.deskew import deskew
from reproduce.networks.models import build
from reproduce.training import evaluation
from tests.analysis.conftest import RECIPE

ASSETS = Path(__file__).resolve().parents[3] / "analysis" / "page" / "assets"
SHAPE = {"classes": 10, "mean": RECIPE.mean, "std": RECIPE.std}


@pytest.fixture(scope="module")
def engine(browser: Browser) -> Page:
    """A blank page with the network's code."""
    tab = browser.new_page()
    for name in ENGINE[:-1]:
        tab.add_script_tag(content=(ASSETS / name).read_text())
    tab.add_script_tag(content=f"const shape = {json.dumps(SHAPE)};")
    return tab


def test_network_in_the_page_is_the_toolkits(engine: Page, digits: Dataset) -> None:
    """The same weights give the same probabilities as the stack of `reproduce.networks.models`."""
    model = build(RECIPE, (28, 28), 10, [3])
    weights = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    images = digits.validation.images[:3]
    theirs = evaluation.probabilities(model, RECIPE, images)[0]
    ours = engine.evaluate(
        """([weights, images, width]) => {
            const net = new ConvNet({ ...shape, widths: Array(3).fill(width), seed: 0 });
            net.parameters().forEach((parameter, i) => parameter.value.set(weights[i]));
            return images.map((image) => net.read(image));
        }""",
        [weights, images.reshape(3, -1).tolist(), RECIPE.width],
    )
    assert np.array(ours) == pytest.approx(theirs, abs=1e-5)


def test_webassembly_and_plain_loops_agree(engine: Page) -> None:
    """Both sums of a network, over planes of several channels, in float32 and float64."""
    fast, found = engine.evaluate(
        """() => {
            const row = 10, plane = row * row + 2, run = 80, [outs, ins] = [8, 3];
            const arenas = [Float32Array, Float64Array].map((Type) => new Arena(Type));
            return [Boolean(arenas[0].memory), arenas.map((arena) => {
                const random = generator(7);
                const filled = (n) => {
                    const array = arena.array(n);
                    array.forEach((_, i) => { array[i] = 2 * random() - 1; });
                    return array;
                };
                const x = filled(ins * plane), g = filled(outs * plane), w = filled(outs * ins * 9);
                const y = arena.array(outs * plane), d = arena.array(outs * ins * 9);
                arena.sums.correlate(y, plane, x, plane, w, outs, ins, run, row);
                arena.sums.weigh(d, g, plane, x, plane, outs, ins, run, row);
                return [...y, ...d];
            })];
        }"""
    )
    assert fast
    assert np.abs(found[1]).max() > 3
    assert np.array(found[0]) == pytest.approx(np.array(found[1]), abs=1e-4)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
@pytest.mark.parametrize("norm", [True, False])
def test_gradient_in_the_page_is_right(
    engine: Page, digits: Dataset, loss: str, norm: bool
) -> None:
    """Against finite differences in float64, in every parameter tensor."""
    image = digits.validation.images[0].ravel().tolist()
    pairs = engine.evaluate(
        """([image, kind, norm]) => {
            const target = [0.1, 0.6, 0, 0, 0.3, 0, 0, 0, 0, 0], pairs = [], h = 1e-5;
            const own = { ...shape, widths: [3, 4, 5], norm, loss: kind };
            const net = new ConvNet({ ...own, seed: 1, Type: Float64Array });
            net.blocks.forEach((block) => block.turn());
            net.learn(image, target, 1);
            const loss = () => (kind === "mse"
                ? net.scores(image).reduce((sum, s, c) => sum + (s - target[c]) ** 2, 0)
                : net.read(image).reduce((sum, p, c) => sum - target[c] * Math.log(p), 0));
            for (const { value, gradient } of net.parameters()) {
                for (let i = 0; i < value.length; i += Math.max(1, value.length >> 2)) {
                    const kept = value[i];
                    value[i] = kept + h; const up = loss();
                    value[i] = kept - h; const down = loss();
                    value[i] = kept;
                    pairs.push([gradient[i], (up - down) / (2 * h)]);
                }
            }
            return pairs;
        }""",
        [image, loss, norm],
    )
    ours, differences = np.array(pairs).T
    assert len(ours) > 30
    assert np.abs(ours).max() > 0.01
    assert ours == pytest.approx(differences, abs=1e-6, rel=1e-3)


def test_training_step_in_the_page_is_torchs(engine: Page, digits: Dataset) -> None:
    """Two steps of SGD with momentum from the same weights end in the same ones, in float64."""
    model = build(RECIPE, (28, 28), 10, [5]).double()
    before = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    images, labels = digits.train.images[:4], torch.tensor(digits.train.labels[:4])
    x = (torch.tensor(images, dtype=torch.float64) - RECIPE.mean) / RECIPE.std
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x[None])[0], labels).backward()
        optimiser.step()
    after = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    ours = engine.evaluate(
        """([weights, images, labels, width]) => {
            const widths = [width, width, width];
            const net = new ConvNet({ ...shape, widths, seed: 0, Type: Float64Array });
            net.parameters().forEach((parameter, i) => parameter.value.set(weights[i]));
            const target = (label) => Array.from({ length: 10 }, (_, c) => Number(c === label));
            const batch = images.map((image, i) => [image, target(labels[i])]);
            for (let step = 0; step < 2; step++) net.step(batch, { rate: 0.1, momentum: 0.9 });
            return net.parameters().map((parameter) => [...parameter.value]);
        }""",
        [before, images.reshape(4, -1).tolist(), labels.tolist(), RECIPE.width],
    )
    for mine, torchs in zip(ours, after, strict=True):
        assert mine == pytest.approx(torchs, abs=1e-9)


def test_the_page_sets_images_upright_as_the_toolkit_does(engine: Page, digits: Dataset) -> None:
    """Also an image without ink, which stays as it is, and one with pixels below 0."""
    real = digits.validation.images[:20]
    images = np.concatenate([real, np.zeros_like(real[:1]), real[:1] - 0.2])
    flat = images.reshape(len(images), -1)
    ours = engine.evaluate("(images) => images.map((image) => [...upright(image)])", flat.tolist())
    assert np.abs(deskew(images) - images).max() > 0.5
    np.testing.assert_allclose(ours, deskew(images).reshape(flat.shape), atol=1e-4)


def test_a_worker_reads_upright_where_the_plan_says_so(engine: Page, digits: Dataset) -> None:
    """Validation images, and what is drawn."""
    image = digits.validation.images[0].ravel()
    seen = engine.evaluate(
        """async ([code, image]) => {
            const source = URL.createObjectURL(new Blob([code]));
            const sizes = { widths: [4], mean: 0, std: 1 };
            const recipe = { ...sizes, rates: [0.1], batch: 2, momentum: 0 };
            const set = [[image, [1, 0]], [image, [0, 1]]];
            const validation = { pixels: new Uint8Array(0), labels: [] };
            return Promise.all(["plain", "deskew"].map((frame) => new Promise((answer) => {
                const worker = new Worker(source);
                worker.onmessage = ({ data: { seen } }) => { if (seen) answer([...seen]); };
                const plan = { recipe: { ...recipe, frame }, seed: 0 };
                worker.postMessage({ kind: "train", set, validation, ...plan });
                worker.postMessage({ kind: "read", pixels: image, drawing: 1 });
            })));
        }""",
        ["\n".join((ASSETS / name).read_text() for name in ENGINE), image.tolist()],
    )
    np.testing.assert_allclose(seen[0], image, atol=1e-7)
    np.testing.assert_allclose(seen[1], deskew(image.reshape(1, 1, 28, 28)).ravel(), atol=1e-4)


def test_ridge_in_the_page_solves_the_last_layer(engine: Page, digits: Dataset) -> None:
    """With hardly any ridge the net gives back each target; with much it gives about nothing."""
    images = digits.train.images[:6].reshape(6, -1).tolist()
    targets = (np.eye(10)[digits.train.labels[:6]] - 0.1).tolist()
    small, large = engine.evaluate(
        """([images, targets]) => [1e-9, 1e6].map((strength) => {
            const own = { ...shape, widths: [8, 8, 8], norm: false };
            const net = new ConvNet({ ...own, seed: 1, loss: "mse", Type: Float64Array });
            net.exchange(net.solved(images.map((image, i) => [image, targets[i]]), strength));
            return images.map((image) => net.scores(image));
        })""",
        [images, targets],
    )
    assert np.array(small) == pytest.approx(np.array(targets), abs=1e-3)
    assert np.abs(large).max() < 1e-3


def test_adam_in_the_page_is_torchs(engine: Page) -> None:
    value = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimiser = torch.optim.Adam([value], lr=0.1)
    for _ in range(5):
        optimiser.zero_grad()
        (value**2).sum().backward()
        optimiser.step()
    ours = engine.evaluate(
        """() => {
            const parameter = new Parameters(2, new Arena(Float64Array));
            parameter.value.set([1, -2]);
            for (let step = 1; step <= 5; step++) {
                parameter.value.forEach((v, i) => { parameter.gradient[i] = 2 * v; });
                parameter.adam(0.1, step);
            }
            return [...parameter.value];
        }"""
    )
    assert ours == pytest.approx(value.tolist(), abs=1e-9)
