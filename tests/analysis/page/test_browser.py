"""The page in a browser: race, play, draw, sort, ask for origins; by keyboard, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from analysis.command import show
from analysis.page.report import write_report
from analysis.results import collect
from reproduce import Candidate, Dataset
from reproduce.known import MNIST_CHECKSUM
from tests.analysis.page.browser import opened

RESULTS = Path(__file__).resolve().parents[3] / "results"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
READ = 100  # of the bundled validation digits: the race is the same, and shorter
BAR = 93.0  # percent of them that the ten synthetic images must teach to read
TRAINING = 300_000  # milliseconds that it may take on a busy machine
POINTS = "(lines) => lines.map((line) => line.getAttribute('points'))"
# Width, height, right end and a name of each that can be seen, else null.
BOXES = """(all) => all.map((one) => {
    const { width, height, right } = one.getBoundingClientRect();
    const seen = one.checkVisibility() && !one.disabled;
    return seen ? [width, height, right, one.outerHTML.slice(0, 90)] : null;
})"""
# Digits as a pen would draw them, in 280 x 280: no person's hand, so what they teach says little.
STROKES = [
    [(140, 50), (90, 90), (85, 170), (120, 230), (170, 220), (195, 150), (185, 80), (140, 50)],
    [(150, 45), (140, 235)],
    [(85, 90), (120, 50), (180, 60), (185, 110), (90, 230), (200, 230)],
    [(90, 60), (170, 55), (185, 95), (130, 135), (190, 170), (170, 225), (90, 225)],
    [(165, 235), (165, 50), (80, 165), (205, 165)],
    [(190, 55), (100, 55), (95, 130), (165, 130), (190, 180), (150, 230), (85, 220)],
    [(170, 50), (105, 120), (95, 200), (145, 235), (185, 195), (150, 150), (100, 180)],
    [(85, 60), (195, 60), (130, 235)],
    [(140, 140), (90, 95), (140, 50), (190, 95), (85, 185), (140, 235), (195, 185), (140, 140)],
    [(185, 100), (140, 140), (95, 100), (140, 55), (185, 95), (175, 235)],
]


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


def test_the_story_is_short(real_page: Page) -> None:
    """At most ten screens and 120 stops of the tab key; targets are large; phones see the menu."""
    page = real_page
    page.wait_for_selector("#lanes li:nth-child(4)")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollHeight") <= 10 * size["height"]
    targets = page.locator("a[href], button, select, input, summary, [tabindex='0']")
    boxes = [box for box in targets.evaluate_all(BOXES) if box]
    assert 20 < len(boxes) <= 120
    assert [box for box in boxes if min(box[:2]) < 24] == []
    page.set_viewport_size(NARROW)
    links = page.locator(".bar a").evaluate_all(BOXES)
    assert all(right <= 390 for _, _, right, _ in links)


def test_race_from_drawings_to_the_shared_picture(real_page: Page, tmp_path: Path) -> None:
    """Ten digits drawn by script from strokes, the guess, the race, the answer, what is saved.

    The guess and the start are by keyboard.
    """
    page = real_page
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("#lanes li:nth-child(4)")
    page.evaluate(
        f"race.then((s) => {{ s.validation.labels = s.validation.labels.slice(0, {READ}); }})"
    )
    draw_and_guess(page)
    page.wait_for_function("byId('answer').textContent", timeout=TRAINING)
    shown = [float(text.split()[0]) for text in page.locator("#lanes .percent").all_inner_texts()]
    own, random, chosen, synthetic = shown
    assert synthetic >= BAR
    assert synthetic > chosen > random
    assert own > 30
    answer = page.inner_text("#answer")
    assert all(f"{percent:.1f}" in answer for percent in shown)
    assert "You guessed “drawn at random”; best was “made by distillation”." in answer
    ends = [points.split()[-1] for points in page.locator("#curve polyline").evaluate_all(POINTS)]
    heights = [100 - 0.9 * percent for percent in shown]
    assert [float(end.split(",")[1]) for end in ends] == pytest.approx(heights)

    draw(page, STROKES[1])
    page.wait_for_function("document.querySelectorAll('.says[data-label]').length === 4")
    assert "reads 1" in page.locator("#lanes .says").last.inner_text()
    assert page.inner_text("#heard").startswith(("All read 1", "They disagree"))
    picture = Image.open(saved(page, "#share", tmp_path))
    assert picture.size == (1200, 630)
    file = saved(page, "#own-file", tmp_path)
    show(file, tmp_path / "drawn.png")
    drawn = Candidate.load(file)
    assert drawn.hard_labels().tolist() == list(range(10))
    assert (drawn.checksum, drawn.label_scale) == (MNIST_CHECKSUM, "class")
    assert drawn.images.max() == 1


def test_other_random_ones_can_be_drawn(real_page: Page) -> None:
    page = real_page
    page.wait_for_selector("#lanes li:nth-child(4)")
    before = page.locator("#lanes li.random canvas").evaluate("canvas => canvas.toDataURL()")
    page.click("#redraw")
    after = page.locator("#lanes li.random canvas").evaluate("canvas => canvas.toDataURL()")
    assert after != before
    drawn_labels = page.evaluate(
        "race.then(({ lanes }) => lanes[1].drawn.map(([, target]) => largestOf(target)))"
    )
    assert drawn_labels == list(range(10))
    assert page.locator("#lanes li.random .percent").inner_text() == "–"


def test_a_change_moves_the_accuracy(real_page: Page, tmp_path: Path) -> None:
    """One image is swapped and all are cut to 0..1; the set is saved as it was and as it is."""
    page = real_page
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    page.click(".play > summary")
    whole = saved(page, "#set-file", tmp_path)
    assert (
        whole.read_bytes()
        == (RESULTS / "sets" / "distilled-ipc1-upright-adam-wide.npz").read_bytes()
    )
    page.locator("#others label").first.click()
    page.click("#swap")
    page.check("#switches input[value=cut]")
    page.click("#teach")
    page.wait_for_function("byId('played').dataset.after", timeout=TRAINING)
    before, after = (float(page.get_attribute("#played", f"data-{k}")) for k in ("before", "after"))
    assert before >= BAR
    assert after < before - 20
    changed, given = Candidate.load(saved(page, "#set-file", tmp_path)), Candidate.load(whole)
    assert changed.images.min() >= 0
    assert changed.images[1:] == pytest.approx(given.images[1:].clip(0, 1), abs=0.03)
    assert np.abs(changed.images[0] - given.images[0].clip(0, 1)).max() > 0.5
    assert changed.labels == pytest.approx(given.labels, abs=1e-4)
    assert Image.open(saved(page, "#set-picture", tmp_path)).width == 8 * (290 - 1)


def draw_and_guess(page: Page) -> None:
    """Draw ten digits, guess that the random ones teach best, and start the race."""
    for label in range(10):
        assert page.inner_text("#wanted") == str(label)
        draw(page, STROKES[label])
        page.click("#keep")
    page.click("#start")
    assert "Guess first" in page.inner_text("#state")
    for at, key in (("#guess-1", " "), ("#start", "Enter")):
        page.focus(at)
        page.keyboard.press(key)


def saved(page: Page, button: str, folder: Path) -> Path:
    """What a button saves."""
    with page.expect_download() as got:
        page.click(button)
    path = folder / got.value.suggested_filename
    got.value.save_as(path)
    return path


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    at = [
        (box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def test_keyboard_draws(page: Page) -> None:
    page.wait_for_selector("#own button")
    lanes = page.locator("#lanes label").all_inner_texts()
    assert [lane.strip() for lane in lanes] == ["Yours", "Drawn at random", "Made by distillation"]
    page.focus("#canvas")
    for key in [" ", *["ArrowDown"] * 12, " "]:
        page.keyboard.press(key)
    look = "[...byId('canvas').getContext('2d').getImageData(140, 100, 1, 1).data]"
    ink = page.evaluate(look)[0]
    assert ink == 255
    assert page.inner_text("#state") == "The pen is up."
    page.keyboard.press("Enter")
    kept = "document.querySelector('#own canvas').getContext('2d').getImageData(0, 0, 28, 28)"
    assert max(page.evaluate(f"[...{kept}.data]")[::4]) > 200
    assert page.inner_text("#wanted") == "1"


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
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#origin .command button")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#origin .command code").first.inner_text()
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


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_accessibility(browser: Browser, report: Path, scheme: str, size: dict[str, int]) -> None:
    """axe-core finds nothing, also in what is folded, and nothing is wider than the window."""
    view = {"viewport": size, "color_scheme": scheme}
    with opened(browser, report, **view, reduced_motion="reduce") as tab:
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = Axe().run(tab).response["violations"]
        assert [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
