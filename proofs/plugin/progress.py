"""What a person sees: a line per control as it is concluded, where the proof stands, and the summary."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from proofs.export.words import tailored
from proofs.model import ProbeResult, Verdict
from proofs.plugin import fixtures
from proofs.plugin.prepare import Proof
from proofs.verdicts.controls import of_control

if TYPE_CHECKING:
    from proofs.plugin.run import TargetRun

MARKS = {
    "satisfied": ("✓", {"green": True}),
    "not-satisfied": ("✗", {"red": True, "bold": True}),
    "indeterminate": ("?", {"yellow": True, "bold": True}),
    "not-applicable": ("-", {"light": True}),
    "not-assessed": ("·", {"light": True}),
}
EVERY_S = 30
SHARED_BY = 4
"""From this many probes on, a common reason is told once."""


class Progress:
    """Writes through pytest's terminal; on a terminal it keeps one status line, in a log it does not."""

    def __init__(self, config: pytest.Config, proof: Proof) -> None:
        self._config = config
        self._proof = proof
        self._left: Counter[tuple[str, str]] = Counter()
        self._total = self._done = 0
        self._live = sys.stderr.isatty() and sys.stdout.isatty()
        self._seen: str | None = None
        self._told = 0.0

    def preparing(self) -> None:
        """Labs may take a moment, the first time much longer."""
        inventory = self._proof.inventory
        for name in self._proof.targets if inventory else ():
            if inventory and "lab" in inventory.entry(name):
                said = "brought up unless it is; the first time, its packages are fetched and unpacked"
                self._out.write_line(f"lab {name}: {said} …")

    def start(self, items: Sequence[pytest.Item], runs: Mapping[str, TargetRun]) -> None:
        """The probes are known."""
        self._total = len(items)
        for item in items:
            self._left[(item.stash[fixtures.RUN].target.name, item.stash[fixtures.PROBE][1])] += 1
        reporter = self._out
        reporter.ensure_newline()
        # File names and percentages are for test suites; here a line stands for a control.
        reporter.showfspath = False
        reporter._show_progress_info = False  # pytest has no public switch for it

    def probe(self, item: pytest.Item) -> None:
        """A probe begins."""
        run = item.stash[fixtures.RUN]
        if run.target.name != self._seen:
            self._seen = run.target.name
            self._wipe()
            self._out.write_line(f"proving {run.target.name} ({run.target.title}), profile {run.profile}", bold=True)
        if self._live:
            probe, control = item.stash[fixtures.PROBE]
            text = f"  [{self._done + 1}/{self._total}] {control}: {probe.rpartition('::')[2]}"
            sys.stderr.write(f"\r\033[2K{text[:100]}")
            sys.stderr.flush()

    def within(self, text: str) -> None:
        """How far a look is that takes minutes; in a log, a line now and then."""
        if not self._live and time.monotonic() - self._told < EVERY_S:
            return
        self._told = time.monotonic()
        # A probe runs with its output captured.
        with self._config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            if self._live:
                sys.stderr.write(f"\r\033[2K  {text[:100]}")
                sys.stderr.flush()
            else:
                self._out.write_line(f"  {text[:100]}")

    def result(self, run: TargetRun, result: ProbeResult) -> None:
        """A probe has ended; when it was the last of its control, so has the control."""
        self._done += 1
        key = (run.target.name, result.control)
        self._left[key] -= 1
        if self._left[key]:
            return
        control = run.proof.catalogue.controls[result.control]
        outcomes = {name: (found.verdict, found.reason) for name, found in run.results.items()}
        chosen = [name for name in control.probes if name in outcomes]
        verdict, reason = of_control(control.probes, chosen, outcomes)
        took = sum(run.results[name].duration_s for name in chosen)
        self._wipe()
        self._line(str(verdict), control.id, control.severity, reason, f"{len(chosen)} probes, {took:.2f} s")

    def stop(self) -> None:
        """No more probes."""
        self._wipe()

    def summary(self, out: pytest.TerminalReporter, problems: Sequence[str]) -> None:
        """Counts, what to do, and where the bundle is, target by target."""
        for assessment in self._proof.assessments:
            self._assessment(out, assessment)
        for bundle in self._proof.bundles:
            out.write_line(f"bundle  {bundle}", bold=True)
        signer = self._proof.signer
        if self._proof.bundles and signer is not None:
            words = (
                f"signed by key {signer.keyid[:16]}…"
                if signer.kind == "named"
                else "signed by a key made for this run: it proves integrity, not origin (--signing-key FILE)"
            )
            out.write_line(f"        {words}")
        for problem in problems:
            out.write_line(f"ERROR: {problem}", red=True)

    def _assessment(self, out: pytest.TerminalReporter, assessment: Mapping[str, Any]) -> None:
        run, counts = assessment["run"], assessment["counts"]
        out.section(f"{assessment['target']['name']}: {assessment['target']['title']}", "=")
        shared = _shared_reasons(assessment)
        for number, reason in enumerate(shared, start=1):
            out.write_line(f"({number}) {shared[reason]} probes could not see, all for this reason:", yellow=True)
            out.write_line(f"    {reason}")
        numbers = {reason: number for number, reason in enumerate(shared, start=1)}
        for control in assessment["controls"]:
            if control["verdict"] in ("not-satisfied", "indeterminate"):
                self._finding(out, control, numbers)
        said = [f"{number} {verdict}" for verdict, number in counts.items() if number]
        out.write_line(", ".join(said) + f" of {len(assessment['controls'])} controls", bold=True)
        for record in assessment["tailoring"]:
            out.write_line(f"TAILORED: {tailored(record)}", yellow=True)
        if run["partial"]:
            out.write_line(f"PARTIAL RUN ({run['selection']}): what was left out is not assessed", yellow=True)
        if run["status"] != "complete":
            out.write_line("INTERRUPTED: controls that were not finished are indeterminate", yellow=True)
        if not counts[str(Verdict.SATISFIED)]:
            out.write_line("No control was seen to hold.", yellow=True)
        for warning in assessment["warnings"]:
            out.write_line(f"note: {warning}")

    def _finding(self, out: pytest.TerminalReporter, control: Mapping[str, Any], shared: Mapping[str, int]) -> None:
        mark, style = MARKS[control["verdict"]]
        out.write_line(f"{mark} {control['id']} ({control['severity']}): {control['title']}", **style)
        for probe in control["probes"]:
            if probe["verdict"] in ("not-satisfied", "indeterminate"):
                number = shared.get(_cause(probe))
                out.write_line(f"    {probe['verdict']}: {f'see ({number})' if number else probe['reason']}")
                out.write_line(f"    in {probe['probe']}", light=True)
        if control["verdict"] == "not-satisfied":
            out.write_line("    remedy:")
            for line in control["remediation"].strip().splitlines():
                out.write_line(f"      {line}")

    def _line(self, verdict: str, control: str, severity: str, reason: str, detail: str) -> None:
        mark, style = MARKS[verdict]
        out = self._out
        out.write(f"{mark} {verdict:<15}", **style)
        out.write(f"{control:<32} {severity:<7}")
        out.write(f"{detail}\n", light=True)
        if verdict in ("not-applicable", "not-assessed"):
            out.write_line(f"    {reason}", light=True)

    def _wipe(self) -> None:
        if self._live:
            sys.stderr.write("\r\033[2K")
            sys.stderr.flush()

    @property
    def _out(self) -> pytest.TerminalReporter:
        reporter: pytest.TerminalReporter = self._config.pluginmanager.getplugin("terminalreporter")
        return reporter


def _cause(probe: Mapping[str, Any]) -> str:
    """An indeterminate probe's reason without the number of its exchange, so that one cause is told once."""
    reason = re.sub(r"^exchange \d+: ", "", str(probe["reason"]))
    return reason if probe["verdict"] == "indeterminate" else ""


def _shared_reasons(assessment: Mapping[str, Any]) -> dict[str, int]:
    """Reasons that kept several probes from seeing, most frequent first: a host that is down has one, not eighty."""
    causes = Counter(_cause(probe) for control in assessment["controls"] for probe in control["probes"])
    return {cause: number for cause, number in causes.most_common() if cause and number >= SHARED_BY}
