"""`score --panel`: one table over several protocols, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, protocols
from reproduce.records import Record
from reproduce.scoring.learners import Replicate, Where
from reproduce.scoring.network import Network
from reproduce.summary import panel_table
from reproduce.training import evaluation
from tests.conftest import Call, Refusal


@pytest.fixture
def folder(tmp_path: Path, ten: Candidate) -> Path:
    ten.save(tmp_path / "ten.npz")
    replace(ten, images=1 - ten.images, indices=None, name="dark").save(tmp_path / "dark.npz")
    return tmp_path


def test_a_panel_is_one_table_and_its_records_are_kept(folder: Path, call: Call) -> None:
    asked = "score ten.npz dark.npz --panel knn,svm-rbf,knn --seeds 3"
    code, out, _ = call(asked, folder)
    assert code == 0
    rows = [line for line in out.splitlines() if "│" in line]
    assert [row.split()[1] for row in rows] == ["knn", "svm-rbf", "mean", "weakest"]
    assert "dark" in out
    kept = (folder / "runs" / "records.jsonl").read_text().splitlines()
    assert len(kept) == 4  # neither learner is random, so each scores each set once
    code, out, _ = call(f"{asked} --json", folder)
    assert [json.loads(line)["accuracy"] for line in kept] == [
        r["accuracy"] for r in json.loads(out)
    ]
    assert (folder / "runs" / "records.jsonl").read_text().splitlines() == kept


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--panel knn --protocol conv", "--panel or --protocol, not both"),
        ("--large-seeds 2", "--large-seeds is for a panel"),
        ("--panel standart", "unknown protocol 'standart'"),
        ("--panel knn,", "unknown protocol ''"),
        ("--panel ", "unknown protocol ''"),
        ("--panel knn --protocol ", "--panel or --protocol, not both"),
        ("--panel conv,knn --epochs 2", "knn trains no network"),
    ],
)
def test_what_a_panel_refuses(folder: Path, refusal: Refusal, options: str, told: str) -> None:
    assert told in refusal(f"score ten.npz {options}", folder)
    assert not (folder / "runs").exists()


def test_large_networks_have_seeds_of_their_own(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}

    def scored(self: Oracle, candidates, protocol, seeds, *_: object, **__: object) -> list[Record]:
        asked[protocol] = len(seeds)
        return self.score_many.original(self, candidates, "knn", [0])  # type: ignore[attr-defined]

    scored.original = Oracle.score_many  # type: ignore[attr-defined]
    monkeypatch.setattr(Oracle, "score_many", scored)
    for options, large in (("--seeds 20", 5), ("--seeds 3", 3), ("--seeds 3 --large-seeds 7", 7)):
        assert call(f"score ten.npz --panel standard {options}", folder)[0] == 0
        assert set(asked) == set(protocols.PANEL)
        assert {asked[name] for name in protocols.LARGE} == {large}
        assert asked["conv"] == asked["resnet-small"] == int(options.split()[1])


def test_the_table_names_the_weakest_learner_and_no_mean_of_a_part() -> None:
    def record(name: str, protocol: str, seed: int, accuracy: float) -> Record:
        common = {"method": "m", "split": "validation", "chosen_on": None}
        found = {"candidate": name, "name": name, "protocol": protocol, "seed": seed}
        return {**common, **found, "accuracy": accuracy}

    records = [record("a", "conv", 0, 80.0), record("a", "conv", 1, 90.0)]
    records += [record("a", "knn", 0, 60.0), record("b", "conv", 0, 70.0)]
    table = panel_table(records, "t")
    assert list(table.head) == ["set", "conv", "knn", "mean", "weakest"]
    assert [list(map(str, row)) for row in table.rows] == [
        ["a", "85.00 ± 5.00", "60.00", "72.50", "knn 60.00"],
        ["b", "70.00", "", "", ""],
    ]
    turned = table.turned()
    assert list(turned.head) == ["set", "a", "b"]
    assert [str(row[0]) for row in turned.rows] == ["conv", "knn", "mean", "weakest"]
    chosen = panel_table([{**record("a", "knn", 0, 60.0), "chosen_on": "validation-a"}])
    assert chosen.rows[0][0] == "a (chosen on these images)"


def test_the_panel_names_protocols_and_their_learners(ten: Candidate) -> None:
    assert set(protocols.PANEL) < set(protocols.names())
    field = protocols.recipe("convnet", ten)
    assert field is not None
    for name in protocols.PANEL[8:]:
        recipe = protocols.recipe(name, ten)
        assert recipe is not None
        same = {"model": "convnet", "width": 128, "depth": 3, "norm": "instance"}
        assert replace(recipe, **same) == field  # type: ignore[arg-type]


def test_batch_norm_answers_by_running_means_of_its_training(
    digits: Dataset, ten: Candidate
) -> None:
    """It answers alone as in a batch, and classifies what it was trained on."""
    learner = protocols.learner("resnet-small-bn", ten).reduced(Fidelity(epochs=80))
    assert isinstance(learner, Network)
    model = learner.trained([Replicate(ten, learner, 0)], Where())
    alone, together = (
        evaluation.probabilities(model, learner.recipe, images)[0]
        for images in (ten.images[:1], ten.images)
    )
    assert alone[0] == pytest.approx(together[0], abs=1e-4)
    assert (together.argmax(-1) == ten.labels).all()
    seen = digits.validation
    right = evaluation.predict(model, learner.recipe, seen.images)[0] == seen.labels
    assert right.mean() > 0.25
