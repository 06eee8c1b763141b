"""The host's clock between two readings of the prover's. Half the round trip is how far the difference may be wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from proofs.errors import ChannelError
from proofs.model import Json

READINGS = 5
_TIME = re.compile(r"[0-9]{1,12}\.[0-9]{9}\s*")


def compared(read: Callable[[], str]) -> Json:
    """What `HostChannel.clock` answers; `read` asks the host for its time, as `date --utc +%s.%N` tells it."""
    # Whatever comes before the first answer, the login among it, is in no round trip.
    _seconds(read())
    # One reading of the prover's clock, carried on by one that nobody sets: the two of a pair belong together.
    started, ticks = time.time(), time.monotonic()
    found = []
    for _ in range(READINGS):
        before = started + time.monotonic() - ticks
        said = read()
        after = started + time.monotonic() - ticks
        found.append({"before": round(before, 6), "host": _seconds(said), "after": round(after, 6)})
    best = min(found, key=lambda each: each["after"] - each["before"])
    return {
        "readings": found,
        "offset_s": round(best["host"] - (best["before"] + best["after"]) / 2, 6),
        "uncertainty_s": round((best["after"] - best["before"]) / 2, 6),
    }


def _seconds(said: str) -> float:
    if not _TIME.fullmatch(said):
        raise ChannelError(f"the host tells its time in another form: {said[:60]!a}")
    return round(float(said), 6)
