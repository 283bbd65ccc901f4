"""Names are checked where they enter, and do nothing where they are shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Dataset, UserError
from reproduce.support.text import NAME, brief, checked, printable
from tests.mutation import JSON_VALUES, refused_or

GOOD = ["ten", "Ziffern ±2", "数字", "می‌خواهم", "a b", "[bold]", "$x^{$", ":smile:", "x" * NAME]
BAD = [None, 1, b"x", [], "", "x" * (NAME + 1), "a\nb", "\x1b[31m", "\x00", "\ud800", "\u202eabc"]


@pytest.mark.parametrize("name", GOOD)
def test_names_of_all_languages_are_taken(name: str) -> None:
    assert checked(name, "name") == printable(name) == name


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_names_that_cannot_be_shown_are_refused_in_one_line(name: object) -> None:
    assert refused_or(lambda: checked(name, "name")) is None


@given(st.text() | JSON_VALUES)
def test_what_is_shown_is_printable(value: object) -> None:
    for shown in (printable(str(value)), brief(value)):
        assert checked(shown, "shown", most=10**6, least=0) == shown
        shown.encode()
    assert len(brief(value)) < 500


def test_numbers_of_any_length_can_be_quoted() -> None:
    assert len(brief(10**6000)) < 100
    with pytest.raises(UserError, match="must be a text"):
        checked(10**6000, "name")


@pytest.mark.parametrize("name", ["a\x1b[31m", "\ud800", "a\nb", 5, ""], ids=ascii)
def test_datasets_have_names_that_can_be_shown(digits: Dataset, name: object) -> None:
    with pytest.raises(UserError, match="dataset: name"):
        replace(digits, name=name)
    with pytest.raises(UserError, match="class names"):
        replace(digits, classes=("a", name))
