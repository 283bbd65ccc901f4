"""Where a study lives: one journal file, a database, or Optuna's gRPC proxy of one.

A journal file serves one process at a time, whose lock tells that all trials still marked as
running are left from a kill. A database serves any number of machines: each writes a beat into the
trials that it is at, and any of them gives up trials whose beat has stopped.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
import sqlalchemy
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from reproduce.errors import UserError

BEAT = 10.0  # seconds between heartbeats; trials are given up after three that were missed
TRIES = 4  # to open a study in a database
PATIENCE = 30.0  # seconds that a database may take to answer


def open_study(name: str, where: str | Path) -> optuna.Study:
    """Open or create a study.

    Parameters
    ----------
    name : str
    where : str or Path
        A journal file, made when it is missing; a database's URL, `postgresql://...`,
        `mysql://...` or `sqlite://...`; or `grpc://host:port`, Optuna's proxy.

    Raises
    ------
    UserError
        When the file is no study journal, or the database does not answer.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for attempt in range(TRIES):
        try:
            return _opened(name, str(where))
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            # Processes that come to an empty database at once may hinder each other.
            if attempt == TRIES - 1:
                reason = str(error.__cause__ or error).splitlines()[0]
                raise UserError(
                    f"{_shown(str(where))}: no study can be opened there ({reason})"
                ) from None
            time.sleep(0.2 * 2**attempt)
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{where}: not a readable study journal ({type(error).__name__}); name another"
            ) from None
        except (ConnectionError, ValueError) as error:
            raise UserError(f"{_shown(str(where))}: nobody answers there ({error})") from None
        except ImportError as error:
            raise UserError(
                f"{_shown(str(where))} needs a driver ({error}); "
                "pip install 'supertrainer[postgresql]'"
            ) from None
    raise AssertionError  # pragma: no cover


def _opened(name: str, where: str) -> optuna.Study:
    return optuna.create_study(
        storage=_storage(where),
        study_name=name,
        direction="maximize",
        load_if_exists=True,
    )


def remote(where: str | Path) -> bool:
    """Whether several processes may work on a study there."""
    return "://" in str(where)


def _storage(where: str) -> BaseStorage:
    if where.startswith("grpc://"):
        host, _, port = where.removeprefix("grpc://").partition(":")
        proxy = GrpcStorageProxy(host=host, port=int(port or 13000))
        proxy.wait_server_ready(timeout=PATIENCE)
        return proxy
    if remote(where):
        return RDBStorage(where, engine_kwargs={"pool_pre_ping": True})
    path = Path(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        with path.open(encoding="utf-8") as file:
            first = file.readline()
        if first.strip():
            json.loads(first)["op_code"]  # before anything is written to a file that is no journal
    # Optuna's lock is a link to this path: relative, it dangles, and one that a killed process left
    # would be waited for without end.
    return JournalStorage(JournalFileBackend(str(path.resolve())))


def _shown(where: str) -> str:
    """The place without its password."""
    try:
        return sqlalchemy.make_url(where).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return where


@contextlib.contextmanager
def claimed(name: str, where: str | Path) -> Iterator[None]:
    """Hold a journal study for this process alone; a database is free to all.

    Raises
    ------
    UserError
        When another process holds it.
    """
    if remote(where):
        yield
        return
    Path(where).parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{where}.{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"study {name!r} is being worked on by another process; several can share one in a "
            "database, --storage postgresql://..."
        ) from None
    try:
        yield
    finally:
        lock.release()


class Watch:
    """Gives up the trials of processes that died.

    Every process writes a beat into the trials that it is at (`beating`). A trial whose beat stands
    still for three beats of the watcher's own clock is given up, whatever the clocks of other
    machines say. (Optuna's heartbeats do not know of a trial whose process died before the first
    one, and its gRPC proxy and journals have none.)

    Parameters
    ----------
    study : optuna.Study
    beat : float
        Seconds between heartbeats.
    """

    def __init__(self, study: optuna.Study, beat: float) -> None:
        self.study, self.beat = study, beat
        self.seen: dict[int, tuple[int, float]] = {}  # beat and when it was first seen, by trial

    def sweep(self) -> None:
        """Look at the running trials, and give up those that nobody is at."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            beat, now = trial.user_attrs.get("beat", 0), time.monotonic()
            known, since = self.seen.setdefault(trial.number, (beat, now))
            if known != beat:
                self.seen[trial.number] = (beat, now)
            elif now - since > 3 * self.beat:
                give_up(self.study, trial.number)


def give_up(study: optuna.Study, number: int) -> None:
    """Fail a trial, unless it is finished."""
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):  # in this very moment
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)


@contextlib.contextmanager
def beating(trials: Sequence[Trial], beat: float) -> Iterator[None]:
    """Write a beat into the trials meanwhile, from a thread."""
    done = threading.Event()

    def write() -> None:
        count = 1
        while not done.wait(beat):
            for trial in trials:
                with contextlib.suppress(Exception):  # the next beat may get through
                    trial.set_user_attr("beat", count)
            count += 1

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
