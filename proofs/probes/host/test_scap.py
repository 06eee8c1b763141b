"""Control scap-benchmark-passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import Json, ParameterValue
from proofs.ports import ScapChannel
from proofs.probes.transport.settings import number, texts

JUDGED = {"high": "high", "medium": "medium", "unknown": "medium"}
"""Severity of a rule → the limit it counts for; one that says none is not taken lightly."""
_UNSEEN = ("error", "unknown", "notchecked")
"""Results of a rule that applies and of which nothing was seen; NIST IR 7275r4, section 6.6."""
_RULE = "content_rule_"


def test_no_rule_fails_beyond_the_limits(scap: ScapChannel, params: Mapping[str, ParameterValue]) -> None:
    """Failed rules by severity, without the accepted ones; a scan in which no rule applied shows nothing."""
    found = scap.evaluate()
    rules: list[Json] = found["rules"]
    counts = ", ".join(f"{number} {result}" for result, number in found["counts"].items())
    if not any(rule["result"] in ("pass", "fail", "fixed") for rule in rules):
        raise Indeterminate(f"no rule of profile {found['profile']} applied ({counts}): content for another system?")
    accepted = frozenset(texts(params, "accepted_rules"))
    judged = [
        rule for rule in rules if rule["severity"] in JUDGED and not accepted & {rule["id"], _short(str(rule["id"]))}
    ]
    for severity in ("high", "medium"):
        of_it = [rule for rule in judged if JUDGED[rule["severity"]] == severity]
        failed = [rule for rule in of_it if rule["result"] == "fail"]
        limit = number(params, f"maximum_failures_{severity}")
        assert len(failed) <= limit, f"{len(failed)} rules of severity {severity} failed: {_named(failed)} ({counts})"
    unseen = [rule for rule in judged if rule["result"] in _UNSEEN]
    if unseen:
        raise Indeterminate(f"{len(unseen)} rules could not be evaluated: {_named(unseen)} ({counts})")


def _short(rule: str) -> str:
    return rule.partition(_RULE)[2] or rule


def _named(rules: Sequence[Json]) -> str:
    names = [_short(str(rule["id"])) for rule in rules[:10]]
    return ascii(", ".join(names) + (", …" if len(rules) > 10 else ""))
