"""The page: what it holds, where its numbers come from, and that it works in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from analysis import finalists, league, measures
from analysis.league import leagues
from analysis.plots import some_of_each
from analysis.report import write_report
from analysis.results import collect
from analysis.trace import Traces
from reproduce import Candidate, Dataset, Oracle, UserError, essay, train
from reproduce.models import build
from tests.analysis.browser import chromium, opened
from tests.analysis.conftest import RECIPE

RESULTS = Path(__file__).resolve().parents[2] / "results"
BAR = 75.0  # percent of the bundled validation digits that the headline's set must teach to read
TRAINING = 120_000  # milliseconds that it may take on a busy machine


@pytest.fixture(scope="module")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    return write_report(out, collect([folder]), "Test & <tags>")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    with opened(browser, report, reduced_motion="reduce") as tab:
        yield tab


# --- What it is made from -----------------------------------------------------------------------


def test_equal_results_give_equal_bytes(report: Path, folder: Path, tmp_path: Path) -> None:
    again = write_report(tmp_path, collect([folder]), "Test & <tags>")
    assert again.read_bytes() == report.read_bytes()
    for kind, ending in (("figures", "svg"), ("tables", "csv")):
        names = sorted(path.name for path in (report.parent / kind).glob(f"*.{ending}"))
        assert len(names) > 5
        for name in names:
            assert (tmp_path / kind / name).read_bytes() == (
                report.parent / kind / name
            ).read_bytes()


def test_page_is_one_file_that_fetches_nothing(report: Path) -> None:
    text = report.read_text()
    assert len(text) < 8e6
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", text)
    assert not re.search(r"url\((?!#)", text)
    assert "Test &amp; &lt;tags&gt;" in text
    assert "means </script>" not in text


def test_every_number_points_to_its_records(report: Path, folder: Path) -> None:
    text = report.read_text()
    traces = json.loads(re.search(r'id="traces">(.*?)</script>', text)[1])
    numbers = [int(place) for place in re.findall(r'class="num" data-trace="(\d+)"', text)]
    assert len(numbers) > 50
    assert set(numbers) <= set(range(len(traces)))
    for trace in traces:
        assert trace.get("source") or (trace["commands"] and trace["files"])
    assert sum("values" in trace and len(trace["values"]) > 1 for trace in traces) > 20
    for figure in re.findall(r'<figure class="exhibit".*?</figure>', text, re.DOTALL):
        assert figure.count('data-trace="') >= 2  # the figure, and a button for the keyboard


def test_league_says_what_the_records_say(folder: Path) -> None:
    results, traces = collect([folder]), Traces()
    (found,) = leagues(results.records, traces)
    row = next(row for row in found.rows if row.name.startswith("means"))
    ours = [r for r in results.records if r["name"] == row.name and r["protocol"] == "own"]
    values = [record["accuracy"] for record in ours]
    assert row.cells["own"].interval.mean == pytest.approx(np.mean(values))
    assert traces.entries()[row.cells["own"].trace]["values"] == [round(v, 2) for v in values]
    randoms = next(row for row in found.rows if row.kind == "random")
    assert (randoms.sets, randoms.cells["tree"].interval.n) == (3, 3)
    assert all(row.kind != "published" for row in found.rows)  # those are about MNIST


def test_storage_budgets_stay_out_of_the_league(ten, digits: Dataset) -> None:
    records = Oracle(digits, workers=1).score(ten, "knn", [0])
    as_mnist = [{**record, "dataset": "mnist", "method": "search swap"} for record in records]
    (found,) = leagues(as_mnist, Traces())
    published = {row.name for row in found.rows if row.kind == "published"}
    storage = {number.method for number in league.literature() if number.budget == "storage"}
    assert "RCIG" in published
    assert storage
    assert not published & storage


def test_finalists_stay_out_of_the_league(ten: Candidate, digits: Dataset) -> None:
    """A search's choice among its finalists is corrected, and shown beside fresh seeds."""
    rivals = [measures.random_set(digits, 1, number) for number in range(3)]
    named = [rival.renamed("s, one of the best") for rival in rivals]
    oracle = Oracle(digits, workers=1)
    scored = oracle.score_many(named, "tree", range(3))
    means = {r["candidate"]: [] for r in scored}
    for record in scored:
        means[record["candidate"]].append(record["accuracy"])
    winner = max(rivals, key=lambda rival: np.mean(means[rival.hash]))
    fresh = oracle.score(winner.renamed("s"), "tree", range(10, 14))
    traces = Traces()
    (found,) = leagues([*scored, *fresh], traces)
    assert [(row.name, row.cells["tree"].interval.n) for row in found.rows] == [("s", 4)]
    (choice,) = finalists.choices([*scored, *fresh], traces)
    assert (choice.name, choice.best.k, choice.fresh.interval.n) == ("s", 3, 4)
    assert choice.chosen.interval.mean == pytest.approx(max(map(np.mean, means.values())))
    assert float(choice.corrected.text) <= round(choice.chosen.interval.mean, 2)
    assert len(traces.entries()[choice.corrected.trace]["values"]) == 9


