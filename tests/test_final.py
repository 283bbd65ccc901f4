"""`supertrainer final`: what each set is scored under, and what stands beside it."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from reproduce import Candidate, Dataset, Oracle, UserError, protocols
from reproduce.protocols import PANEL, SLOW, panel_of
from reproduce.records import Record, read
from search.rivals import random_sets
from supertrainer_final import FinalConfig, Plan, class_means, made_for, tracked
from tests.conftest import Call, Refusal
from tests.imports import ROOT

SMALL = "--seeds 3 --random 2 --workers 1"


def made(digits: Dataset, name: str, *learners: str, role: str = "distilled") -> Candidate:
    """A set of images that are not in the data; each name has its own."""
    one = random_sets(digits, (1,) * 10, 9)[8]
    images = one.images * (0.5 + len(name) / 100)
    return replace(
        one, images=images, indices=None, name=name, role=role, chosen_on=None, made_for=learners
    )


def seeds_of(records: Iterable[Record]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for record in records:
        found.setdefault((record["protocol"], record["name"]), []).append(record["seed"])
    return found


@pytest.fixture
def folder(tmp_path: Path, digits: Dataset) -> Path:
    """A working folder with finished sets."""
    real = random_sets(digits, (1,) * 10, 9)[8]
    sets = [
        made(digits, "for-tree", "tree"),
        made(digits, "for-two", "tree", "knn"),
        made(digits, "for-the-field", "convnet"),
        replace(real, name="searched", role="searched", made_for=("conv-shift1",)),
    ]
    for candidate in sets:
        candidate.save(tmp_path / "results" / "sets" / f"{candidate.name}.npz")
    return tmp_path


def test_a_set_says_what_it_was_made_for(digits: Dataset) -> None:
    silent = made(digits, "a")
    assert made_for(replace(silent, made_for=("conv", "knn"), method="m for tree")) == (
        "conv",
        "knn",
    )
    assert made_for(replace(silent, method="distill mixed for conv,a&b")) == ("conv", "a&b")
    assert made_for(replace(silent, method="distill krr for one known init")) == ("conv-shift1",)
    carried = protocols.recipe("convnet", silent)
    assert made_for(replace(silent, recipe=carried, method="distill krr")) == ("own",)
    assert made_for(replace(silent, recipe=carried, made_for=("conv",))) == ("conv",)


def test_finished_sets_of_earlier_versions_are_known() -> None:
    sets = ROOT / "results" / "sets"
    found = {name: made_for(Candidate.load(sets / f"{name}.npz")) for name in EARLIER}
    assert found == EARLIER


EARLIER = {
    "searched-ipc1": ("conv-shift1",),
    "searched-ipc1-convnet": ("convnet",),
    "distilled-ipc1": ("own",),
    "distilled-ipc1-adam": ("own",),
    "distilled-ipc1-convnet": ("convnet",),
    "distilled-ipc1-conv": ("conv",),
}


def test_a_set_for_one_learner_stands_beside_its_rivals(folder: Path, call: Call) -> None:
    asked = f"final results/sets/for-tree.npz {SMALL}"
    code, out, err = call(asked, folder)
    assert code == 0
    assert "scores to compute; no times on record for tree." in err
    records = read(folder / "runs" / "final.jsonl")
    assert {record["split"] for record in records} == {"validation-b"}
    fresh = [2000, 2001, 2002]
    assert seeds_of(records) == {
        ("tree", "for-tree"): fresh,
        ("tree", "class means"): fresh,
        ("tree", "RDIGITS/1 figures"): fresh,
        ("tree", "searched"): fresh,
        ("tree", "random sets"): [2000, 2000],
    }
    assert "The panel" not in out
    kept = (folder / "runs" / "final.jsonl").read_text()
    assert "All scores are on record." in call(asked, folder)[2]
    assert (folder / "runs" / "final.jsonl").read_text() == kept


def test_a_set_for_several_learners_is_scored_under_a_panel(folder: Path, call: Call) -> None:
    asked = f"final results/sets/for-two.npz {SMALL} --panel knn,tree"
    code, out, _ = call(asked, folder)
    assert code == 0
    assert "The panel leaves out conv, conv-shift1, convnet," in " ".join(out.split())
    names = ("for-two", "searched", "for-the-field", "class means", "nearest mean")
    found = seeds_of(read(folder / "runs" / "final.jsonl"))
    assert set(found) == {(protocol, name) for protocol in ("knn", "tree") for name in names}
    assert {len(found["tree", name]) for name in names} == {3}
    assert {len(found["knn", name]) for name in names} == {1}  # nothing is random in it
    table = out[out.index("The panel on validation-b, 1 images per class") :]
    rows = [line.split()[1] for line in table.splitlines() if line.startswith("│")]
    assert [row for row in rows if row != "│"] == ["knn", "tree", "mean", "weakest"]
    assert len(json.loads(call(f"{asked} --json", folder)[1])) == 5 + 15


def test_sets_share_their_rivals(folder: Path, digits: Dataset) -> None:
    files = sorted((folder / "results" / "sets").glob("*.npz"))
    known = [Candidate.load(path) for path in files]
    plan = Plan(FinalConfig(seeds=20, strong=0, random=4, panel="standard"), digits, known)
    for candidate in known:
        plan.add(candidate)
    seeds = {
        (protocol, candidate.name): len(seeds)
        for protocol, seeds, candidates in plan.calls()
        for candidate in candidates
    }
    assert {protocol for protocol, name in seeds if name == "for-two"} == set(PANEL)
    assert seeds["alexnet", "for-two"] == seeds["alexnet", "class means"] == 5
    assert seeds["conv", "for-two"] == seeds["conv", "for-the-field"] == 20
    assert seeds["conv", "class means"] == 10
    # The searched set is scored for itself, and beside two others: once, with the more seeds.
    under = [c for protocol, _, cs in plan.calls() for c in cs if protocol == "conv-shift1"]
    assert [one.name for one in under].count("random sets") == 4
    assert len({one.hash for one in under}) == len(under)
    assert seeds["conv-shift1", "searched"] == 20


def test_a_searched_set_stands_beside_the_random_search_of_its_budget(
    folder: Path, call: Call, digits: Dataset
) -> None:
    found, rival = random_sets(digits, (1,) * 10, 2)
    ours = replace(found, name="ours", role="searched", made_for=("tree",))
    theirs = replace(rival, name="random search", role="random search", made_for=("tree",))
    ours.save(folder / "results" / "sets" / "ours.npz")
    theirs.save(folder / "results" / "sets" / "rivals" / "ours.npz")
    out = call(f"final results/sets/ours.npz {SMALL} --strong 0", folder)[1]
    told = " ".join(out.split())
    assert "tree, 1 images per class: the strongest simple rule on validation-a is" in told
    assert re.search(r"ours: (Not )?(shown to be )?better than random search", told, re.IGNORECASE)
    assert "over 3 paired seeds" in told


def test_under_the_strongest_protocol_few_networks_are_enough(digits: Dataset) -> None:
    one = replace(random_sets(digits, (1,) * 10, 1)[0], role="searched", made_for=("best",))
    plan = Plan(FinalConfig(seeds=20, strong=5, random=2), digits, [])
    plan.add(one)
    seeds = {c.name: len(used) for _, used, cs in plan.calls() for c in cs if c.hash != one.hash}
    assert set(plan.asked) == {"best"}
    assert seeds["nearest mean"] == 5


def test_without_files_sets_of_one_dataset_are_scored(
    folder: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(made(digits, "other", "tree"), dataset="mnist", checksum="0" * 16)
    other.save(folder / "results" / "sets" / "other.npz")
    monkeypatch.chdir(folder)
    assert [one.name for one in tracked("mnist")] == ["other"]
    assert len(tracked("digits")) == 4
    with pytest.raises(UserError, match="no candidates of fashion"):
        tracked("fashion")


def test_the_quick_panel_has_no_network_that_learns_for_minutes() -> None:
    assert set(panel_of("quick")) == set(PANEL) - set(SLOW)


def test_class_means_are_those_that_distill_makes(digits: Dataset) -> None:
    means = class_means(digits, 1)
    assert (means.ipc, means.chosen_on, means.made_for) == (1, None, ())
    train = digits.train
    assert means.images[3] == pytest.approx(train.images[train.labels == 3].mean(0), abs=1e-6)


@pytest.mark.parametrize("option", ["--panel quick", "--large-seeds 2"])
def test_a_panel_without_a_set_for_several_learners_is_refused(
    folder: Path, refusal: Refusal, option: str
) -> None:
    told = refusal(f"final results/sets/for-tree.npz {SMALL} {option}", folder)
    assert "for sets that were made for several" in told


def test_an_unknown_protocol_of_the_panel_is_refused_before_anything_is_computed(
    folder: Path, refusal: Refusal
) -> None:
    told = refusal(f"final results/sets/for-two.npz {SMALL} --panel knn,knnn", folder)
    assert "unknown protocol 'knnn'" in told
    assert not (folder / "runs").exists()


def test_times_on_record_tell_how_long_it_takes(
    folder: Path, call: Call, digits: Dataset, ten: Candidate
) -> None:
    kept = folder / "results" / "records" / "some.jsonl"
    Oracle(digits, kept, workers=1).score(ten, "tree", [0, 1])
    lines = [{**json.loads(line), "seconds": 360.0} for line in kept.read_text().splitlines()]
    kept.write_text("".join(json.dumps(line) + "\n" for line in lines))
    err = call(f"final results/sets/for-tree.npz {SMALL}", folder)[2]
    assert "14 scores to compute; about 1.4 hours by the times on record." in err
