"""Names are checked where they enter, and do nothing where they are shown."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Dataset, UserError
from reproduce.support.text import (
    LONGEST,
    NAME,
    brief,
    checked,
    checked_name,
    printable,
    safe_name,
)
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


BAD = ["", ".", "..", "../up", "a/b", "/abs", "a\\b", "\x1b[2Jx", "a\0b", "NUL", "con.txt", "a.",
       ".hidden", "x" * 300, "\ud800", "C:a", "a\nb", " ", "\u202ex"]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError) as caught:
        checked_name(name)
    message = str(caught.value)
    assert "--name" in message
    assert message.isascii()
    assert message.isprintable()


@pytest.mark.parametrize("name", ["s1", "searched-ipc10", "nearest mean", "Größe 2,5", "a+b=c"])
def test_good_names_stay(name: str) -> None:
    assert checked_name(name) == safe_name(name) == name


@given(name=st.text() | st.sampled_from(BAD))
def test_any_text_gives_a_file_in_the_folder(name: str) -> None:
    made = safe_name(name)
    folder = Path("/a/folder").resolve()
    assert (folder / f"{made}.npz").resolve().parent == folder
    assert made
    assert made.isprintable()
    assert len(made.encode()) <= LONGEST
    assert not set(made) & set('/\\:*?"<>|\0')
    assert safe_name(made) == made


def test_names_that_differ_stay_apart() -> None:
    assert len({safe_name(name) for name in ("a/b", "a:b", "a_b", "../a_b")}) == 4
