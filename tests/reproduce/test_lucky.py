"""Which scores of a set are lucky ones."""

import pytest

from reproduce.summary import is_lucky

LUCKY = {
    "validation": {"validation", "validation-a", "validation-b"},
    "validation-a": {"validation", "validation-a"},
    "validation-b": {"validation", "validation-b"},
    "train": {"train"},
    None: set(),
}


@pytest.mark.parametrize(("chosen_on", "lucky"), LUCKY.items())
def test_scores_on_images_that_chose_a_set_are_lucky(chosen_on: str | None, lucky: set) -> None:
    splits = {"train", "validation", "validation-a", "validation-b", "test"}
    found = {split for split in splits if is_lucky({"split": split, "chosen_on": chosen_on})}
    assert found == lucky
