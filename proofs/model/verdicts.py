"""The four verdicts, and what stands beside them when a control was not put to the proof."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Of a probe and of a control. `NOT_ASSESSED` is of a control only: its probes were deselected."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    INDETERMINATE = "indeterminate"
    NOT_APPLICABLE = "not-applicable"
    NOT_ASSESSED = "not-assessed"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe concluded, why, and the numbers of the exchanges it rests on."""

    probe: str
    control: str
    verdict: Verdict
    reason: str
    exchanges: tuple[int, ...]
    started: str
    duration_s: float
    summary: str