def test_large_sets_are_shown_evenly(digits: Dataset) -> None:
    fifty = essay.rmnist(digits, 5)
    assert np.bincount(fifty.labels[some_of_each(fifty, 20)]).tolist() == [2] * 10
    assert sorted(some_of_each(fifty, 500)) == list(range(50))


def test_collect_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        collect([tmp_path / "none"])
    (tmp_path / "x.npz").write_text("x")
    with pytest.raises(UserError, match="no records and no candidates"):
        collect([tmp_path])
    with pytest.raises(UserError, match="not a readable candidate"):
        collect([tmp_path / "x.npz"])


def test_page_of_records_alone(folder: Path, tmp_path: Path) -> None:
    text = write_report(tmp_path, collect([folder / "records.jsonl"])).read_text()
    assert 'id="league"' in text
    assert 'id="live"' not in text


def test_page_sets_ours_beside_published(mnist: Dataset, tmp_path: Path) -> None:
    Oracle(mnist, tmp_path / "r.jsonl", workers=1).score(essay.rmnist(mnist, 1), "knn", [0])
    text = write_report(tmp_path / "page", collect([tmp_path / "r.jsonl"])).read_text()
    cells = re.search(r"<td>knn</td><td>(<button[^>]*>41.85</button></td><td>){2}exact", text)
    assert cells


@pytest.fixture(scope="module")
def real_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of the tracked results, which hold MNIST's digits for it."""
    out = write_report(tmp_path_factory.mktemp("real"), collect([RESULTS]))
    with opened(browser, out, reduced_motion="reduce") as tab:
        yield tab


# --- In a browser -------------------------------------------------------------------------------


