"""Time limits and signals: a run ends in time, and ends sealed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from proofs.errors import Indeterminate


@contextmanager
def deadline(started: float, limit_s: float) -> Iterator[None]:
    """Raise `Indeterminate` inside the block once `limit_s` seconds have passed since `started` (monotonic)."""
    left = started + limit_s - time.monotonic()
    if left <= 0:
        raise Indeterminate(f"the run's time limit of {limit_s:g} s was over before this probe began")

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise Indeterminate(f"the run's time limit of {limit_s:g} s was over")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, left)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def interrupt_on_sigterm() -> Iterator[None]:
    """Treat SIGTERM (a cancelled CI job, `systemctl stop`) like Ctrl-C, so that the run is sealed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt("terminated")

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
