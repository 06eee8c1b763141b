"""The rows of pytest-html's table: one a probe, in the words of a proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofs.plugin.report_exchanges import Evidence
from proofs.plugin.report_summary import VERDICTS, anchor_ids, ordered, sentence, verdict_words
from proofs.plugin.report_text import text

MAX_LOOKS = 30

OUTCOMES = {
    "satisfied": "Passed",
    "not-satisfied": "Failed",
    "indeterminate": "Error",
    "not-applicable": "Skipped",
    "not-assessed": "Skipped",
}
"""pytest-html's word for each verdict: its script filters and sorts by it. The page shows ours."""

HEADER = (
    '<th class="sortable" data-column-type="result" hidden>Outcome</th>',
    '<th class="sortable" data-column-type="testId" hidden>Anchor</th>',
    '<th class="sortable" data-column-type="verdict">Verdict</th>',
    '<th class="sortable" data-column-type="control">Control</th>',
    '<th class="sortable" data-column-type="probe">Probe</th>',
    '<th class="sortable" data-column-type="duration">Duration</th>',
)


def rows(assessment: Mapping[str, Any], evidence: Evidence) -> list[dict[str, Any]]:
    """Each row: `name`, `outcome` (pytest's word), `cells` and `detail` (HTML), findings first."""
    anchors = anchor_ids(assessment["controls"])
    pairs = [(control, probe) for control in ordered(assessment["controls"]) for probe in control["probes"]]
    pairs.sort(key=lambda pair: list(VERDICTS).index(pair[1]["verdict"]))
    return [
        {
            "name": anchors[probe["probe"]],
            "outcome": OUTCOMES[probe["verdict"]],
            "cells": _cells(control, probe, anchors[probe["probe"]]),
            "detail": _detail(control, probe, evidence),
        }
        for control, probe in pairs
    ]


def _cells(control: Mapping[str, Any], probe: Mapping[str, Any], anchor: str) -> list[str]:
    return [
        f'<td class="col-result" hidden>{OUTCOMES[probe["verdict"]]}</td>',
        f'<td class="col-testId" hidden>{anchor}</td>',
        f'<td class="col-verdict v-{probe["verdict"]}">{verdict_words(probe["verdict"])}</td>',
        f'<td class="col-control">{text(control["id"])}</td>',
        f'<td class="col-probe">{sentence(probe)}</td>',
        f'<td class="col-duration">{round(float(probe["duration_s"] or 0) * 1000)} ms</td>',
    ]


def _detail(control: Mapping[str, Any], probe: Mapping[str, Any], evidence: Evidence) -> str:
    parts = [f'<p class="id"><code>{text(probe["probe"])}</code></p>']
    if probe["reason"]:
        parts.append(f'<p class="reason">{text(probe["reason"], 1200)}</p>')
    known = [(number, evidence.looks[number]) for number in probe["exchanges"] if number in evidence.looks]
    if not known:
        parts.append('<p class="rest">This probe made no exchange with the target.</p>')
    items = "".join(
        f'<li><a href="#x{number}">exchange {number}</a> <span class="asked">{text(look.asked)}</span> '
        f'<span class="answer">{text(look.answered)}</span></li>'
        for number, look in known[:MAX_LOOKS]
    )
    if items:
        parts.append(f'<ol class="looks">{items}</ol>')
    if len(known) > MAX_LOOKS:
        parts.append(f'<p class="rest">and {len(known) - MAX_LOOKS} more exchanges: see outcomes.jsonl</p>')
    parts.append(f'<p class="rest"><a href="#c-{text(control["id"])}">{text(control["title"])}</a></p>')
    return "".join(parts)
