"""Whether what a bundle concludes follows from what it holds: journal, outcomes and assessment against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proofs.bundle import jsontext, shapes
from proofs.bundle.manifest import Entry, digest
from proofs.bundle.names import ASSESSMENT, JOURNAL, OUTCOMES, shown
from proofs.errors import IntegrityError
from proofs.model import Verdict

Document = Mapping[str, Any]
JOURNAL_FORMAT = "proof-of-controls/journal-1"


def lines(data: bytes, what: str) -> list[bytes]:
    """The lines of a JSON Lines member. Raises `IntegrityError` if the last one is not whole."""
    if data and not data.endswith(b"\n"):
        raise IntegrityError(f"{what} ends in the middle of a line")
    return data.split(b"\n")[:-1]


def journal(data: bytes, run: str, members: Mapping[str, Entry]) -> tuple[list[dict[str, Any]], str]:
    """The exchanges in order, and the hash of the last line.

    Raises `IntegrityError` for a broken chain, and for evidence that is named but not there as named.
    """
    raw = lines(data, JOURNAL)
    if not raw or jsontext.loads(raw[0], f"{JOURNAL} line 1") != {"journal": JOURNAL_FORMAT, "run": run}:
        raise IntegrityError(f"{JOURNAL} does not begin with the header of this run")
    exchanges, head = [], digest(raw[0])
    for number, line in enumerate(raw[1:], 1):
        entry = jsontext.loads(line, f"{JOURNAL} line {number + 1}")
        shapes.check(entry, "journal-line", f"{JOURNAL} line {number + 1}")
        if entry["seq"] != number:
            raise IntegrityError(f"{JOURNAL} line {number + 1} has number {entry['seq']}, expected {number}")
        if entry["prev"] != head:
            raise IntegrityError(f"the journal's chain is broken at exchange {number}")
        for reference in references(entry["answer"]):
            member = members.get(str(reference["path"]))
            if member is None or (member.sha256, member.size) != (reference["sha256"], reference["size"]):
                raise IntegrityError(
                    f"exchange {number} cites evidence {shown(str(reference['path']))} that is not there"
                )
        exchanges.append(entry)
        head = digest(line)
    return exchanges, head


def references(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `{"$evidence": {path, sha256, size}}` in an answer; any other use of that word is the host's own data."""
    if isinstance(value, dict):
        inner = value.get("$evidence")
        if len(value) == 1 and isinstance(inner, dict) and inner.keys() == {"path", "sha256", "size"}:
            yield inner
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def assessment(document: Document, run: Document, outcomes: Sequence[Document], exchanges: int, head: str) -> None:
    """Raise `IntegrityError` with the first reason why the assessment does not follow from the run."""
    _same_run(document, run)
    if document["journal"] != {"exchanges": exchanges, "head": head}:
        raise IntegrityError(f"{ASSESSMENT} is about another journal: number of exchanges or last hash differs")
    _same_outcomes(document, outcomes)
    planned = {control["id"]: control for control in run["controls"]}
    for control in document["controls"]:
        for probe in control["probes"]:
            _cited(control["id"], probe, exchanges)
        if control["verdict"] != verdict_of(planned[control["id"]], control["probes"]):
            raise IntegrityError(
                f"control {shown(control['id'])} is called {control['verdict']}, which does not follow from its probes"
            )
    counted = Counter(control["verdict"] for control in document["controls"])
    if document["counts"] != {str(verdict): counted[verdict] for verdict in Verdict}:
        raise IntegrityError(f"the counts of {ASSESSMENT} are not those of its controls")


def verdict_of(control: Document, probes: Sequence[Document]) -> Verdict:
    """What a control must be called, given `run.json`'s plan of it and the results of its probes.

    The worst probe decides (design: not-satisfied > indeterminate > satisfied; not-applicable only if all are);
    what was left out can't be satisfied. Raises `IntegrityError` if other probes are told of than were selected.
    """
    told = {probe["probe"] for probe in probes}
    if not told.issuperset(control["selected"]) or not told.issubset(control["probes"]):
        raise IntegrityError(f"control {shown(control['id'])} tells of other probes than were selected")
    seen = {probe["verdict"] for probe in probes}
    for verdict in (Verdict.NOT_SATISFIED, Verdict.INDETERMINATE):
        if verdict in seen:
            return verdict
    if not control["in_scope"]:
        return Verdict.NOT_APPLICABLE
    if not seen or not told.issuperset(control["probes"]):
        return Verdict.NOT_ASSESSED
    return Verdict.SATISFIED if Verdict.SATISFIED in seen else Verdict.NOT_APPLICABLE


def _same_run(document: Document, run: Document) -> None:
    for key in ("target", "profile", "harness", "tailoring"):
        if document[key] != run[key]:
            raise IntegrityError(f"{ASSESSMENT} and run.json do not agree on {key}")
    if any(document["run"].get(key) != value for key, value in run["run"].items()):
        raise IntegrityError(f"{ASSESSMENT} and run.json do not agree on the run")
    in_scope = [control for control in run["controls"] if control["in_scope"]]
    if not run["run"]["partial"] and any(set(one["selected"]) != set(one["probes"]) for one in in_scope):
        raise IntegrityError("run.json calls a run whole in which probes were not selected")
    own = {"probes", "selected", "verdict", "reason"}
    stated = [{key: control[key] for key in control.keys() - own} for control in document["controls"]]
    if stated != [{key: control[key] for key in control.keys() - own} for control in run["controls"]]:
        raise IntegrityError(f"{ASSESSMENT} and run.json do not agree on the controls")
    if len({control["id"] for control in stated}) != len(stated):
        raise IntegrityError(f"{ASSESSMENT} holds a control twice")


def _same_outcomes(document: Document, outcomes: Sequence[Document]) -> None:
    recorded = Counter(jsontext.dumps(outcome) for outcome in outcomes)
    stated: Counter[bytes] = Counter()
    for control in document["controls"]:
        for probe in control["probes"]:
            line = jsontext.dumps({**probe, "control": control["id"]})
            # A probe that a kill cut off has no outcome; its result may only say that nothing is known.
            cut_off = document["run"]["status"] == "interrupted" and probe["verdict"] == Verdict.INDETERMINATE
            if recorded[line] or not cut_off or probe["exchanges"]:
                stated[line] += 1
    if stated != recorded:
        raise IntegrityError(f"the probe results of {ASSESSMENT} are not those of {OUTCOMES}")


def _cited(control: str, probe: Document, exchanges: int) -> None:
    for number in probe["exchanges"]:
        if not 1 <= number <= exchanges:
            raise IntegrityError(f"control {shown(control)} cites exchange {number}, which is not in the journal")
    if probe["verdict"] == Verdict.SATISFIED and not probe["exchanges"]:
        raise IntegrityError(f"control {shown(control)} has a satisfied probe that cites no exchange")
