"""`assessment.json`: a pure function of a run directory's header, outcomes and journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from proofs.model import Verdict
from proofs.verdicts.controls import of_control

FORMAT = "proof-of-controls/assessment-1"
RESULT_KEYS = ("probe", "verdict", "reason", "exchanges", "started", "duration_s", "summary")


def assess(
    header: Mapping[str, Any],
    outcomes: Sequence[Mapping[str, Any]],
    journal: Mapping[str, Any],
    *,
    finished: str,
    status: str,
    connections: Mapping[str, int] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The assessment of one run against one target.

    `journal` is {"exchanges", "head"}; `connections` counts those ended without a login and the good logins between
    them (empty when a killed run took the counts with it); `status` is `complete` or `interrupted`. Under an
    interruption a probe without an outcome is `indeterminate`, and so is its control.
    """
    by_probe = {outcome["probe"]: outcome for outcome in outcomes}
    verdicts = {probe: (Verdict(outcome["verdict"]), outcome["reason"]) for probe, outcome in by_probe.items()}
    controls = []
    for entry in header["controls"]:
        if entry["in_scope"]:
            verdict, reason = of_control(entry["probes"], entry["selected"], verdicts)
        else:
            verdict, reason = Verdict.NOT_APPLICABLE, f"does not apply to {header['target']['engine']}"
        controls.append(
            {key: value for key, value in entry.items() if key not in ("probes", "selected")}
            | {
                "verdict": str(verdict),
                "reason": reason,
                "probes": [
                    _result(probe, by_probe)
                    for probe in entry["probes"]
                    if probe in by_probe or probe in entry["selected"]
                ],
            }
        )
    counts = Counter(control["verdict"] for control in controls)
    return {
        "format": FORMAT,
        "run": {**header["run"], "finished": finished, "status": status},
        "target": header["target"],
        "profile": header["profile"],
        "harness": header["harness"],
        "tailoring": header["tailoring"],
        "counts": {str(verdict): counts.get(str(verdict), 0) for verdict in Verdict},
        "controls": controls,
        "journal": dict(journal),
        "connections": dict(connections or {}),
        "warnings": list(warnings),
    }


def _result(probe: str, outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if probe in outcomes:
        return {key: outcomes[probe][key] for key in RESULT_KEYS}
    return {
        "probe": probe,
        "verdict": str(Verdict.INDETERMINATE),
        "reason": "the run ended before this probe did",
        "exchanges": [],
        "started": "",
        "duration_s": 0.0,
        "summary": "",
    }
