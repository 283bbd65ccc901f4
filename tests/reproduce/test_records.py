"""Records survive crashes and several writers."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import UserError, records
from reproduce.records import KEY, Ledger, append_lines, key_of, read
from tests.mutation import altered, damaged, json_lines, refused_or


def record(seed: int) -> dict:
    asked = {**dict.fromkeys(KEY, "x"), "seed": seed, "images": None, "epochs": None}
    return {**asked, "accuracy": 1.0, "padding": "y" * 5000}


def write_fifty(path: Path, first: int) -> None:
    for seed in range(first, first + 50):
        append_lines(path, [json.dumps({**record(0), "seed": seed})])


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    # Forked, so that no process imports torch anew.
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_fifty, args=(path, 100 * i)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    seeds = sorted(r["seed"] for r in read(path))
    assert seeds == sorted(100 * i + j for i in range(4) for j in range(50))


def test_torn_line_is_passed_over_and_closed_off(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append_lines(path, [json.dumps(record(1)), json.dumps(record(2))])
    path.write_bytes(path.read_bytes()[:-100])
    assert [r["seed"] for r in read(path)] == [1]
    append_lines(path, [json.dumps(record(3))])
    assert [r["seed"] for r in read(path)] == [1, 3]


def test_latest_score_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    Ledger(path).add([record(1), {**record(1), "accuracy": 2.0}])
    found = Ledger(path).find(key_of(record(1)))
    assert found is not None
    assert found["accuracy"] == 2.0


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("hello\n")
    with pytest.raises(UserError, match="no records"):
        Ledger(path)
    assert path.read_text() == "hello\n"
    assert read(tmp_path / "missing") == []


def test_processes_that_score_the_same_append_it_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first, second = Ledger(path), Ledger(path)  # both before anything is on record
    first.add([record(1), record(2)])
    second.add([{**record(1), "accuracy": 9.0}, record(3)])
    first.add([record(3)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["seed"], line["accuracy"]) for line in lines] == [(1, 1.0), (2, 1.0), (3, 1.0)]
    assert second.find(key_of(record(1))) == record(1)
    second.refresh()
    first.add([{**record(2), "accuracy": 7.0}], again=True)
    assert [r["accuracy"] for r in read(path)] == [1.0, 7.0, 1.0]
    second.refresh()
    assert second.find(key_of(record(2)))["accuracy"] == 7.0  # type: ignore[index]


def test_readers_take_the_latest_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    doubles = [record(1), record(2), {**record(1), "accuracy": 3.0}]
    append_lines(path, map(json.dumps, doubles))
    assert [(r["seed"], r["accuracy"]) for r in read(path)] == [(1, 3.0), (2, 1.0)]


def test_only_what_is_new_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.jsonl"
    mine, other = Ledger(path), Ledger(path)
    mine.add([record(seed) for seed in range(100)])
    mine.refresh()
    sizes: list[int] = []
    read_input = records.read_input

    def noted(*given: object, **options: object) -> bytes:
        found = read_input(*given, **options)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(records, "read_input", noted)
    mine.refresh()
    other.add([record(1000)])
    mine.refresh()
    assert max(sizes[0], sizes[-1]) < 6000  # a line has 5,000 bytes
    assert mine.find(key_of(record(1000))) == record(1000)


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    mine = Ledger(path)
    mine.add([record(seed) for seed in range(5)])
    mine.refresh()
    path.unlink()
    append_lines(path, [json.dumps({**record(7), "accuracy": 7.0})])
    mine.refresh()
    assert mine.find(key_of(record(7))) is not None
    path.write_bytes(path.read_bytes()[:-10] + b"\n")  # damaged in place, and a score after it
    append_lines(path, [json.dumps(record(8))])
    mine.refresh()
    assert mine.find(key_of(record(8))) is not None


WRONG = {
    "accuracy": [None, [50.0], "50", True, float("nan"), float("inf"), -1, 100.5, 10**400, {}],
    "seed": [None, 1.5, "1", -1, True, [1]],
    "images": ["x", 0, -5, 1.5, False],
    "epochs": ["x", 0, [], 2.5],
    "candidate": [None, 5, [], "", "\x1b[2J"],
    "protocol": [None, 5, "a\nb"],
    "split": [None, ["test"], 3],
    "class_errors": ["x", [None], [101.0], [[1.0]], [float("nan")]],
    "ipc": ["1", None, -1, [1]],
    "name": [5, None, "\ud800", "x" * 500],
    "seconds": ["x", -1.0, None],
    "versions": [[], "x", {"torch": 2}],
    "random": [0, "yes"],
    "part": [-1, "0", 0.5],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_d_a_field_of_the_wrong_type_is_passed_over_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str, value: object
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(map(json.dumps, [record(1), {**record(2), field: value}])) + "\n")
    assert [r["seed"] for r in read(path)] == [1]
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: 1 line is no record, passed over (line 2: {field}")
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize("value", ["NaN", "[1, -Infinity]", '{"a": 1e999}'])
def test_d_a_field_of_a_later_version_holds_only_finite_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    path = tmp_path / "r.jsonl"
    lines = [json.dumps({**record(seed), "later": 1}) for seed in (1, 2)]
    lines[1] = lines[1].replace('"later": 1', f'"later": {value}')
    path.write_text("\n".join(lines) + "\n")
    assert [r["seed"] for r in read(path)] == [1]
    assert "line 2: 'later' has a number that is not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["[]", "5", "nonsense", '{"a": 1}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "\0\0"]
)
def test_d_lines_that_are_no_records_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f"{line}\n\n{json.dumps(record(1))}\n{line}\n")
    assert [r["seed"] for r in read(path)] == [1]
    assert "2 lines are no records, passed over (line 1: " in capsys.readouterr().err


def test_d_a_users_own_function_may_score_outside_of_percent(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    own = {**record(1), "protocol": "function mine:score", "accuracy": -250.0}
    append_lines(path, map(json.dumps, [own, {**own, "seed": 2, "accuracy": float("nan")}]))
    assert [r["accuracy"] for r in read(path)] == [-250.0]


def test_shipped_records_are_records(capsys: pytest.CaptureFixture[str]) -> None:
    results = Path(__file__).resolve().parents[2] / "results"
    for path in results.rglob("*.jsonl"):
        if path.name != "test-readings.jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            assert len(read(path)) == len(lines), path  # no key twice
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="named pipes and devices of POSIX")
def test_records_in_what_is_no_file(tmp_path: Path) -> None:
    device = Ledger(Path(os.devnull))
    device.add([record(1)])
    assert device.find(key_of(record(1))) == record(1)
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UserError, match=r"cannot be read|regular file"):
            Ledger(place)


def test_records_behind_a_link_have_one_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "r.jsonl"
    try:
        link.symlink_to(Path("real") / "r.jsonl")
    except OSError:
        pytest.skip("no symbolic links here")
    Ledger(link).add([record(1)])
    assert link.is_symlink()
    assert [r["seed"] for r in read(tmp_path / "real" / "r.jsonl")] == [1]
    assert not (tmp_path / "r.jsonl.lock").exists()


@pytest.mark.fuzz
@given(data=st.data())
def test_d_altered_records_are_sound_or_passed_over(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "altered.jsonl"
    lines = [{**record(seed), "padding": "", "class_errors": [1.0]} for seed in range(3)]
    changed = json_lines([data.draw(altered(line)) for line in lines])
    path.write_bytes(data.draw(st.just(changed) | damaged(json_lines(lines)) | damaged(changed)))
    for found in refused_or(lambda: read(path)) or []:
        assert 0 <= found["accuracy"] <= 100 or found["protocol"].startswith("function ")
        assert type(found["seed"]) is int
        assert all(0 <= error <= 100 for error in found.get("class_errors", []))
        key_of(found)


@pytest.mark.fuzz
@given(data=st.data())
def test_d_damaged_files_of_records_can_be_appended_to(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    lines = [{**record(seed), "padding": ""} for seed in range(3)]
    path.write_bytes(data.draw(damaged(json_lines(lines))))
    ledger = refused_or(lambda: Ledger(path))
    if ledger is not None:
        ledger.add([{**record(9), "padding": ""}], again=True)
        assert Ledger(path).find(key_of(record(9)))
