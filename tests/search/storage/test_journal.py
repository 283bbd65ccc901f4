"""Study journals: torn lines are mended, altered ones refused, and nothing whole is lost."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from search import FunctionOracle, SearchConfig, finished, open_study, search, trials
from search.storage.journal import mend, open_journal
from search.storage.storage import claimed

CONFIG = SearchConfig(method="random", budget="6", batch=3, search_seeds=2)


def number(candidate: Candidate, seed: int, images: ImageSet) -> float:
    return int(candidate.hash, 16) % 97 + seed / 7


def run(digits: Dataset, path: Path, budget: int = 6) -> None:
    config = SearchConfig(method="random", budget=str(budget), batch=3, search_seeds=2)
    list(search(FunctionOracle(digits, number), config, "s", path))


@pytest.fixture(scope="module")
def whole(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a small study."""
    path = tmp_path_factory.mktemp("journal") / "whole"
    run(digits, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def truth(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, ...], float]:
    study = _study(whole, tmp_path_factory.mktemp("truth") / "journal")
    return {tuple(t.user_attrs["indices"]): t.value for t in finished(study)}


def entries(content: bytes) -> list[dict]:
    return [json.loads(line) for line in content.splitlines()]


def test_a_journal_cut_at_any_byte_stays_readable(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = whole.splitlines(keepends=True)
    last_two = len(b"".join(lines[:-2]))
    for cut in range(last_two, len(whole)):
        path.write_bytes(whole[:cut])
        open_study("s", path).set_user_attr("next", cut)
        kept = entries(path.read_bytes())
        # Nothing whole is lost: a last line that lacks but its end is closed.
        before = entries(
            b"".join(
                line for line in (whole[:cut] + b"\n").splitlines(keepends=True) if line in lines
            )
        )
        assert kept[: len(before)] == before
        assert all("op_code" in entry for entry in kept)
        assert open_study("s", path).user_attrs["next"] == cut


def test_a_cut_study_goes_on_and_ends_as_it_would_have(
    digits: Dataset, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    sets = [t.user_attrs["indices"] for t in finished(_study(whole, path))]
    for cut in (len(whole) * 2 // 3, len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:cut])
        run(digits, path)
        assert [t.user_attrs["indices"] for t in finished(open_study("s", path))] == sets


def _study(content: bytes, path: Path) -> optuna.Study:
    path.write_bytes(content)
    return open_study("s", path)


@pytest.mark.parametrize(
    "tail", [b"\0", b"\0" * 5000, b"\n\n", b"\0\n \n", b'{"op_code":5,"w\0\0\0']
)
def test_zeros_and_blank_lines_are_passed_over(
    digits: Dataset, whole: bytes, tmp_path: Path, tail: bytes
) -> None:
    path = tmp_path / "journal"
    path.write_bytes(whole + tail)
    run(digits, path, budget=9)
    assert len(finished(open_study("s", path))) == 9
    # And in the middle, where an earlier version built on them:
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:9]) + tail + b"".join(lines[9:]))
    assert len(finished(open_study("s", path))) == 6


def test_a_line_that_was_built_on_a_torn_one_is_not_lost(whole: bytes, tmp_path: Path) -> None:
    lines = whole.splitlines(keepends=True)
    torn = lines[8][: len(lines[8]) // 2]
    path = tmp_path / "journal"
    for glued in (torn, lines[8].rstrip(b"\n")):
        expected = [*lines[:8], *([] if glued == torn else [lines[8]]), *lines[8:]]
        path.write_bytes(b"".join(lines[:8]) + glued + b"".join(lines[8:]))
        read = list(open_journal(path).read_logs(0))
        assert read == entries(b"".join(expected))
        journal = open_journal(path)  # from any entry on
        assert list(journal.read_logs(0))[9:] == list(journal.read_logs(9))


def test_a_long_torn_line_is_found(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(whole + b'{"op_code":8,"user_attr":{"x":"' + b"y" * 200_000)
    mend(path)
    assert path.read_bytes() == whole


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    for content in (b"a note", b"one\ntwo", b'{"operas": 3', b"\x80\x81", b"[" * 10_000 + b"\n"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="no entry of a study journal"):
            open_study("s", path)
        assert path.read_bytes() == content
    with pytest.raises(UserError, match="not a file"):
        open_study("s", tmp_path)


def changed(lines: list[bytes], number: int, change: int, value: object) -> list[bytes]:
    """The journal with one line moved, doubled, dropped, or one field of it changed."""
    lines, at = list(lines), number % len(lines)
    if change == 0:
        lines.append(lines.pop(at))
    elif change == 1:
        lines.insert(0, lines.pop(at))
    elif change == 2:
        lines.insert(at, lines[at])
    elif change == 3:
        del lines[at]
    elif change == 4:
        lines[at] = json.dumps(value).encode() + b"\n"
    else:
        entry = json.loads(lines[at])
        names = sorted(entry)
        entry[names[change % len(names)]] = value
        lines[at] = json.dumps(entry).encode() + b"\n"
    return lines


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text(max_size=5),
    st.lists(st.integers(0, 5), max_size=3), st.dictionaries(st.text(max_size=3), st.integers()),
    st.sampled_from([{"position": 1}, {"position": "x"}, {"indices": [1, 2]}, {"class_errors": 3}]),
)  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 200), st.integers(0, 12), VALUES)
def test_altered_trials_are_refused_in_one_line(
    whole: bytes,
    truth: dict[tuple[int, ...], float],
    tmp_path: Path,
    at: int,
    change: int,
    value: object,
) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"".join(changed(whole.splitlines(keepends=True), at, change, value)))
    with contextlib.suppress(UserError):  # of one line: UserError alone is passed over
        for trial in finished(open_study("s", path)):  # what is accepted is true
            value = truth[tuple(trial.user_attrs["indices"])]
            assert value == trial.value == trials.score_of(trial)


def test_a_moved_trial_and_an_altered_score_are_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for old, new in (
        (b'"intermediate_value":', b'"intermediate_value":1'),  # 31.0 becomes 131.0
        (b'"indices":[', b'"indices":[1'),
        (b'"position":1', b'"position":4'),
        (b'"trial_id":1,"step"', b'"trial_id":2,"step"'),
        (b'"values":[', b'"values":[1'),
    ):
        assert old in whole
        path.write_bytes(whole.replace(old, new, 1))
        with pytest.raises(UserError, match=r"trial \d was altered or moved"):
            open_study("s", path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_a_link_to_a_journal_is_the_journal(tmp_path: Path) -> None:
    path, link = tmp_path / "journal", tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    open_study("s", path)
    link.symlink_to(path)
    for first, second in ((path, link), (link, path)):
        with (
            claimed("s", first),
            pytest.raises(UserError, match="another process"),
            claimed("s", second),
        ):
            pass
    with claimed("s", path), claimed("other", link):
        pass
    assert not list(link.parent.glob("*.lock"))
    (tmp_path / "hard").hardlink_to(path)
    with pytest.raises(UserError, match="second name"):
        open_study("s", path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_d_what_is_no_path_of_a_journal_is_one_line(tmp_path: Path) -> None:
    circle, pipe = tmp_path / "circle", tmp_path / "pipe"
    circle.symlink_to(circle)
    os.mkfifo(pipe)
    for path in (circle, pipe, tmp_path, Path("/dev/null"), tmp_path / "a\0b"):
        with pytest.raises(UserError) as caught:
            open_study("s", path)
        assert "\n" not in str(caught.value)
        assert "\0" not in str(caught.value)
    with pytest.raises(UserError, match="no path"), claimed("s", circle):
        pass
