"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def awaited(look: Callable[[], Any], limit_s: float = 15) -> Any:
    """What `look` gives as soon as that is true, or what it gives when the time is over."""
    deadline = time.monotonic() + limit_s
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
