"""How a command ends: one line, the right exit code, and no password in anything that is shown."""

import io
import logging
import os
import signal
import sys
import threading
from multiprocessing.pool import ThreadPool

import pytest

from reproduce import UserError
from reproduce.commands.application import application, run
from reproduce.support.processes import leave

SECRET = "ge:he@im/4711"
ADDRESS = f"postgresql://me:{SECRET}@host:5432/db?sslpassword=anders"


def user_error() -> None:
    raise UserError(f"{ADDRESS}: nobody answers; is 'im/4711@host' right?")


def system_error() -> None:
    raise OSError(5, f"cannot reach {ADDRESS}", f"file {SECRET}")


def defect() -> None:
    raise RuntimeError(f"password {SECRET!r} of {ADDRESS}") from ValueError(
        f"he@im/4711@host {ADDRESS}"
    )


def log() -> None:
    logger = logging.getLogger("c14")
    logger.addHandler(logging.StreamHandler())
    logger.error("connection to %s lost: %s", ADDRESS, SECRET)


def note() -> None:
    print(f"working at {ADDRESS}", file=sys.stderr)


@pytest.mark.parametrize("ended", [user_error, system_error, defect, log, note])
@pytest.mark.parametrize("given", [["--storage", ADDRESS], [f"--storage={ADDRESS}"]])
def test_no_password_in_errors_and_logs(
    ended, given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(storage: str = "") -> None:
        ended()

    monkeypatch.setattr(sys, "argv", ["supertrainer", "search", *given])
    with pytest.raises(SystemExit) as stopped:
        run(lambda **values: application(command, help="")(args=given, **values))
    out, err = capsys.readouterr()
    assert "***" in err
    for piece in (SECRET, "4711", "anders"):
        assert piece not in out + err
    if ended in (user_error, system_error):
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert stopped.value.code == 2


def test_an_error_without_secrets_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(sys, "argv", ["supertrainer"])
    with pytest.raises(RuntimeError, match="a defect"):
        run(lambda **values: application(command, help="")(args=[], **values))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_a_signal_lets_a_command_keep_what_it_has(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def command() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            kept.append("the best so far")
            raise

    monkeypatch.setattr(sys, "argv", ["supertrainer"])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        run(lambda **values: application(command, help="")(args=[], **values))
    assert stopped.value.code == code
    assert kept == ["the best so far"]
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(("number", "lines"), [(signal.SIGINT, 1), (None, 2)])
def test_what_threads_fail_with_is_shown_unless_a_signal_came(
    number: signal.Signals | None,
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """joblib's manager may be at a task that was dropped when the signal came."""

    def command() -> None:
        try:
            if number:
                signal.raise_signal(number)
            raise KeyboardInterrupt
        finally:
            worker = threading.Thread(target=lambda: {}[5])
            worker.start()
            worker.join()

    monkeypatch.setattr("sys.argv", ["command"])
    monkeypatch.setattr(threading, "excepthook", lambda failure: print("shown", file=sys.stderr))
    with pytest.raises(SystemExit):
        run(application(command, help="Test."))
    assert len(capfd.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 2)])
def test_a_signal_that_meets_compiled_code_ends_a_command_in_one_line(
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """numba reports the interruption as a SystemError."""

    def command() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as error:
            raise SystemError("returned a result with an exception set") from error

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as end:
        run(application(command, help="Test."))
    assert end.value.code == code
    said = capfd.readouterr().err
    assert "goes on from what is saved" in said
    assert len(said.splitlines()) == 1


def test_a_command_does_not_wait_for_threads_that_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_at_once(code: int) -> None:
        raise RuntimeError(f"at once, {code}")

    monkeypatch.setattr(os, "_exit", end_at_once)
    go_on = threading.Event()
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(go_on.wait)
        with pytest.raises(RuntimeError, match="at once, 143"):
            leave(143)
        with pytest.raises(SystemExit):  # nothing was interrupted
            leave(0)
        go_on.set()
        waiting.wait()
        pool.close()
        pool.join()
    with pytest.raises(SystemExit):
        leave(143)
