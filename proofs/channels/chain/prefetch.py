"""The next block is fetched while the present one is judged."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator

from proofs.ledger import Block

AHEAD = 1
SWITCH_S = 0.0001
"""How soon the thread gets its turn: TLS hands out 16 KiB at a time, and waiting the usual 5 ms for each, behind the
one who computes, would leave nothing of fetching ahead."""


def prefetched(source: Iterator[Block], ahead: int = AHEAD) -> Iterator[Block]:
    """The blocks of `source`, read by a thread that is at most `ahead` blocks in front. Raises what `source` raises.

    Closing this iterator early ends the thread with the block it is at.
    """
    ready: queue.Queue[Block | BaseException | None] = queue.Queue(ahead)
    unwanted = threading.Event()

    def fetch() -> None:
        last: BaseException | None = None
        try:
            for block in source:
                ready.put(block)
                if unwanted.is_set():
                    return
        except BaseException as error:
            last = error
        ready.put(last)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    thread = threading.Thread(target=fetch, name="chain-prefetch", daemon=True)
    thread.start()
    try:
        while (block := ready.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            yield block
    finally:
        sys.setswitchinterval(usual)
        unwanted.set()
        while thread.is_alive():
            # The thread may wait to hand over a block that nobody wants any more.
            if not ready.empty():
                ready.get_nowait()
            thread.join(0.01)
