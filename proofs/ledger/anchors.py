"""Anchors: what was known of the chain's head elsewhere, line by line, and whether their store was kept up.

A line is one JSON object {"id", "hash", "time"} (time as in RFC 3339), after whatever a syslog daemon puts before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

MAX_LINE = 4096
_MAX_ID = 1 << 64
_MAX_HASH = 256
_LONGEST_TOLD_S = 7 * 86400


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head at one moment: id and stored hash of the last row. `line` counts from 1."""

    line: int
    id: int
    hash: bytes
    time: datetime


def parse_anchor(line: int, data: bytes) -> Anchor | None:
    """One line of an anchor store; None if it is not an anchor."""
    _, brace, rest = data.partition(b"{")
    if not brace or len(data) > MAX_LINE:
        return None
    try:
        entry: Any = json.loads(brace + rest)
        time = datetime.fromisoformat(entry["time"])
        found, value = entry["id"], entry["hash"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(found) is not int or not 0 <= found < _MAX_ID or time.tzinfo is None:
        return None
    if not isinstance(value, str) or not value or not value.isascii() or len(value) > _MAX_HASH:
        return None
    return Anchor(line, found, value.encode(), time)


def parse_anchors(lines: Iterable[bytes]) -> Iterator[Anchor]:
    """The anchors among these lines, in order."""
    for number, line in enumerate(lines, start=1):
        anchor = parse_anchor(number, line)
        if anchor is not None:
            yield anchor


@dataclass(slots=True)
class AnchorFacts:
    """What the store looks like: constant in size.

    `malformed`: lines that are no anchor; `backwards`: anchors older, or with a smaller id, than the one before;
    `longest_gap_s`: between two successive anchors of the window; `median_gap_s`, `gap_99_s`: percentiles there.
    """

    count: int = 0
    malformed: int = 0
    first_malformed: int | None = None
    backwards: int = 0
    first_backwards: int | None = None
    first: dict[str, Any] | None = None
    last: dict[str, Any] | None = None
    in_window: int = 0
    longest_gap_s: float | None = None
    longest_gap_line: int | None = None
    median_gap_s: int | None = None
    gap_99_s: int | None = None
    _gaps: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """As it stands in evidence."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


def survey(lines: Iterable[bytes], since: datetime | None = None) -> AnchorFacts:
    """Read a store once. Gaps count from `since` on (the window): older ones were somebody else's proof.

    A gap that reaches into the window counts for as long as it is, one that ended before it does not.
    """
    facts = AnchorFacts()
    before: Anchor | None = None
    for number, line in enumerate(lines, start=1):
        anchor = parse_anchor(number, line)
        if anchor is None:
            facts.malformed += 1
            facts.first_malformed = facts.first_malformed or number
            continue
        facts.count += 1
        told = {"line": number, "id": anchor.id, "hash": anchor.hash.decode(), "time": anchor.time.isoformat()}
        facts.first = facts.first or told
        facts.last = told
        if since is None or anchor.time >= since:
            facts.in_window += 1
        if before is not None:
            if anchor.id < before.id or anchor.time < before.time:
                facts.backwards += 1
                facts.first_backwards = facts.first_backwards or number
            elif since is None or anchor.time >= since:
                _gap(facts, number, (anchor.time - before.time).total_seconds())
        before = anchor
    facts.median_gap_s, facts.gap_99_s = _percentile(facts._gaps, 0.5), _percentile(facts._gaps, 0.99)
    return facts


def _gap(facts: AnchorFacts, line: int, seconds: float) -> None:
    facts._gaps[min(int(seconds), _LONGEST_TOLD_S)] += 1
    if facts.longest_gap_s is None or seconds > facts.longest_gap_s:
        facts.longest_gap_s, facts.longest_gap_line = seconds, line


def _percentile(gaps: Counter[int], share: float) -> int | None:
    total, seen = sum(gaps.values()), 0
    for seconds in sorted(gaps):
        seen += gaps[seconds]
        if seen >= share * total:
            return seconds
    return None
