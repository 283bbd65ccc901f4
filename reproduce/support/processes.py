"""Processes that end when they are told to, and workers that end with the process they serve.

Nothing but the standard library is imported here, so that an interrupt finds it loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

INTERRUPTED, TERMINATED = 2, 143  # exit codes
GOES_ON = "the same command goes on from what is saved"
LOOK_EVERY = 0.5  # seconds between a worker's looks at its parent


@contextmanager
def importing() -> Iterator[None]:
    """End the process at once, with one line, where SIGINT or SIGTERM comes meanwhile.

    Extension modules take an interrupt of their own import for a failure, so that an exception
    would end in a traceback; and nothing is there yet that would have to be saved.
    """
    with _handling({signal.SIGINT: _end_now, signal.SIGTERM: _end_now}):
        yield


@contextmanager
def terminable() -> Iterator[list[int]]:
    """Let SIGTERM interrupt the work like Ctrl-C, so that what is there is kept.

    What threads fail with after a signal is not shown: those that serve workers may be at a task
    that was dropped in that moment.

    Yields
    ------
    list of int
        Empty; the signals that came are added.
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
    """Hold SIGINT back meanwhile; processes that are started do not receive it at all.

    Ctrl-C goes to a whole group of processes. It is for the parent to end its workers.
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
    """In a worker: end soon after its parent has ended, however that was; told by a thread."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        while _alive(parent):
            time.sleep(LOOK_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _alive(parent: Any) -> bool:
    if os.name == "posix":
        return os.getppid() == parent.pid
    return parent.sentinel is None or parent.is_alive()  # loky may know no handle of its parent


@contextmanager
def _handling(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    """Handle these signals meanwhile; only the main thread can, and an ignored one stays so."""
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
