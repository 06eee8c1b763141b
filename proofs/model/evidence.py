"""One look at a target: the unit of raw evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: semantic, JSON-able, the same in every run, free of secrets by construction.

    Identities and certificates are named, never spelled out; `arguments` is part of the replay key.
    """

    channel: str
    op: str
    arguments: Json
    vantage: str = "here"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the full answer, as stored: redacted before it was written or judged."""

    number: int
    request: Request
    answer: Json
    started: str
    duration_ms: float
    probe: str | None
    control: str | None
