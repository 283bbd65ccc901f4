"""Every field of a recipe and of a distortion has a rule, and keeps to it."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Recipe, UserError
from reproduce.images.distortion import Distortion
from reproduce.support.schema import SEEDS, Choice, Flag, Number, Several, Whole, Words
from tests.mutation import JSON_VALUES, altered, refused_or

FULL = Recipe(
    model="convnet",
    schedule="list",
    learning_rates=(0.1, 0.2, 0.3),
    epochs=3,
    augment="distort",
    distortion=Distortion(rotate=10, policy="trivial"),
    widths=(4, 8),
    depth=2,
    loss="mse",
    ridge=1e-3,
    known_init=3,
)


@pytest.mark.parametrize("kind", [Recipe, Distortion])
def test_every_field_has_a_rule(kind: type) -> None:
    assert all("rule" in field.metadata for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            Number(0, 1),
            [0, 1, 0.5, np.float32(0.5)],
            [-1e-9, 2, math.nan, True, "1", None, [1], 1j],
        ),
        (Number(0, 1, above=True), [1e-300, 1], [0, 0.0, -0.0, math.inf]),
        (Whole(1, 9), [1, 9, np.int64(3)], [0, 10, 1.0, True, np.True_, "3", 10**400, math.nan]),
        (Flag(), [True, False, np.True_], [0, 1, "yes", None, 1.5]),
        (Choice(("a", "")), ["a", ""], ["b", None, [], {}, 1]),
        (Words(3), ["abc"], ["", "abcd", b"abc", "a\x1b", "\ud800", None]),
        (Several(Whole(0, 9), 3), [[], (1, 2), range(3), np.arange(3)], [3, "12", [10], range(4)]),
        (
            SEEDS,
            [range(3)],
            [[-1], [2**32], [0.5], [True], range(2**70), np.zeros((2, 2), int), {}],
        ),
    ],
)
def test_rules_take_what_they_say_and_no_more(rule: Any, good: list, bad: list) -> None:
    for value in good:
        json.dumps(rule.check(value, "field"))
    for value in bad:
        with pytest.raises(UserError, match=r"^field"):
            rule.check(value, "field")


@pytest.mark.fuzz
@given(st.sampled_from(dataclasses.fields(Recipe) + dataclasses.fields(Distortion)), JSON_VALUES)
def test_no_field_takes_a_value_of_another_kind(field: Any, value: Any) -> None:
    kind = Recipe if field in dataclasses.fields(Recipe) else Distortion
    made = refused_or(lambda: kind(**{field.name: value}))
    if made:
        kept = getattr(made, field.name)
        assert not isinstance(kept, bool) or field.type == "bool"
        assert not isinstance(kept, float) or math.isfinite(kept)


@pytest.mark.fuzz
@given(altered(FULL.to_dict()))
def test_an_altered_recipe_is_refused_or_another_one(values: Any) -> None:
    read = refused_or(lambda: Recipe.from_dict(values))
    if read is not None:
        assert Recipe.from_dict(json.loads(json.dumps(read.to_dict()))) == read


@pytest.mark.parametrize("values", [[], "conv", 3, True, {"a": 1}, {"distortion": [1]}])
def test_what_is_no_recipe_is_refused(values: Any) -> None:
    with pytest.raises(UserError, match=r"recipe|distortion"):
        Recipe.from_dict(values)


def test_keys_keep_numbers_as_they_are_written() -> None:
    """Numbers stay as they are written: a key, and so a hash, tells 1 from 1.0."""
    assert Recipe(lr=1).key() == '{"lr": 1}'
    assert Recipe(lr=np.float64(0.2), epochs=np.int64(2)).key() == '{"epochs": 2, "lr": 0.2}'