def test_teach_and_draw(real_page: Page) -> None:
    """Load, train, accuracy above the bar, draw, predicted class."""
    page = real_page
    assert page.input_value("#set") == "0"
    page.click("#train")
    page.wait_for_function("byId('accuracy').dataset.percent", timeout=TRAINING)
    percent = float(page.get_attribute("#accuracy", "data-percent"))
    assert percent > BAR
    assert len(page.get_attribute("#line", "points").split()) > 5
    assert page.inner_text("#accuracy") == f"{percent:.1f} %"

    draw(page, [(140, 40), (140, 240)])
    page.wait_for_function("byId('said').dataset.digit")
    assert page.inner_text("#said") == "I read a 1."
    page.click("#clear")
    circle = [(140 + 60 * np.sin(a), 140 - 90 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 24)]
    draw(page, circle)
    page.wait_for_function("byId('said').dataset.digit")
    assert page.inner_text("#said") == "I read a 0."
    shares = [
        int(text.split()[0]) for text in page.locator("#bars span:last-child").all_inner_texts()
    ]
    assert len(shares) == 10
    assert 97 <= sum(shares) <= 103


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    at = [
        (box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def test_keyboard_draws(page: Page) -> None:
    page.focus("#canvas")
    for key in [" ", *["ArrowDown"] * 12, " "]:
        page.keyboard.press(key)
    look = "[...byId('canvas').getContext('2d').getImageData(140, 100, 1, 1).data]"
    ink = page.evaluate(look)[0]
    assert ink == 255
    assert page.inner_text("#said") == "The pen is up."
    page.keyboard.press("Enter")
    seen = page.evaluate("[...byId('seen').getContext('2d').getImageData(0, 0, 28, 28).data]")
    assert max(seen[::4]) > 200


def test_drawing_becomes_an_image_like_mnists(page: Page, digits: Dataset) -> None:
    """Ink fits 20 x 20 and its centre of mass is the middle, wherever and however large."""
    for left, top, size in ((10, 20, 60), (100, 5, 170)):
        image = page.evaluate(
            """([left, top, size]) => {
                const ink = new Float32Array(280 * 280);
                for (let y = top; y < top + size; y++)
                    for (let x = left; x < left + size / 2; x++) ink[y * 280 + x] = 1;
                return [...asDigit(ink, 280, 280)];
            }""",
            [left, top, size],
        )
        image = np.reshape(image, (28, 28))
        rows, columns = np.nonzero(image > 0.5)
        assert np.ptp(rows) + 1 == 20
        assert np.ptp(columns) + 1 == 10
        centre = [(image.sum(axis) * (np.arange(28) + 0.5)).sum() / image.sum() for axis in (1, 0)]
        assert centre == pytest.approx([14, 14], abs=0.3)
    assert page.evaluate("asDigit(new Float32Array(280 * 280), 280, 280)") is None


@pytest.fixture(scope="module")
def engine(browser: Browser) -> Page:
    """A blank page with the network's code."""
    tab = browser.new_page()
    source = Path(__file__).resolve().parents[2] / "analysis" / "page" / "network.js"
    tab.add_script_tag(content=source.read_text())
    return tab


def test_network_in_the_page_is_the_toolkits(engine: Page, digits: Dataset) -> None:
    """The same weights give the same probabilities as the stack of `reproduce.models`."""
    model = build(RECIPE, (28, 28), 10, [3])
    weights = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    images = digits.validation.images[:3]
    theirs = train.probabilities(model, RECIPE, images)[0]
    ours = engine.evaluate(
        """([weights, images, width]) => {
            const net = new ConvNet({ width, depth: 3, mean: 0.1307, std: 0.3081, seed: 0 });
            net.parameters().forEach((parameter, i) => parameter.value.set(weights[i]));
            return images.map((image) => net.read(image));
        }""",
        [weights, images.reshape(3, -1).tolist(), RECIPE.width],
    )
    assert np.array(ours) == pytest.approx(theirs, abs=1e-5)


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
            const shape = { width: 3, depth: 3, mean: 0.13, std: 0.31, norm, loss: kind };
            const net = new ConvNet({ ...shape, seed: 1, Type: Float64Array });
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
    """One step of SGD with momentum from the same weights ends in the same weights."""
    model = build(RECIPE, (28, 28), 10, [5])
    before = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    images, labels = digits.train.images[:4], torch.tensor(digits.train.labels[:4])
    x = (torch.tensor(images) - RECIPE.mean) / RECIPE.std
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x[None])[0], labels).backward()
        optimiser.step()
    after = [parameter.detach()[0].flatten().tolist() for parameter in model.parameters()]
    ours = engine.evaluate(
        """([weights, images, labels, width]) => {
            const net = new ConvNet({ width, depth: 3, mean: 0.1307, std: 0.3081, seed: 0 });
            net.parameters().forEach((parameter, i) => parameter.value.set(weights[i]));
            const target = (label) => Array.from({ length: 10 }, (_, c) => Number(c === label));
            const batch = images.map((image, i) => [image, target(labels[i])]);
            for (let step = 0; step < 2; step++) net.step(batch, { rate: 0.1, momentum: 0.9 });
            return net.parameters().map((parameter) => [...parameter.value]);
        }""",
        [before, images.reshape(4, -1).tolist(), labels.tolist(), RECIPE.width],
    )
    for mine, torchs in zip(ours, after, strict=True):
        assert mine == pytest.approx(torchs, abs=2e-5)


