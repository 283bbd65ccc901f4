"""Where a study lives: one journal file, a database, or Optuna's gRPC proxy of one.

A journal file serves one process at a time. The process holds a lock, so trials that are marked as
running were left by a killed process. A database serves any number of machines: each writes
heartbeats into its trials, and any of them gives up trials whose heartbeat has stopped.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
import sqlalchemy
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, JournalStorage
from optuna.trial import Trial, TrialState

from reproduce.errors import UserError
from reproduce.support.files import is_regular
from reproduce.support.redaction import redacted
from reproduce.support.text import printable, safe_name
from search import trials
from search.storage import database
from search.storage.journal import open_journal

BEAT = 10.0  # seconds between heartbeats; a trial is given up after three missed ones
TRIES = 5  # to open a study in a database


def open_study(name: str, where: str | Path, *, create: bool = True) -> optuna.Study:
    """Open a study; create it where it is missing, unless that is not wanted.

    Parameters
    ----------
    name : str
    where : str or Path
        A journal file, made when it is missing; a database's URL, `postgresql://...`,
        `mysql://...` or `sqlite://...`; or `grpc://host:port` for Optuna's proxy.

    Raises
    ------
    UserError
        When the file is no study journal, the database does not answer, trials were altered, or
        there is no such study and none is to be created.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not remote(where):
        if not create and not Path(where).exists():
            raise UserError(f"{where}: no such file; say where the study is with --storage")
        return _in_journal(name, Path(where), create)
    study = _in_database(name, str(where), create)
    trials.check(study, redacted(str(where)))
    return study


def _in_database(name: str, url: str, create: bool) -> optuna.Study:
    for attempt in range(TRIES):
        try:
            return _opened(name, database.connected(url), create)
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            # Processes that set up an empty database at the same time may hinder each other.
            if attempt == TRIES - 1:
                raise UserError(
                    f"{redacted(url)}: no study can be opened there ({database.reason(error, url)})"
                ) from None
            time.sleep(0.2 * 2**attempt)
        except ImportError:
            raise database.needs_driver(url) from None
        except (ConnectionError, ValueError) as error:
            raise UserError(
                f"{redacted(url)}: nobody answers there ({database.reason(error, url)})"
            ) from None
    raise AssertionError  # pragma: no cover


def _in_journal(name: str, path: Path, create: bool) -> optuna.Study:
    path = _real(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        study = _opened(name, JournalStorage(open_journal(path)), create)
        trials.check(study, str(path))
        return study
    except (UserError, OSError):
        raise
    except Exception as error:  # Optuna applies entries of any kind
        raise UserError(
            f"{path}: not a readable study journal ({type(error).__name__}); restore the file, or "
            "name another with --storage"
        ) from None


def _real(path: Path) -> Path:
    """The journal file that a path leads to, through any links. Its locks lie beside that file.

    Raises
    ------
    UserError
        When it cannot be a journal. Nothing has been written to it then.
    """
    try:
        real = path.resolve()
        if real.is_symlink():  # newer Pythons pass over links in a circle
            raise RuntimeError("links in a circle")
        if real.exists():
            _check_file(real)
        return real
    except (OSError, RuntimeError, ValueError) as error:  # a zero in the name, too
        reason = printable(" ".join(str(error).split()))
        raise UserError(f"--storage {printable(str(path))}: no path of a file ({reason})") from None


def _check_file(path: Path) -> None:
    """Raise UserError for what is no file, or for a file with several names."""
    if not is_regular(path):
        raise UserError(f"--storage {path}: not a file; name a journal file or a database's URL")
    if path.stat().st_nlink > 1:
        raise UserError(
            f"--storage {path}: the file has a second name (a hard link), under which another "
            "process could work on it unseen; use a copy or a symbolic link"
        )


def _opened(name: str, storage: BaseStorage, create: bool) -> optuna.Study:
    names = [] if create else optuna.get_all_study_names(storage)
    if not create and name not in names:
        known = f"; there are {', '.join(names)}" if names else ""
        raise UserError(f"no study {name!r} there{known}")
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
    )


def remote(where: str | Path) -> bool:
    """Whether several processes may work on a study there."""
    return "://" in str(where)


@contextlib.contextmanager
def claimed(name: str, where: str | Path) -> Iterator[None]:
    """Hold a study in a journal for this process alone; a study in a database is open to all.

    Raises
    ------
    UserError
        When another process holds it, through this or another path to the journal.
    """
    if remote(where):
        yield
        return
    path = _real(Path(where))
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.{safe_name(name)}.lock"))
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
    """Writes heartbeats for this process, and gives up the trials of processes that died.

    A process counts up the attribute `beat` of the trials that it holds. A trial whose count stands
    still for three intervals of the watcher's own clock is given up, whatever the clocks of other
    machines say. (Optuna's heartbeats miss a trial whose process died before its first one, and
    its gRPC proxy has none.)

    Parameters
    ----------
    study : optuna.Study
    beat : float
        Seconds between heartbeats.
    """

    def __init__(self, study: optuna.Study, beat: float) -> None:
        self.study, self.beat = study, beat
        self.seen: dict[int, tuple[int, float]] = {}  # by trial: its count, and when it was new

    def sweep(self) -> None:
        """Give up the running trials whose processes died."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            beat, now = trial.user_attrs.get("beat", 0), time.monotonic()
            known, since = self.seen.setdefault(trial.number, (beat, now))
            if known != beat:
                self.seen[trial.number] = (beat, now)
            elif now - since > 3 * self.beat:
                give_up(self.study, trial.number)

    @contextlib.contextmanager
    def beating(self, held: Sequence[Trial]) -> Iterator[None]:
        """Write heartbeats into the trials that this process holds, from a thread."""
        done = threading.Event()

        def write() -> None:
            for count in itertools.count(1):
                if done.wait(self.beat):
                    return
                for trial in held:
                    # Nobody waits for a beat that fails: the next one may get through.
                    with contextlib.suppress(Exception):
                        _write_beat(trial, count)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _write_beat(trial: Trial, count: int) -> None:
    storage = database.impatient(trial.storage)
    study = storage.get_study_id_from_name(trial.study.study_name)
    own = storage.get_trial_id_from_study_id_trial_number(study, trial.number)
    storage.set_trial_user_attr(own, "beat", count)


def clear(study: optuna.Study, positions: set[int]) -> None:
    """Give up the open trials of these positions, or of none: the study is done without them."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("position") in {None, *positions}:
            give_up(study, trial.number)
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        give_up(study, study.ask().number)  # what waits can only be given up by who takes it


def give_up(study: optuna.Study, number: int) -> None:
    """Fail a trial, unless it is finished."""
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):  # in this very moment
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)


def give_up_running(study: optuna.Study) -> None:
    """Fail all trials that are marked as running."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        give_up(study, trial.number)
