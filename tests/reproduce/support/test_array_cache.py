"""Arrays kept on disk: verified, and computed again where what is kept was changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from reproduce.support import array_cache

ARRAY = np.arange(24, dtype=np.float32).reshape(4, 6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    kept = tmp_path / "folder" / "array.npy"
    array_cache.write(kept, ARRAY)
    return kept


def test_what_was_written_is_read(path: Path) -> None:
    found = array_cache.read(path)
    assert found is not None
    assert found.dtype == ARRAY.dtype
    assert (found == ARRAY).all()
    assert (np.load(path) == ARRAY).all()  # a `.npy` file for all others


def test_c19_g3_every_changed_byte_and_every_cut_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert array_cache.read(path) is None
        path.write_bytes(whole[:at])
        assert array_cache.read(path) is None
    path.write_bytes(whole + b"\0")
    assert array_cache.read(path) is None


def test_c19_g3_missing_and_damaged_arrays_are_made_and_kept(path: Path) -> None:
    other = path.with_name("other.npy")
    path.write_bytes(path.read_bytes()[:-40])
    made: list[list[int]] = []

    def make(missing: list[int]) -> list[np.ndarray]:
        made.append(missing)
        return [ARRAY + number for number in missing]

    array_cache.write(other, ARRAY)
    for _ in range(2):
        found = array_cache.stored([other, path], make)
        assert (found[0] == ARRAY).all()
        assert (found[1] == ARRAY + 1).all()
    assert made == [[1]]


def test_a_place_depends_on_every_part(tmp_path: Path) -> None:
    parts = [("a", 1), ("a", 2), ("b", 1), ("a", ARRAY), ("a", ARRAY + 1), ("a", ARRAY[:, :5])]
    places = {array_cache.place(tmp_path, *part) for part in [*parts, ("a", ARRAY.reshape(6, 4))]}
    assert len(places) == 7
    assert array_cache.place(tmp_path, "a", ARRAY.copy()) in places


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_c19_h_a_pipe_in_place_of_an_array_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "array.npy")
    assert array_cache.read(tmp_path / "array.npy") is None


def test_missing_arrays_are_none(tmp_path: Path) -> None:
    assert array_cache.read(tmp_path / "array.npy") is None
