"""Persistent keys never change: records and files on disk are found by them."""

from reproduce.support.keys import key


def test_keys_are_those_of_today() -> None:
    assert key("learner/1", "{}")[:16] == "5470c5ffae961caf"
    assert key("stack/1", ["a", 1, None, 0.5])[:16] == "8ce159ab35bab495"


def test_keys_tell_kinds_versions_and_parts_apart() -> None:
    values = [("a/1",), ("a/2",), ("a/1", "b"), ("a/1", "b", "c"), ("a/1", ["b", "c"]), ("a/1", 1)]
    assert len({key(*parts) for parts in values}) == len(values)
