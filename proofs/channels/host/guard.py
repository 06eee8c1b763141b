"""A ban's guard on the host: it lifts the ban when the prover is gone, be it killed or without power.

A shell of the host waits for a line. The line is the prover's all's-well; the end of its input is the end of the
prover, or of the way to it (ssh(1), ServerAliveInterval on this side, ClientAliveInterval or TCP on the other).
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from proofs.channels.host.access import Access
from proofs.errors import ChannelError
from proofs.model import Host

SETTLE_S = 5
"""A failed login that was made in the last moment may still be counted."""
_STANDING = "standing"


@contextmanager
def standing(host: Host, argv: Sequence[str]) -> Iterator[None]:
    """While the block runs, the host waits to run `argv` as root; after it, it does not.

    Raises `ChannelError` where no guard came to stand.
    """
    said, done = threading.Event(), threading.Event()
    lift = shlex.join(argv)
    as_root = f'[ "$(id -u)" = 0 ] && exec {lift}; exec sudo -n -- {lift}'
    text = f"read -r line || exit; echo {_STANDING}; read -r line && exit; sleep {SETTLE_S}; {as_root}"

    def talk(ask: Callable[[], str]) -> None:
        if ask().strip() == _STANDING:
            said.set()
            done.wait()
            ask()  # the line that it waits for; it ends without an answer

    # A connection of its own, which ends when this process does.
    access = Access(host, ControlMaster="no", ControlPath="none")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(access.run, "/bin/sh -c %s", text, talk=talk)
        waiting.add_done_callback(lambda _: said.set())
        try:
            said.wait()
            if waiting.done():
                raise waiting.exception() or ChannelError("no guard stands on the host: its shell ended at once")
            yield
        finally:
            done.set()
            waiting.exception()  # awaited; where the way to it was lost, it has done what it stood for
            access.close()
