"""C19d: a name that becomes a path never leaves the folder that the user gave."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import UserError
from reproduce.support.names import LONGEST, checked_name, safe_name

BAD = ["", ".", "..", "../up", "a/b", "/abs", "a\\b", "\x1b[2Jx", "a\0b", "NUL", "con.txt", "a.",
       ".hidden", "x" * 300, "\ud800", "C:a", "a\nb", " ", "\u202ex"]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_19d_bad_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError) as caught:
        checked_name(name)
    message = str(caught.value)
    assert "--name" in message
    assert message.isascii()
    assert message.isprintable()


@pytest.mark.parametrize("name", ["s1", "searched-ipc10", "nearest mean", "Größe 2,5", "a+b=c"])
def test_19d_good_names_stay(name: str) -> None:
    assert checked_name(name) == safe_name(name) == name


@given(name=st.text() | st.sampled_from(BAD))
def test_19d_any_text_gives_a_file_in_the_folder(name: str) -> None:
    made = safe_name(name)
    folder = Path("/a/folder").resolve()
    assert (folder / f"{made}.npz").resolve().parent == folder
    assert made
    assert made.isprintable()
    assert len(made.encode()) <= LONGEST
    assert not set(made) & set('/\\:*?"<>|\0')
    assert safe_name(made) == made


def test_19d_names_that_differ_stay_apart() -> None:
    assert len({safe_name(name) for name in ("a/b", "a:b", "a_b", "../a_b")}) == 4
