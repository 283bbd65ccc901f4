"""The oracle: every protocol, records kept, nothing computed twice, the test split logged."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, Recipe, UserError, load, protocols
from reproduce.data import ImageSet
from reproduce.essay import draws
from reproduce.oracle import TEST_LOG
from reproduce.records import is_full
from reproduce.scoring import stacks, worker
from reproduce.scoring.learners import Answer, judged
from reproduce.scoring.network import Network
from reproduce.summary import score_table
from reproduce.training import evaluation, resume

QUICK = Fidelity(images=100, epochs=3)
FIELDS = {"candidate", "name", "dataset", "ipc", "draw", "protocol", "split", "seed", "accuracy"}
FIELDS |= {"seconds", "device", "versions", "commit", "command", "images", "epochs", "plan"}


@pytest.fixture
def own(ten: Candidate) -> Candidate:
    return replace(
        ten,
        indices=None,
        recipe=Recipe(model="convnet", width=8, epochs=3, lr=0.1),
        label_scale="probability",
        labels=0.9 * np.eye(10)[ten.labels] + 0.01,
    )


@pytest.mark.parametrize("protocol", [n for n in protocols.names() if n != "own"])
def test_every_protocol_scores_hard_and_soft_labels(
    digits: Dataset, ten: Candidate, own: Candidate, protocol: str
) -> None:
    for candidate in (ten, own):
        records = Oracle(digits, workers=1).score(candidate, protocol, [0], fidelity=QUICK)
        assert len(records) == 1
        assert set(records[0]) >= FIELDS
        assert 0 <= records[0]["accuracy"] <= 100
        json.dumps(records)


def test_own_recipe_is_replayed(digits: Dataset, ten: Candidate, own: Candidate) -> None:
    oracle = Oracle(digits, workers=1)
    learned = oracle.score(replace(own, recipe=replace(own.recipe, epochs=60)), "own", [0])
    assert learned[0]["accuracy"] > 40
    with pytest.raises(UserError, match="no recipe"):
        oracle.score(ten, "own", [0])


def test_protocols_learn(digits: Dataset) -> None:
    """Fifty digits teach every quick protocol far more than chance."""
    fifty = draws.rmnist(digits, 5)
    for protocol in ("svm-rbf", "svm-linear", "knn", "forest", "mlp"):
        assert Oracle(digits, workers=1).score(fifty, protocol, [0])[0]["accuracy"] > 70
    short = Fidelity(epochs=60)
    record = Oracle(digits, workers=1).score(fifty, "conv", [0], fidelity=short)[0]
    assert record["accuracy"] > 70


def test_scores_on_record_are_not_computed_again(
    digits: Dataset, ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.jsonl"
    first = Oracle(digits, path, workers=1).score(ten, "conv", [0, 1], fidelity=QUICK)
    assert len(path.read_text().splitlines()) == 2
    with monkeypatch.context() as patched:
        patched.setattr("reproduce.scoring.worker.answers", None)
        assert Oracle(digits, path, workers=1).score(ten, "conv", [0, 1], fidelity=QUICK) == first
    oracle = Oracle(digits, path, workers=1)
    oracle.score(ten, "conv", [0, 1, 2], fidelity=QUICK)
    assert len(path.read_text().splitlines()) == 3
    again = oracle.score(ten, "conv", [0], fidelity=QUICK, again=True)
    assert len(path.read_text().splitlines()) == 4
    assert again[0]["accuracy"] == first[0]["accuracy"]


def test_fidelities_never_answer_for_each_other(digits: Dataset, ten: Candidate) -> None:
    oracle = Oracle(digits, workers=1)
    seen = {
        (record["images"], record.get("part"), record["epochs"], record["plan"])
        for fidelity in (
            QUICK,
            Fidelity(epochs=3),
            Fidelity(images=100, epochs=4),
            Fidelity(images=100, epochs=3, part=1),
        )
        for record in oracle.score(ten, "conv", [0], fidelity=fidelity)
    }
    assert len(seen) == 4


def test_a_cheap_version_trains_fewer_and_smaller_networks(
    digits: Dataset, ten: Candidate, tmp_path: Path
) -> None:
    cheap = Fidelity(images=50, epochs=2, members=1, width=8)
    oracle = Oracle(digits, tmp_path / "r.jsonl", workers=1)
    (record,) = oracle.score(ten, "best", [0], fidelity=cheap)
    assert (record["members"], record["width"], is_full(record)) == (1, 8, False)
    whole = protocols.recipe("best", ten)
    assert whole is not None
    made = whole.reduced(2, 1, 8)
    assert (made.epochs, made.ensemble, made.width) == (2, 1, 8)
    assert record["plan"] == Network(made).fingerprint()
    assert whole.reduced(10**6, 99, 4096) == whole
    assert len(score_table([record, {**record, "width": 16}]).rows) == 2
    with pytest.raises(UserError, match="width is 16, but model 'conv' has its own"):
        oracle.plan_of(ten, "conv", Fidelity(width=16))
    with pytest.raises(UserError, match="knn trains no network"):
        oracle.plan_of(ten, "knn", Fidelity(members=1))


def test_results_do_not_depend_on_workers_or_company(digits: Dataset, ten: Candidate) -> None:
    others = [
        draws.real_candidate(digits, ten.indices[::-1], name=str(i), method="t") for i in "ab"
    ]
    short = Fidelity(epochs=20)
    alone = Oracle(digits, workers=1).score(ten, "conv", [0, 1], fidelity=short)
    beside = Oracle(digits, workers=2).score_many([*others, ten], "conv", [1, 0], fidelity=short)
    mine = {r["seed"]: r["accuracy"] for r in beside if r["candidate"] == ten.hash}
    assert mine == {record["seed"]: record["accuracy"] for record in alone}


def test_deterministic_protocols_are_scored_once(digits: Dataset, ten: Candidate) -> None:
    assert len(Oracle(digits, workers=1).score(ten, "knn", range(5))) == 1
    assert len(Oracle(digits, workers=1).score(ten, "tree", range(5))) == 5


def test_readings_of_the_test_split_are_logged(
    digits: Dataset, ten: Candidate, tmp_path: Path
) -> None:
    oracle = Oracle(digits, tmp_path / "records.jsonl", workers=1)
    oracle.score(ten, "knn", [0], "test")
    oracle.score(ten, "knn", [0], "test")  # on record: not read again
    log = (tmp_path / TEST_LOG).read_text().splitlines()
    assert len(log) == 1
    assert ten.hash in json.loads(log[0])["purpose"]


def test_misfits_are_refused(digits: Dataset, ten: Candidate) -> None:
    oracle = Oracle(digits, workers=1)
    for candidate, protocol, split, message in (
        (replace(ten, images=ten.images[:, :, 2:]), "knn", "validation", "images of"),
        (replace(ten, classes=11), "knn", "validation", "classes"),
        (replace(ten, checksum="f" * 16), "knn", "validation", "made from"),
        (ten, "knnn", "validation", "unknown protocol"),
        (ten, "knn", "valid", "unknown split"),
    ):
        with pytest.raises(UserError, match=message):
            oracle.score(candidate, protocol, [0], split)
    with pytest.raises(UserError, match="no seeds"):
        oracle.score(ten, "knn", [])


def test_progress_counts_replicates(digits: Dataset, ten: Candidate) -> None:
    calls: list[tuple[int, int]] = []
    Oracle(digits, workers=1).score(
        ten, "tree", range(3), progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_stacks_fit_the_stated_memory(digits: Dataset, ten: Candidate) -> None:
    oracles = [Oracle(digits, workers=2, memory=memory) for memory in (8.0, 0.02, 1e-9)]
    replicates = oracles[0].replicates([ten], "conv", range(32), "validation", QUICK)
    limits = [stacks.Limits(2, "cpu", oracle.memory) for oracle in oracles]
    widths = [max(map(len, stacks.cut(replicates, limit))) for limit in limits]
    assert widths[0] == 16
    assert 1 < widths[1] < 16
    assert widths[2] == 1


def test_few_large_networks_share_a_stack(digits: Dataset, ten: Candidate) -> None:
    """On the CPU, where they gain nothing from it; a GPU takes them all at once."""
    replicates = Oracle(digits).replicates([ten], "convnet", range(32), "validation", QUICK)
    on = {device: stacks.Limits(2, device, 8.0) for device in ("cpu", "cuda")}
    widths = {device: max(map(len, stacks.cut(replicates, on[device]))) for device in on}
    assert widths["cpu"] <= 8
    assert widths["cuda"] == 32


@pytest.mark.parametrize(
    ("protocol", "scoring"), [("conv", "predict"), ("conv&conv+rotate=10", "probabilities")]
)
def test_a_stopped_training_leaves_a_checkpoint_and_a_finished_one_none(
    digits: Dataset,
    ten: Candidate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    scoring: str,
) -> None:
    monkeypatch.setattr(resume, "SAVE_EVERY", 0)
    with monkeypatch.context() as stopped:
        stopped.setattr(evaluation, scoring, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Oracle(digits, tmp_path / "r.jsonl", workers=1).score(
                ten, protocol, [0], fidelity=QUICK
            )
    assert len(list((tmp_path / "unfinished").iterdir())) == 1
    oracle = Oracle(digits, tmp_path / "r.jsonl", workers=1)
    resumed = oracle.score(ten, protocol, [0], fidelity=QUICK)
    assert list((tmp_path / "unfinished").iterdir()) == []
    fresh = Oracle(digits, workers=1).score(ten, protocol, [0], fidelity=QUICK)
    assert resumed[0]["accuracy"] == fresh[0]["accuracy"]


def test_errors_by_class_sum_to_twice_the_errors(ten: Candidate, digits: Dataset) -> None:
    (record,) = Oracle(digits, workers=1).score(ten, "knn", [0])
    assert sum(record["class_errors"]) == pytest.approx(2 * (100 - record["accuracy"]), abs=0.02)
    answer = judged(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 1]), 3)
    assert answer == Answer(50.0, (0.0, 50.0, 50.0))


def test_a_score_converts_the_scored_images_alone_and_workers_get_one_copy(
    ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[ImageSet] = []
    answers = worker.answers

    def watched(stack: Any, images: ImageSet, where: Any) -> Any:
        given.append(images)
        return answers(stack, images, where)

    monkeypatch.setattr(worker, "answers", watched)
    data = load("digits")
    oracle = Oracle(data, workers=1)
    oracle.score(ten, "knn", [0], fidelity=Fidelity(images=50))
    oracle.score(ten, "knn", [0])
    assert "images" not in vars(data.train)
    for images, n in zip(given, (50, len(data.validation)), strict=True):
        assert images.images.dtype == np.float32
        sent = len(pickle.dumps(images))
        assert sent < 1.05 * n * (28 * 28 * 4 + 8)  # pixels and labels; no bytes beside
