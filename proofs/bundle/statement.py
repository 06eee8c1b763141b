"""What is claimed: an in-toto Statement v1 with a test-result predicate (in-toto/attestation, v0.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofs.bundle import jsontext
from proofs.bundle.names import CATALOGUE, MANIFEST, TARGET, shown
from proofs.errors import IntegrityError

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
FORMAT = "proof-of-controls/bundle-1"


def build(assessment: Mapping[str, Any], digests: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The statement about one assessment.

    `digests` are the SHA-256 of `manifest.json`, `inputs/target.json` and `inputs/controls.yaml`; `kind` is the
    signer's. `PASSED` takes a complete, unselected run in which every control in scope is satisfied.
    """
    run, target = assessment["run"], assessment["target"]["name"]
    by_verdict: dict[str, list[str]] = {}
    for control in assessment["controls"]:
        by_verdict.setdefault(control["verdict"], []).append(control["id"])
    failed = sorted(by_verdict.get("not-satisfied", []) + by_verdict.get("indeterminate", []))
    warned = sorted(by_verdict.get("not-assessed", []))
    passed = sorted(by_verdict.get("satisfied", []))
    whole = run["status"] == "complete" and not run["partial"]
    return {
        "_type": TYPE,
        "subject": [
            {"name": MANIFEST, "digest": {"sha256": digests[MANIFEST]}},
            {"name": f"target:{target}", "digest": {"sha256": digests[TARGET]}},
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "PASSED" if whole and passed and not failed and not warned else "FAILED",
            "configuration": [
                {"name": "controls.yaml", "digest": {"sha256": digests[CATALOGUE]}},
                {"name": TARGET, "digest": {"sha256": digests[TARGET]}},
            ],
            "passedTests": passed,
            "failedTests": failed,
            "warnedTests": warned,
            "proofOfControls": {
                "format": FORMAT,
                "signer": kind,
                "run": run["id"],
                "target": target,
                "started": run["started"],
                "status": run["status"],
            },
        },
    }


def parse(payload: bytes) -> dict[str, Any]:
    """A payload that is a statement of this type about this format. Raises `IntegrityError`."""
    parsed = jsontext.loads(payload, "the signed statement")
    if not isinstance(parsed, dict) or parsed.get("_type") != TYPE:
        raise IntegrityError(f"the signed payload is not an in-toto statement ({TYPE})")
    if parsed.get("predicateType") != PREDICATE_TYPE:
        raise IntegrityError(
            f"the predicate type is {shown(str(parsed.get('predicateType')))}, expected {PREDICATE_TYPE}"
        )
    match parsed:
        case {
            "subject": [{"name": "manifest.json", "digest": {"sha256": str()}}, {"name": str()}],
            "predicate": {
                "result": str(),
                "proofOfControls": {"format": "proof-of-controls/bundle-1", "signer": "named" | "ephemeral"},
            },
        }:
            return parsed
    raise IntegrityError("the signed statement is not about a bundle of this format")


def check_claims(parsed: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise `IntegrityError` naming the first field in which the statement departs from the assessment."""
    for field in ("result", "passedTests", "failedTests", "warnedTests", "configuration", "proofOfControls"):
        if parsed["predicate"].get(field) != expected["predicate"][field]:
            raise IntegrityError(f"the signed statement's {field} does not agree with the assessment")
    if parsed != expected:
        raise IntegrityError("the signed statement does not agree with the bundle")
