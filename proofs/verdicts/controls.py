"""A control's verdict from its probes' (design rule: the worst of them; not assessed when probes were left out)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from proofs.model import Verdict

_ORDER = (Verdict.NOT_SATISFIED, Verdict.INDETERMINATE, Verdict.SATISFIED)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some probes' verdicts; `not-applicable` only if all are. No verdicts at all: `indeterminate`."""
    found = set(verdicts)
    for verdict in _ORDER:
        if verdict in found:
            return verdict
    return Verdict.NOT_APPLICABLE if found else Verdict.INDETERMINATE


def of_control(
    probes: Sequence[str], selected: Collection[str], outcomes: dict[str, tuple[Verdict, str]]
) -> tuple[Verdict, str]:
    """Verdict and reason of a control in scope.

    `probes` are all its probes, `selected` those chosen for this run, `outcomes` what became of them. A finding
    stands whatever was left out; but what was left out can never be satisfied.
    """
    chosen = [probe for probe in probes if probe in selected]
    if not chosen:
        return Verdict.NOT_ASSESSED, "none of its probes was selected for this run"
    judged = {
        probe: outcomes.get(probe, (Verdict.INDETERMINATE, "the run ended before this probe did")) for probe in chosen
    }
    verdict = worst(verdict for verdict, _ in judged.values())
    if verdict in (Verdict.NOT_SATISFIED, Verdict.INDETERMINATE):
        return verdict, "; ".join(reason for found, reason in judged.values() if found is verdict)
    if len(chosen) < len(probes):
        return Verdict.NOT_ASSESSED, f"{len(probes) - len(chosen)} of its {len(probes)} probes were not selected"
    if verdict is Verdict.NOT_APPLICABLE:
        return verdict, "; ".join(dict.fromkeys(reason for _, reason in judged.values()))
    return verdict, ""
