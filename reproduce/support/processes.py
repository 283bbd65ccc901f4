"""Signals end processes cleanly, and workers end with their parent.

This module imports the standard library alone, so that it is loaded before an interrupt can come.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.dummy import DummyProcess
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 2, 143  # exit codes
GOES_ON = "the same command goes on from what is saved"
CHECK_EVERY = 0.5  # seconds between a worker's checks of its parent


@contextmanager
def importing() -> Iterator[None]:
    """During imports, SIGINT and SIGTERM end the process at once, with one line.

    Extension modules treat an interrupt of their import as a failure, so an exception would end in
    a traceback. Nothing needs to be saved at this time.
    """
    with _handling({signal.SIGINT: _end_now, signal.SIGTERM: _end_now}):
        yield


@contextmanager
def terminable() -> Iterator[list[int]]:
    """Let SIGTERM interrupt the work like Ctrl-C, so that finished work is kept.

    Errors of threads after a signal are not shown: a thread that serves workers may be at a task
    that the signal has cancelled.

    Yields
    ------
    list of int
        The signals that have come so far.
    """
    came: list[int] = []
    shown = threading.excepthook

    def interrupt(number: int, frame: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    def show(failure: Any) -> None:
        if not came:
            shown(failure)

    threading.excepthook = show
    try:
        with _handling({signal.SIGTERM: interrupt, signal.SIGINT: interrupt}):
            yield came
    finally:
        threading.excepthook = shown


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold SIGINT back; processes that are started meanwhile never receive it.

    Ctrl-C goes to a whole group of processes, but the parent is to end its workers itself.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # at its start, meanwhile, it would let SIGINT through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@cache
def end_with_parent() -> None:
    """Start a thread in a worker that ends the worker soon after its parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        while _alive(parent):
            time.sleep(CHECK_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _alive(parent: Any) -> bool:
    if os.name == "posix":
        return os.getppid() == parent.pid
    return parent.sentinel is None or parent.is_alive()  # loky may know no handle of its parent


def leave(code: int) -> NoReturn:
    """Exit; at once where threads of a pool still compute, as after an interrupt or an error.

    Python ends such threads when they come back to it, in the middle of a library's code, which
    then aborts the process.
    """
    if code and any(isinstance(thread, DummyProcess) for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


@contextmanager
def _handling(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    """Handle signals for a time. Only the main thread can; ignored signals stay ignored."""
    ours: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                ours[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in ours.items():
            signal.signal(number, before)


def _end_now(number: int, frame: Any) -> None:
    term = number == signal.SIGTERM
    word = "terminated" if term else "interrupted"
    os.write(2, f"error: {word}; {GOES_ON}\n".encode())
    os._exit(TERMINATED if term else INTERRUPTED)
