"""Sets for several learners: who is on the panel, whose turn it is, and what comes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from distill import DistillConfig, Distiller
from distill.methods import find
from distill.methods.dc import GradientMatching
from distill.methods.mixed import Beginning
from distill.methods.unroll import Unroll
from distill.objectives.networks import learning_steps
from distill.objectives.surrogate import SurrogateObjective
from distill.panel import turns
from distill.validation import merit
from reproduce import Candidate, Dataset, Oracle, Recipe, UserError, protocols

FOR = ("conv", "knn", "svm-rbf")
PANEL = DistillConfig(
    method="unroll", protocols=FOR, steps=9, window=3, batch=20, pool=2, image_lr=0.05, checks=3
)


def ended(distiller: Distiller, checkpoint: Path | None = None) -> Distiller:
    for _ in distiller.run(checkpoint, every=1):
        pass
    return distiller


@pytest.mark.usefixtures("short_trainings")
def test_a_set_for_a_panel_teaches_all_of_it(digits: Dataset) -> None:
    config = replace(PANEL, steps=40, batch=100, bounded=True, faint=0.2, start="mean", ema=0.5)
    distiller = ended(Distiller(digits, config))
    kinds = [type(objective) for objective in distiller.objectives]
    assert kinds == [Unroll, SurrogateObjective, SurrogateObjective]
    assert None not in distiller.progress.losses  # each had a turn
    assert [len(entry["accuracies"]) for entry in distiller.progress.history] == [3, 3, 3]
    found = distiller.candidate()
    assert found.label_scale == "class"
    assert found.recipe is None
    assert found.method == "distill unroll for conv,knn,svm-rbf"
    assert found.made_for == FOR
    assert ((found.images == 0) | (found.images >= 0.2)).all()
    assert found.images.max() <= 1
    begun = Distiller(digits, config).candidate()
    for name in ("knn", "svm-rbf"):
        before, after = (
            Oracle(digits, workers=1).score(one, name, [0])[0]["accuracy"] for one in (begun, found)
        )
        assert after > before


@pytest.mark.usefixtures("short_trainings")
def test_a_panel_resumes_to_the_same_bits(digits: Dataset, tmp_path: Path) -> None:
    whole = ended(Distiller(digits, PANEL))
    for state in Distiller(digits, PANEL).run(tmp_path / "c", every=1):
        if state.progress.turn == 5:
            break
    resumed = ended(Distiller(digits, PANEL), tmp_path / "c")
    for mine, other in zip(
        resumed.synthetic.parameters(), whole.synthetic.parameters(), strict=True
    ):
        assert torch.equal(mine, other)
    assert resumed.progress.history[-1]["accuracies"] == whole.progress.history[-1]["accuracies"]


def test_the_weakest_learner_gets_most_turns_unless_the_user_says_otherwise() -> None:
    assert turns(PANEL, [], 3).tolist() == pytest.approx([1 / 3] * 3)
    shares = turns(PANEL, [90.0, 70.0, 100.0], 3)
    assert shares.argmax() == 1
    assert shares.argmin() == 2
    assert shares.min() > 0
    assert turns(replace(PANEL, weights=(1, 2, 1)), [90.0, 0.0, 90.0], 3).tolist() == [
        0.25,
        0.5,
        0.25,
    ]
    assert merit([90.0, 70.0]) == 75


def test_mixed_has_an_objective_for_each_kind_of_network(digits: Dataset) -> None:
    named = ("conv", "resnet-small", "mlp-dc", "knn")
    config = replace(PANEL, method="mixed", protocols=named, window=2, batch=20)
    stage, members = find("mixed").stages[0], Distiller(digits, config).panel
    kinds = [stage.kind(member) for member in members]
    assert kinds == [Unroll, GradientMatching, Beginning, SurrogateObjective]


def test_what_learns_nothing_more_is_not_unrolled(ten: Candidate) -> None:
    """The essay's rate falls fast: 98 % of all rates are spent after a third of the steps."""
    recipe = protocols.recipe("conv", ten)
    assert recipe
    assert learning_steps(recipe, 10) == 176
    assert learning_steps(Recipe(model="mlp", epochs=100, lr=0.1), 10) == 98


def test_a_set_for_one_protocol_and_a_recipe_of_its_own_carries_the_recipe(
    digits: Dataset,
) -> None:
    config = replace(
        PANEL, method="krr", protocols=("ridge", "knn"), window=None, width=4, depth=2, steps=4
    )
    distiller = Distiller(digits, replace(config, inner_steps=4))
    assert distiller.candidate().recipe is not None
    assert distiller.candidate().made_for == ("own", "knn")
    assert np.isfinite(ended(distiller).candidate().images).all()


def test_the_recipe_of_the_set_to_start_from_is_a_learner(digits: Dataset, tmp_path: Path) -> None:
    config = replace(PANEL, method="krr", protocols=None, window=None, steps=2, width=4, depth=2)
    first = ended(Distiller(digits, replace(config, inner_steps=4))).candidate()
    path = str(first.save(tmp_path / "first.npz"))
    again = DistillConfig(method="unroll", protocols=("own",), start=path, steps=2, batch=20)
    found = ended(Distiller(digits, again)).candidate()
    assert found.recipe == first.recipe
    assert found != first
    for given in ({"widen": 2}, {"inner_steps": 3}, {"known_init": 1}):
        with pytest.raises(UserError, match="for recipes that a set carries"):
            Distiller(digits, replace(again, **given))
