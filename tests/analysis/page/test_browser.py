"""The page in a browser: teach, draw, sort, ask for origins; with a keyboard, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from analysis.page.report import write_report
from analysis.results import collect
from reproduce import Dataset
from tests.analysis.page.browser import opened

RESULTS = Path(__file__).resolve().parents[3] / "results"
BAR = 75.0  # percent of the bundled validation digits that the headline's set must teach to read
TRAINING = 120_000  # milliseconds that it may take on a busy machine


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    with opened(browser, report, reduced_motion="reduce") as tab:
        yield tab


@pytest.fixture(scope="module")
def real_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of the tracked results, which hold MNIST's digits for it."""
    out = write_report(tmp_path_factory.mktemp("real"), collect([RESULTS]))
    with opened(browser, out, reduced_motion="reduce") as tab:
        yield tab


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
    page.wait_for_function("byId('said').dataset.label")
    assert page.inner_text("#said") == "I see: 1."
    page.click("#clear")
    circle = [(140 + 60 * np.sin(a), 140 - 90 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 24)]
    draw(page, circle)
    page.wait_for_function("byId('said').dataset.label")
    assert page.inner_text("#said") == "I see: 0."
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
    # A quarter of a second later the page reads what was drawn, which slow machines see first.
    assert page.inner_text("#said") in ("The pen is up.", "Train a network first.")
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


def test_numbers_show_their_origin(page: Page) -> None:
    page.click("#leaderboard > summary")
    page.locator("#leaderboard .num").first.click()
    shown = page.inner_text("#origin")
    for word in ("Seeds", "Command", "This number again", "Scored on", "validation-b"):
        assert word in shown
    page.keyboard.press("Escape")
    assert not page.locator("#origin").is_visible()


def test_figures_show_their_origin_by_mouse_and_keyboard(page: Page) -> None:
    page.click("#learning > summary")
    figure = page.locator("figure[id^=confusion]").first
    figure.locator(".plot").click()
    assert "Command" in page.inner_text("#origin")
    page.keyboard.press("Escape")
    figure.get_by_role("button", name="Where from").focus()
    page.keyboard.press("Enter")
    assert page.locator("#origin").is_visible()
    page.keyboard.press("Escape")


def test_headings_sort(page: Page) -> None:
    page.click("#leaderboard > summary")
    head = page.locator(".leaderboard thead button").last
    values = """[...document.querySelectorAll('.leaderboard tbody tr')]
        .map((row) => row.cells[row.cells.length - 1].dataset.value)"""
    head.click()
    falling = [float(v) for v in page.evaluate(values) if v]
    assert falling == sorted(falling, reverse=True)
    head.click()
    rising = [float(v) for v in page.evaluate(values) if v]
    assert rising == sorted(rising)
    assert page.locator(".leaderboard th[aria-sort=ascending]").count() == 1


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
    """axe-core finds nothing, also in what is folded, and nothing is wider than the window."""
    view = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, report, **view, reduced_motion="reduce") as tab:
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = Axe().run(tab).response["violations"]
        assert [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
