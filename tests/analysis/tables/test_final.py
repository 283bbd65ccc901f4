"""Tables of benchmarks and of the final reading: what they choose, they choose on validation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from analysis.measure import measures
from analysis.tables import final
from reproduce import Dataset, Oracle
from reproduce.records import read
from reproduce.summary import score_table


def write(path: Path, digits: Dataset, means: dict[str, dict[str, float]]) -> None:
    """Records of simple rules: a mean for each split; two networks, a point above and below."""
    oracle = Oracle(digits, workers=1)
    lines = []
    for number, (rule, splits) in enumerate(means.items()):
        candidate = replace(measures.random_set(digits, 1, number), name=rule, role="simple rule")
        for record in oracle.score(candidate, "tree", [0, 1], "validation-b"):
            for split, mean in splits.items():
                accuracy = mean + (1 if record["seed"] else -1)
                lines.append(json.dumps({**record, "split": split, "accuracy": accuracy}))
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def test_the_strongest_simple_rule_is_chosen_on_validation(digits: Dataset, tmp_path: Path) -> None:
    means = {
        "lucky on test": {"validation-a": 50.0, "test": 90.0},
        "best on validation": {"validation-a": 60.0, "test": 55.0},
    }
    write(tmp_path / "test" / "records.jsonl", digits, means)
    rows = final.overview(tmp_path).rows
    cell = "55.00 ± 1.00 (2 networks), best on validation"
    assert rows == [["the strongest simple rule", "1", cell]]


def test_without_scores_to_choose_by_every_rule_is_shown(digits: Dataset, tmp_path: Path) -> None:
    means = {"one": {"test": 90.0}, "two": {"test": 55.0}}
    write(tmp_path / "test" / "records.jsonl", digits, means)
    rows = final.overview(tmp_path).rows
    assert [row[0] for row in rows] == ["one", "two"]


def test_sets_of_several_datasets_are_never_pooled(digits: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "test" / "records.jsonl"
    write(path, digits, {"a": {"validation-a": 60.0, "test": 55.0}, "b": {"validation-a": 50.0}})
    ours = read(path)
    theirs = [{**one, "checksum": "0" * 16, "accuracy": one["accuracy"] + 9} for one in ours]
    path.write_text("".join(f"{json.dumps(one)}\n" for one in [*ours, *theirs]))
    found = final.overview(tmp_path)
    assert found.head[:3] == ["set", "data", "ipc"]
    assert [[row[1], row[3]] for row in found.rows] == [
        ["digits", "55.00 ± 1.00 (2 networks), a"],
        ["digits (000000)", "64.00 ± 1.00 (2 networks), a"],
    ]
    table = score_table(read(path))
    assert {row[1] for row in table.rows} == {"digits", "digits (000000)"}
    assert [row[5].n for row in table.rows] == [2] * 6
