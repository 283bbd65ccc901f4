"""Addresses of databases: what is wrong with one is said in one line, and its secrets in none."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace
from urllib.parse import quote

import optuna
import pytest
import sqlalchemy

from reproduce import UserError
from search import open_study
from search.storage import database

SECRET = "s3cr@t/w:rd"
HOME = "127.0.0.1:1"  # where nobody answers
BAD = {
    f"postgresql://u53r:{SECRET}@{HOME}/db": "a",
    f"postgresql://u53r:{quote(SECRET, safe='')}@{HOME}/db": "no study can be opened",
    f"postgresql://{HOME}/db?password={quote(SECRET, safe='')}": "no study can be opened",
    f"postgresql://u53r:{quote(SECRET, safe='')}@127.0.0.1:port/db": "no address of a database",
    f"postgresql+pg8000://u53r:{quote(SECRET, safe='')}@{HOME}/db": "not installed",
    f"mysql://u53r:{quote(SECRET, safe='')}@{HOME}/db": "not installed",
    f"nonsense://u53r:{quote(SECRET, safe='')}@{HOME}/db": "unknown kind",
    f"grpc://u53r:{quote(SECRET, safe='')}@{HOME}": "takes no user",
    f"grpc://{HOME}?password={quote(SECRET, safe='')}": "takes no user",
    "grpc://127.0.0.1:port": "grpc://host:port",
    "grpc://": "grpc://host:port",
    "postgresql://[/db": "no study can be opened",
    "://": "no address of a database",
    "sqlite://u53r:s3cr@/no/such/studies.db": "no study can be opened",
}


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.storage.storage.TRIES", 1)


@pytest.mark.parametrize("url", BAD)
def test_a_bad_address_is_one_line_without_its_secrets(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=BAD[url]) as caught:
        open_study("s", url)
    assert "\n" not in str(caught.value)
    shown = f"{caught.value}{caplog.text}{capfd.readouterr()}"
    for part in ("u53r", SECRET, quote(SECRET), quote(SECRET, safe=""), "s3cr", "w:rd"):
        assert part not in shown


def test_patience_ends_once_and_an_interruption_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []

    def call(answer: str) -> str:
        calls.append(answer)
        if answer == "gone":
            raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("gone"))
        return answer

    patient = database.Patient(None, "postgresql://host/db")  # type: ignore[arg-type]
    monkeypatch.setattr(database, "PATIENCE", 0.15)
    with pytest.raises(UserError, match="does not answer any more"):
        patient._insist(call, "gone")
    assert len(calls) == 3
    with pytest.raises(UserError, match="does not answer any more"):
        patient._insist(call, "gone")  # such as giving up trials at the end: tried, not waited for
    assert len(calls) == 4
    assert patient._insist(call, "there") == "there"
    assert patient._deadline == math.inf

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "PATIENCE", 1e6)
    monkeypatch.setattr(database, "time", SimpleNamespace(monotonic=lambda: 1, sleep=interrupted))
    with pytest.raises(KeyboardInterrupt):
        patient._insist(call, "gone")
    with pytest.raises(UserError, match="does not answer any more"):
        patient._insist(call, "gone")


def test_waiting_and_giving_up_show_no_secrets(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://u53r:{SECRET}@{HOME}/db"

    def gone() -> None:
        said = f'connection to "{HOME}" failed: FATAL: user "u53r", password "{SECRET}"\nHINT'
        raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception(said))

    monkeypatch.setattr(database, "PATIENCE", 0.2)
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UserError, match="does not answer any more") as e,
    ):
        database.Patient(None, url)._insist(gone)  # type: ignore[arg-type]
    assert "waiting" in caplog.text
    assert caplog.text.count("waiting") == 1

    def refused() -> None:
        try:
            gone()
        except sqlalchemy.exc.OperationalError as error:
            cause = sqlalchemy.exc.ProgrammingError("SELECT", {}, error.orig)
            raise optuna.exceptions.StorageInternalError("at commit") from cause

    with pytest.raises(UserError, match="failed: FATAL") as other:
        database.Patient(None, url)._insist(refused)  # type: ignore[arg-type]
    for text in (caplog.text, str(e.value), str(other.value)):
        assert "u53r" not in text
        assert "s3cr" not in text
        assert "\n" not in text.strip()
