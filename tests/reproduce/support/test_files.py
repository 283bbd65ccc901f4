"""What is no regular file is written into, and refused as input without a wait."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from reproduce import UserError
from reproduce.support.files import locked, read_input, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="named pipes and devices of POSIX")


@posix
def test_a_device_stays_a_device() -> None:
    before = os.stat("/dev/null")
    write_whole(Path("/dev/null"), b"gone")
    after = os.stat("/dev/null")
    assert (before.st_mode, before.st_rdev, before.st_ino) == (
        after.st_mode,
        after.st_rdev,
        after.st_ino,
    )


def test_the_file_that_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, second = tmp_path / "there" / "file", tmp_path / "link", tmp_path / "second"
    try:
        link.symlink_to(Path("there") / "file")
    except OSError:
        pytest.skip("no symbolic links here")
    second.symlink_to(link)
    for place, content in ((link, b"one"), (second, b"two")):  # the first link dangles
        write_whole(place, content)
        assert link.is_symlink()
        assert second.is_symlink()
        assert target.read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["file"]


@posix
def test_a_named_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="cannot write"):
        write_whole(pipe, b"nobody reads")
    content = bytes(range(256)) * 1024  # more than a pipe holds
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    for _ in range(500):
        try:
            write_whole(pipe, content)
            break
        except UserError:  # the reader has not opened it yet
            time.sleep(0.01)
    reader.join(10)
    assert found == [content]
    assert pipe.is_fifo()


@posix
@pytest.mark.parametrize("redirected", [True, False])
def test_standard_output_keeps_what_is_printed(tmp_path: Path, redirected: bool) -> None:
    code = (
        "from reproduce.support.files import write_whole; print('before');"
        "write_whole('/dev/stdout', b'content\\n'); print('after')"
    )
    out = tmp_path / "out"
    with out.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=file if redirected else subprocess.PIPE,
            check=True,
        )
    assert (out.read_bytes() if redirected else done.stdout) == b"before\ncontent\nafter\n"


def test_a_failed_write_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "file", b"earlier")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write_whole(path, b"later")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"earlier"]


@posix
def test_what_is_no_regular_file_is_refused_as_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for place in (tmp_path, tmp_path / "pipe", tmp_path / "socket", "/dev/zero", "/dev/stdin"):
            with pytest.raises(UserError) as caught:
                read_input(place)
            assert str(place) in str(caught.value)
            assert "\n" not in str(caught.value)


def test_missing_large_and_impossible_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_input(tmp_path / "file", most=5) == b"12345"
    for place, most in ((tmp_path / "file", 4), (tmp_path / "none", 9), ("nul\0", 9), ("", 9)):
        with pytest.raises(UserError):
            read_input(place, most)
    for place in ("nul\0", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match="cannot write"):
            write_whole(place, b"")


def hold(path: str, held: object, done: object) -> None:
    with FileLock(f"{path}.lock"):
        held.set()  # type: ignore[attr-defined]
        done.wait(30)  # type: ignore[attr-defined]


def test_a_lock_that_another_process_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records"
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(path), held, done))
    other.start()
    assert held.wait(30)
    with pytest.raises(UserError, match=r"records\.lock: another process"), locked(path, 0.1):
        pass
    done.set()
    other.join(30)
    with locked(path):
        pass
