"""Verdicts as tables, and the assessment held against the bundle's own reading of the same rules."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.bundle import consistency, shapes
from proofs.model import Verdict
from proofs.verdicts import assess, worst
from proofs.verdicts.controls import of_control

S, N, I, A, O = (  # noqa: E741
    Verdict.SATISFIED,
    Verdict.NOT_SATISFIED,
    Verdict.INDETERMINATE,
    Verdict.NOT_APPLICABLE,
    Verdict.NOT_ASSESSED,
)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], I),
        ([S], S),
        ([A], A),
        ([A, A], A),
        ([S, A], S),
        ([S, I], I),
        ([A, I], I),
        ([S, I, N, A], N),
        ([N, A], N),
    ],
)
def test_the_worst_probe_decides(verdicts, expected):
    for order in itertools.permutations(verdicts):
        assert worst(order) is expected


OF_CONTROL = [
    # all probes, selected, outcomes, verdict, part of the reason
    ("ab", "ab", {"a": (S, ""), "b": (S, "")}, S, ""),
    ("ab", "ab", {"a": (S, ""), "b": (A, "no feature")}, S, ""),
    ("ab", "ab", {"a": (A, "no feature"), "b": (A, "no feature")}, A, "no feature"),
    ("ab", "ab", {"a": (S, ""), "b": (N, "found")}, N, "found"),
    ("ab", "ab", {"a": (I, "doubt"), "b": (N, "found")}, N, "found"),
    ("ab", "ab", {"a": (S, ""), "b": (I, "doubt")}, I, "doubt"),
    ("ab", "ab", {"a": (S, "")}, I, "the run ended before"),
    ("ab", "ab", {}, I, "the run ended before"),
    ("ab", "", {}, O, "none of its probes"),
    ("", "", {}, O, "none of its probes"),
    ("ab", "a", {"a": (S, "")}, O, "1 of its 2 probes"),
    ("ab", "a", {"a": (A, "no feature")}, O, "1 of its 2 probes"),
    ("ab", "a", {"a": (N, "found")}, N, "found"),
    ("ab", "a", {"a": (I, "doubt")}, I, "doubt"),
    ("ab", "a", {"a": (S, ""), "b": (N, "of another run")}, O, "1 of its 2 probes"),
]


@pytest.mark.parametrize(("probes", "selected", "outcomes", "verdict", "reason"), OF_CONTROL)
def test_of_control(probes, selected, outcomes, verdict, reason):
    found, why = of_control(tuple(probes), tuple(selected), outcomes)
    assert found is verdict
    assert reason in why
    assert bool(why) is (verdict is not S)


STARTED = "2026-01-02T03:04:05+00:00"


@st.composite
def runs(draw):
    """A plan of some controls, outcomes of some of its probes, and how the run ended."""
    controls, outcomes = [], []
    partial = draw(st.booleans())
    cut = draw(st.booleans())
    for number in range(draw(st.integers(0, 4))):
        probes = [f"transport/test_{number}.py::test_{n}" for n in range(draw(st.integers(1, 3)))]
        in_scope = draw(st.booleans())
        selected = [one for one in probes if not partial or draw(st.booleans())] if in_scope else []
        controls.append(
            {
                "id": f"control-{number}",
                "title": "Title",
                "statement": "Statement.",
                "severity": "high",
                "surface": "transport",
                "engines": ["mysql"],
                "mappings": {"nist-800-53r5": ["SC-8"]},
                "parameters": {"days": 30},
                "probes": probes,
                "remediation": "Mend it.",
                "in_scope": in_scope,
                "selected": selected,
            }
        )
        for probe in selected:
            if cut and draw(st.booleans()):
                continue
            verdict = draw(st.sampled_from([S, N, I, A]))
            outcomes.append(
                {
                    "probe": probe,
                    "control": f"control-{number}",
                    "verdict": str(verdict),
                    "reason": "" if verdict is S else "because",
                    "exchanges": draw(st.lists(st.integers(1, 9), min_size=verdict is S, max_size=3, unique=True)),
                    "started": STARTED,
                    "duration_s": 0.5,
                    "summary": "It looks.",
                }
            )
    header = {
        "format": "proof-of-controls/run-1",
        "run": {
            "id": "0123456789abcdef",
            "started": STARTED,
            "partial": partial,
            "selection": "-k x" if partial else None,
        },
        "target": {"name": "demo", "title": "Demo", "engine": "mysql", "address": "127.0.0.1:3306"},
        "profile": {"id": "p", "title": "P"},
        "harness": {"name": "proof-of-controls", "version": "0.1.0", "python": "3.11.7", "platform": "linux"},
        "tailoring": [],
        "controls": controls,
    }
    return header, outcomes


@given(run=runs())
def test_the_bundle_accepts_every_assessment(run):
    header, outcomes = run
    done = {one["probe"] for one in outcomes}
    complete = all(probe in done for control in header["controls"] for probe in control["selected"])
    journal = {"exchanges": 9, "head": "0" * 64}
    made = assess(
        header,
        outcomes,
        journal,
        finished=STARTED,
        status="complete" if complete else "interrupted",
        connections={"aborted": 3, "good_logins": 1},
        warnings=["w"],
    )
    shapes.check(header, "run", "run.json")
    for outcome in outcomes:
        shapes.check(outcome, "outcome", "outcomes.jsonl")
    shapes.check(made, "assessment", "assessment.json")
    consistency.assessment(made, header, outcomes, 9, "0" * 64)
    assert sum(made["counts"].values()) == len(header["controls"])
    for control, planned in zip(made["controls"], header["controls"], strict=True):
        if control["verdict"] == "satisfied":
            assert {one["probe"] for one in control["probes"]} == set(planned["probes"])
