"""Headless Chromium for the tests of the page; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE = 120_000  # milliseconds: machines that test are busy
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of the system, without a window."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        pytest.skip("no Chromium: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, page: Path, **settings: object) -> Iterator[Page]:
    """A page from disk, offline; an error in its scripts or a request fails the test."""
    context = browser.new_context(offline=True, **settings)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on("request", lambda asked: requests.append(asked.url))
    requests: list[str] = []
    tab.goto(page.as_uri())
    yield tab
    assert not complaints
    assert [url for url in requests if url.split(":")[0] not in ("file", "data", "blob")] == []
    assert sum(url.startswith("file:") for url in requests) == 1
    context.close()
