"""What is measured of a candidate: against the oracle, and against what must hold."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.measure import measures, variants
from analysis.measure.effects import lost_without, paired_change, without_one
from analysis.results import collect
from reproduce import Candidate, Dataset, Oracle
from reproduce.essay.draws import real_candidate
from reproduce.predictions import learning_curve, predictions


@pytest.fixture
def oracle(digits: Dataset) -> Oracle:
    return Oracle(digits, workers=1)


def test_predictions_are_what_the_oracle_counts(
    digits: Dataset, oracle: Oracle, made: Candidate
) -> None:
    scored = digits.split(measures.SPLIT)
    for protocol in ("own", "tree"):
        said = predictions(made, protocol, [0, 1], scored.images)
        ours = [100 * np.mean(row == scored.labels) for row in said]
        assert ours == pytest.approx(measures.accuracies(oracle, made, protocol, [0, 1]))


def test_learning_ends_where_the_oracle_scores(
    digits: Dataset, oracle: Oracle, made: Candidate
) -> None:
    scored = digits.split(measures.SPLIT)
    curve = learning_curve(made, "own", [0, 1], scored, points=5)
    steps = [step for step, _ in curve]
    assert steps[0] == 0
    assert steps[-1] == 12
    assert steps == sorted(steps)
    assert curve[-1][1] == pytest.approx(measures.accuracies(oracle, made, "own", [0, 1]))
    assert np.mean(curve[-1][1]) > 2 * np.mean(curve[0][1])
    assert learning_curve(made, "tree", [0], scored) == []


def test_leaving_one_out_leaves_one_out(oracle: Oracle, made: Candidate) -> None:
    seeds = list(range(12))  # one network or two may fail to learn
    parts = measures.leave_one_out(oracle, made, "own", seeds)
    assert len(parts) == 10
    assert parts[3] == measures.accuracies(oracle, variants.without(made, 3), "own", seeds)
    whole = measures.accuracies(oracle, made, "own", seeds)
    analysis = {"accuracies": whole, "leave_one_out": parts}
    lost = lost_without(analysis)
    assert np.mean([loss.mean for loss in lost]) > 4  # about its class's tenth
    average = without_one(analysis)
    assert (average.n, average.mean) == (12, pytest.approx(-np.mean([loss.mean for loss in lost])))


def test_changes_change_what_they_say(made: Candidate) -> None:
    assert made.recipe
    found = {(c.kind, c.amount): c.variants for c in variants.changes(made, made.recipe, [0, 1])}
    (rounded,) = found["rounded", None]
    assert 0 < np.abs(rounded.images - made.images).max() <= np.ptp(made.images) / 255 / 2 + 1e-6
    (clipped,) = found["clipped", None]
    assert clipped.images.min() == 0
    assert np.allclose(clipped.images * 255, np.rint(clipped.images * 255), atol=1e-4)
    for variant in found["order", None]:
        assert sorted(map(bytes, variant.images)) == sorted(map(bytes, made.images))
        assert (variant.labels.argmax(1) != made.labels.argmax(1)).any()
    assert found["batches", 5][0].recipe.batch == 5
    noise = [found["noise", sd][0].images - made.images for sd in (0.1, 0.2)]
    assert noise[0].std() == pytest.approx(0.1, rel=0.05)
    assert noise[1] == pytest.approx(2 * noise[0], abs=1e-5)


def test_sensitivity_scores_each_change_under_every_seed(folder: Path) -> None:
    analysis = next(a for a in collect([folder]).analyses.values() if a["protocol"] == "own")
    found = {(c["kind"], c["amount"]): c for c in analysis["sensitivity"]}
    assert [amount for kind, amount in found if kind == "noise"] == list(variants.NOISE)
    assert all(len(change["accuracies"]) == 2 for change in found.values())
    assert found["noise", 0.4]["accuracies"] != analysis["accuracies"]
    whole, changed = analysis["accuracies"], found["noise", 0.4]
    mean = np.mean(changed["accuracies"]) - np.mean(whole)
    assert paired_change(analysis, changed).mean == pytest.approx(mean)


def test_real_images_are_their_own_neighbours(digits: Dataset, ten: Candidate) -> None:
    found = measures.neighbours(digits, ten)
    assert [n["index"] for n in found["nearest"]] == ten.indices.tolist()
    assert max(n["distance"] for n in found["nearest"]) < 0.02
    bytes_ = base64.b64decode(found["nearest"][0]["pixels"])
    assert list(bytes_) == np.rint(255 * ten.images[0]).ravel().tolist()
    assert found["usual"] > 1


def test_extremity_is_an_even_share_for_the_whole_class(digits: Dataset, made: Candidate) -> None:
    threes = np.flatnonzero(digits.train.labels == 3)[:60]
    found = measures.neighbours(digits, real_candidate(digits, threes, name="3", method="t"))
    assert 0.35 < np.mean(found["extremity"]) < 0.65
    means = replace(made, images=(made.images + 0.1) / 1.3)
    assert measures.neighbours(digits, means)["extremity"] == [0] * 10


def test_lessons_count_every_digit(digits: Dataset, made: Candidate) -> None:
    found = measures.lessons(Oracle(digits, workers=1), made, "own", [0, 1, 2])
    scored = digits.split(measures.SPLIT)
    confusion = np.array(found["confusion"])
    assert confusion.sum(1).tolist() == (3 * np.bincount(scored.labels)).tolist()
    worst = found["confused"][0]
    assert worst["wrong"] == 1
    assert worst["said"] != worst["label"] == scored.labels[worst["index"]]


def test_random_sets_are_drawn_anew_for_each_number(digits: Dataset) -> None:
    sets = [measures.random_set(digits, 2, number) for number in (0, 0, 1)]
    assert sets[0].hash == sets[1].hash != sets[2].hash
    assert np.bincount(sets[0].labels).tolist() == [2] * 10


def test_analyses_are_plain_json_with_their_origin(folder: Path) -> None:
    for path in (folder / "analysis").glob("*.json"):
        content = json.loads(path.read_text())
        if "protocol" in content:
            assert {"command", "commit", "seeds", "split", "versions"} <= content.keys()