def test_ridge_in_the_page_solves_the_last_layer(engine: Page, digits: Dataset) -> None:
    """With hardly any ridge the net gives back each target; with much it gives about nothing."""
    images = digits.train.images[:6].reshape(6, -1).tolist()
    targets = (np.eye(10)[digits.train.labels[:6]] - 0.1).tolist()
    small, large = engine.evaluate(
        """([images, targets]) => [1e-9, 1e6].map((strength) => {
            const shape = { width: 8, depth: 3, mean: 0.13, std: 0.31, norm: false };
            const net = new ConvNet({ ...shape, seed: 1, loss: "mse", Type: Float64Array });
            net.solve(images.map((image, i) => [image, targets[i]]), strength);
            return images.map((image) => net.scores(image));
        })""",
        [images, targets],
    )
    assert np.array(small) == pytest.approx(np.array(targets), abs=1e-3)
    assert np.abs(large).max() < 1e-3


def test_adam_in_the_page_is_torchs(engine: Page) -> None:
    value = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimiser = torch.optim.Adam([value], lr=0.1)
    for _ in range(5):
        optimiser.zero_grad()
        (value**2).sum().backward()
        optimiser.step()
    ours = engine.evaluate(
        """() => {
            const parameter = new Parameters(2, Float64Array);
            parameter.value.set([1, -2]);
            for (let step = 1; step <= 5; step++) {
                parameter.value.forEach((v, i) => { parameter.gradient[i] = 2 * v; });
                parameter.adam(0.1, step);
            }
            return [...parameter.value];
        }"""
    )
    assert ours == pytest.approx(value.tolist(), abs=1e-5)


def test_numbers_show_their_origin(page: Page) -> None:
    page.locator("#league .num").first.click()
    shown = page.inner_text("#trace")
    for word in ("Seeds", "Command", "Scored on", "validation-b"):
        assert word in shown
    page.keyboard.press("Escape")
    assert not page.locator("#trace").is_visible()


def test_figures_show_their_origin_by_mouse_and_keyboard(page: Page) -> None:
    figure = page.locator("figure[id^=confusion]").first
    figure.locator(".plot").click()
    assert "Command" in page.inner_text("#trace")
    page.keyboard.press("Escape")
    figure.get_by_role("button", name="Where from").focus()
    page.keyboard.press("Enter")
    assert page.locator("#trace").is_visible()
    page.keyboard.press("Escape")


def test_headings_sort(page: Page) -> None:
    head = page.locator(".league thead button").last
    values = """[...document.querySelectorAll('.league tbody tr')]
        .map((row) => row.cells[row.cells.length - 1].dataset.value)"""
    head.click()
    falling = [float(v) for v in page.evaluate(values) if v]
    assert falling == sorted(falling, reverse=True)
    head.click()
    rising = [float(v) for v in page.evaluate(values) if v]
    assert rising == sorted(rising)
    assert page.locator(".league th[aria-sort=ascending]").count() == 1


def test_theme_switches(page: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(colour) == light
    page.click("#theme")
    assert page.evaluate(colour) == dark


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_accessibility(browser: Browser, report: Path, scheme: str, width: int) -> None:
    """axe-core finds nothing serious, and nothing is wider than the window."""
    view = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, report, **view, reduced_motion="reduce") as tab:
        found = Axe().run(tab).response["violations"]
        serious = [
            (v["id"], [node["html"][:120] for node in v["nodes"][:3]])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
