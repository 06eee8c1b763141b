"""A small, realistic run directory and its assessment, with everything fixed, for tests and vectors."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

RUN_ID = "4d0f2b80-7e6c-4f5c-9f6a-3b1b8f0b7e11"
STARTED = "2026-01-02T03:04:05.123456+00:00"
TARGET = {"name": "demo", "title": "Demo target", "engine": "mysql", "address": "127.0.0.1:3306"}
PEM = "-----BEGIN CERTIFICATE-----\n" + "TUlJQg==\n" * 1000 + "-----END CERTIFICATE-----\n"


def spelled(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def control(name: str, probes: list[str], *, in_scope: bool = True) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Title of {name}",
        "statement": f"Statement of {name}.",
        "severity": "high",
        "surface": "transport",
        "engines": ["mysql", "mariadb"],
        "mappings": {"nist-800-53r5": ["SC-8"]},
        "parameters": {"minimum-days": 30},
        "probes": probes,
        "remediation": "Mend it.",
        "in_scope": in_scope,
        "selected": probes if in_scope else [],
    }


def probe(name: str, owner: str, verdict: str, exchanges: list[int]) -> dict[str, Any]:
    return {
        "probe": name,
        "control": owner,
        "verdict": verdict,
        "reason": "" if verdict == "satisfied" else f"it was {verdict}",
        "exchanges": exchanges,
        "started": STARTED,
        "duration_s": 0.25,
        "summary": f"{name} looked",
    }


def header() -> dict[str, Any]:
    return {
        "format": "proof-of-controls/run-1",
        "run": {"id": RUN_ID, "started": STARTED, "partial": False, "selection": None},
        "target": TARGET,
        "profile": {"id": "zero-trust-mysql", "title": "Zero trust"},
        "harness": {"name": "proof-of-controls", "version": "0.1.0", "python": "3.11.7", "platform": "Linux"},
        "tailoring": [],
        "controls": [
            control("tls-1-3-only", ["transport/test_a.py::test_one", "transport/test_a.py::test_two"]),
            control("secure-transport-required", ["transport/test_b.py::test_three"]),
            control("no-symlinks-udf-demo", ["hardening/test_c.py::test_four"]),
            control("mariadb-only", ["hardening/test_d.py::test_five"], in_scope=False),
        ],
    }


def outcomes() -> list[dict[str, Any]]:
    return [
        probe("transport/test_a.py::test_one", "tls-1-3-only", "satisfied", [1]),
        probe("transport/test_a.py::test_two", "tls-1-3-only", "satisfied", [1, 2]),
        probe("transport/test_b.py::test_three", "secure-transport-required", "not-satisfied", [3]),
        probe("hardening/test_c.py::test_four", "no-symlinks-udf-demo", "indeterminate", []),
    ]


def answers() -> list[dict[str, Any]]:
    body = {"path": "evidence/tls-1-3-only/00002-1.txt", "sha256": sha256(PEM.encode()), "size": len(PEM)}
    return [
        {"ok": True, "rows": [{"$evidence": "a column may be called so"}]},
        {"ok": True, "chain": [{"$evidence": body}]},
        {"ok": False, "code": 1045, "message": "Access denied \u001b[31m<script>"},
    ]


def journal() -> bytes:
    lines = [spelled({"journal": "proof-of-controls/journal-1", "run": RUN_ID})]
    for number, answer in enumerate(answers(), 1):
        exchange = {
            "seq": number,
            "prev": sha256(lines[-1]),
            "channel": "sql",
            "op": "login",
            "arguments": {"identity": "inspector", "try": number},
            "vantage": "here",
            "answer": answer,
            "started": STARTED,
            "duration_ms": 1.5,
            "probe": "transport/test_a.py::test_one",
            "control": "tls-1-3-only",
        }
        lines.append(spelled(exchange))
    return b"".join(line + b"\n" for line in lines)


def assess(run: dict[str, Any], results: list[dict[str, Any]], lines: bytes, verdicts: list[str]) -> dict[str, Any]:
    """The assessment, with the verdict of each control told by the test."""
    controls = []
    for planned, verdict in zip(run["controls"], verdicts, strict=True):
        own = [{k: v for k, v in one.items() if k != "control"} for one in results if one["control"] == planned["id"]]
        stated = {key: value for key, value in planned.items() if key != "selected"}
        controls.append({**stated, "verdict": verdict, "reason": f"so it is {verdict}", "probes": own})
    order = ("satisfied", "not-satisfied", "indeterminate", "not-applicable", "not-assessed")
    counted = Counter(verdicts)
    whole = lines.split(b"\n")[:-1]
    return {
        **{key: run[key] for key in ("target", "profile", "harness", "tailoring")},
        "format": "proof-of-controls/assessment-1",
        "run": {**run["run"], "finished": "2026-01-02T03:04:07+00:00", "status": "complete"},
        "counts": {verdict: counted[verdict] for verdict in order},
        "controls": controls,
        "journal": {"exchanges": len(whole) - 1, "head": sha256(whole[-1])},
        "connections": {"made": 3, "aborted": 0},
        "warnings": [],
    }


VERDICTS = {
    "complete": ["satisfied", "not-satisfied", "indeterminate", "not-applicable"],
    "passed": ["satisfied", "satisfied", "not-applicable", "not-applicable"],
    "partial": ["satisfied", "not-assessed", "not-assessed", "not-applicable"],
    "interrupted": ["satisfied", "not-satisfied", "indeterminate", "not-applicable"],
}


def make_run(folder: Path, variant: str = "complete") -> tuple[Path, dict[str, Any]]:
    """Write the run directory `folder`; gives it and the assessment of it. Variants are the keys of `VERDICTS`."""
    run, lines, results = header(), journal(), outcomes()
    if variant == "passed":
        results[2]["verdict"], results[3]["verdict"] = "satisfied", "not-applicable"
    if variant == "partial":
        run["run"].update(partial=True, selection="--control tls-1-3-only")
        results = results[:2]
        for planned in run["controls"][1:]:
            planned["selected"] = []
    files = {
        "run.json": json.dumps(run, indent=1).encode() + b"\n",
        "journal.jsonl": lines,
        "outcomes.jsonl": b"".join(json.dumps(one, sort_keys=True).encode() + b"\n" for one in results),
        "evidence/tls-1-3-only/00002-1.txt": PEM.encode(),
        "inputs/controls.yaml": b"version: 1\ncontrols: []\n",
        "inputs/target.json": spelled(TARGET) + b"\n",
        "inputs/requirements.txt": b"cryptography==46.0.7\n",
        "report.html": b"<!doctype html><title>Report</title>\n",
    }
    if variant == "interrupted":
        # The last probe was cut off: it has no outcome, and the assessment says that nothing is known.
        files["outcomes.jsonl"] = b"".join(files["outcomes.jsonl"].splitlines(keepends=True)[:-1])
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assessment = assess(run, results, lines, VERDICTS[variant])
    if variant == "interrupted":
        assessment["run"]["status"] = "interrupted"
    return folder, assessment
