"""Studies in a database or behind Optuna's gRPC proxy: addresses, and waiting for a server.

A server may restart while processes work on a study. Every call then waits and tries again, and
gives up with an error of one line after five minutes.
"""

from __future__ import annotations

import functools
import logging
import math
import time
import warnings
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage, get_storage
from sqlalchemy import exc

from reproduce.errors import UserError
from reproduce.support.redaction import redacted

CONNECT = 30  # seconds to wait for a first connection
PATIENCE = 300.0  # seconds to wait for a server that answered before
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two tries; they double
LOST = (exc.OperationalError, exc.InterfaceError, exc.PendingRollbackError)
log = logging.getLogger(__name__)


def connected(url: str) -> BaseStorage:
    """The storage at an address.

    Parameters
    ----------
    url : str
        As `search.storage.storage.open_study` has it.

    Raises
    ------
    UserError
        When it is no address, or names an unknown kind of database or one without its package.
    """
    if url.startswith("grpc://"):
        return patient(_proxy(url), url)
    try:
        address = sqlalchemy.make_url(url)
        address.get_dialect()
    except exc.NoSuchModuleError:
        raise UserError(
            f"--storage {redacted(url)}: unknown kind of database; give postgresql://..., "
            "mysql://..., sqlite://... or grpc://host:port"
        ) from None
    except (exc.ArgumentError, ValueError):
        raise UserError(
            f"--storage {redacted(url)}: no address of a database; give "
            "postgresql://user:password@host:port/database, with %40 for an @ in the password"
        ) from None
    except ImportError:
        raise needs_driver(url) from None
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise UserError(f"--storage {url}: is lost with its connection; give sqlite:///FILE")
    settings: dict[str, Any] = {"pool_pre_ping": True}
    if address.get_backend_name() == "postgresql" and "connect_timeout" not in address.query:
        settings["connect_args"] = {"connect_timeout": CONNECT}
    return patient(get_storage(RDBStorage(url, engine_kwargs=settings)), url)


def patient(storage: BaseStorage, url: str) -> BaseStorage:
    """The storage, whose every call waits for a server that restarts."""
    return cast(BaseStorage, Patient(storage, url))  # Optuna asks for its methods alone


def impatient(storage: BaseStorage) -> BaseStorage:
    """The storage whose calls fail at once where a server does not answer."""
    return storage.storage if isinstance(storage, Patient) else storage


def _proxy(url: str) -> GrpcStorageProxy:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 13000
    except ValueError:
        host, port = None, 0
    if not host or parts.username is not None or parts.path.strip("/") or parts.query:
        raise UserError(
            f"--storage {redacted(url)}: give grpc://host:port; the proxy takes no user, password "
            "or database"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            proxy = GrpcStorageProxy(host=host, port=port)
    except ImportError:
        raise needs_driver(url) from None
    proxy.wait_server_ready(timeout=CONNECT)
    return proxy


def needs_driver(url: str) -> UserError:
    """The line for a storage whose Python package is not installed."""
    kind = "grpc" if url.startswith("grpc://") else "postgresql"
    return UserError(
        f"--storage {redacted(url)}: its Python package is not installed; "
        f"pip install 'supertrainer[{kind}]', or the driver that the address names"
    )


def lost(error: Exception) -> bool:
    """Whether an error says that a server does not answer now, but may answer later."""
    if type(error).__module__.startswith("grpc"):
        code = getattr(error, "code", lambda: None)()
        return getattr(code, "name", "") in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN")
    cause = _cause(error)
    if "sqlite3" in type(getattr(cause, "orig", None)).__module__:  # a file has no server
        return "locked" in str(cause)
    return isinstance(cause, LOST) or bool(getattr(cause, "connection_invalidated", False))


def reason(error: Exception, url: str) -> str:
    """What a database answered, in one line, without the secrets of its address."""
    cause = _cause(error)
    lines = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    return redacted(lines[0] if lines else type(cause).__name__, url)


def _cause(error: Exception) -> BaseException:
    wrapped = isinstance(error, optuna.exceptions.StorageInternalError)
    return (error.__cause__ if wrapped else None) or error


class Patient:
    """A storage whose every call waits for a server that restarts.

    A call may be made twice if the server stopped after it had carried out the call. Still no set
    is scored twice: a trial that was queued twice is dropped, a trial that no process holds is
    given up by `search.storage.storage.Watch`, and a finished trial stays as it is.

    Parameters
    ----------
    storage : BaseStorage
        Carries out the calls.
    url : str
        Its address, for messages.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        self.storage, self.url = storage, url
        self._deadline = math.inf  # when waiting for a server that does not answer ends

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.storage, name)
        return functools.partial(self._insist, found) if callable(found) else found

    def _insist(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Make the call, and repeat it while the server does not answer.

        Raises
        ------
        UserError
            When it has not answered for minutes, or refuses the call.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                answer = call(*args, **options)
                self._deadline = math.inf
                return answer
            except Exception as error:
                if not lost(error):
                    raise _refused(error, self.url) from error
                self._be_patient()
            try:
                time.sleep(pause)
            except BaseException:  # after an interruption no other call should wait
                self._deadline = 0.0
                raise
            pause = min(2 * pause, LONGEST_PAUSE)

    def _be_patient(self) -> None:
        """Log once that a server is waited for; raise UserError after `PATIENCE` seconds."""
        if self._deadline == math.inf:
            self._deadline = time.monotonic() + PATIENCE
            log.warning("%s does not answer; waiting for it", redacted(self.url))
        elif time.monotonic() > self._deadline:
            raise UserError(
                f"{redacted(self.url)} does not answer any more; the same command goes on when it "
                "does"
            ) from None


def _refused(error: Exception, url: str) -> Exception:
    """A database's error in one line; any other error as it is."""
    wrapped = isinstance(error, optuna.exceptions.StorageInternalError | exc.SQLAlchemyError)
    if wrapped or type(error).__module__.startswith("grpc"):
        return UserError(f"{redacted(url)}: {reason(error, url)}")
    return error
