"""The page of the architecture shows the rooms and the routes as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms import picture
from tests.routes import PAGE, listed, routes, walk

TEXT = PAGE.read_text(encoding="utf-8")
ANEW = "; run `python -m tests.routes`, which writes the page anew"


def test_the_picture_shows_all_rooms() -> None:
    assert picture() in TEXT, f"the picture is another now{ANEW}"


@pytest.mark.parametrize("command", routes(TEXT), ids=lambda command: command.split()[0])
def test_a_route_enters_the_files_on_the_page_in_their_order(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERTRAINER_DATA", "")
    found = walk(command, tmp_path)
    assert routes(TEXT)[command] == found, f"the route is now{ANEW}:\n{listed(found)}"


def test_the_page_has_a_route_for_each_thing_that_is_done() -> None:
    assert [command.split()[0] for command in routes(TEXT)] == [
        "score",
        "search",
        "distill",
        "report",
    ]
