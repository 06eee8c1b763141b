"""The pytest hooks of a proof: which probes run against which target, what became of each, and the sealing."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from proofs.errors import IntegrityError, ProofsError, StorageError
from proofs.model import ProbeResult, Verdict
from proofs.plugin import fixtures, selection
from proofs.plugin.finish import finish
from proofs.plugin.limits import deadline, interrupt_on_sigterm
from proofs.plugin.outcomes import verdict_of
from proofs.plugin.prepare import Proof
from proofs.plugin.progress import Progress
from proofs.plugin.run import TargetRun
from proofs.plugin.targets import open_targets

OUTCOME = pytest.StashKey[tuple[Verdict, str]]()
STARTED = pytest.StashKey[tuple[str, float]]()


class ProofHooks:
    """Registered only when a proof was asked for."""

    def __init__(self, config: pytest.Config, proof: Proof) -> None:
        self._config = config
        self._proof = proof
        self._runs: dict[str, TargetRun] = {}
        self._stack = ExitStack()
        self._progress = Progress(config, proof)
        self._problems: list[str] = []
        self._broken: list[str] = []
        self.assessments = proof.assessments
        config.pluginmanager.register(fixtures, "proofs-fixtures")
        self._stack.enter_context(interrupt_on_sigterm())

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Every probe once for each target."""
        if selection.probe_id(metafunc.definition) is not None:
            metafunc.parametrize("proof_run", self._proof.targets, indirect=True, ids=self._proof.targets)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the probes of the catalogue, in its order, target by target."""
        kept, dropped = selection.choose(items, self._proof)
        items[:] = kept
        if dropped:
            config.hook.pytest_deselected(items=dropped)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A probe file that can't be read is a mistake to be told, and nothing is contacted with it."""
        if report.failed:
            lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
            self._broken.append(f"{report.nodeid}: {lines[-1] if lines else report.longreprtext[-300:]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Bring up labs, resolve every target, and only then contact the first."""
        if self._broken:
            raise pytest.UsageError("\n".join(self._broken))
        if self._config.option.collectonly:
            return
        self._progress.preparing()
        try:
            runs = [TargetRun(self._proof, target) for target in self._stack.enter_context(open_targets(self._proof))]
            session.items[:] = selection.in_scope(session.items, {run.target.name: run for run in runs})
            for run in runs:
                run.tell = self._progress.within
                run.begin(*selection.selected(session.items, run, self._config))
                self._runs[run.target.name] = run
        except ProofsError as error:
            raise pytest.UsageError(str(error)) from error
        self._progress.start(session.items, self._runs)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note when a probe began."""
        item.stash[STARTED] = (datetime.now(UTC).isoformat(timespec="milliseconds"), time.perf_counter())
        self._progress.probe(item)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """No probe outlives the time limit of the run."""
        run = item.stash[fixtures.RUN]
        with deadline(run.started_monotonic, run.target.run_timeout_s):
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge each phase; the probe's verdict is that of the worst phase, and pytest's outcome follows it."""
        report = yield
        if call.excinfo is not None and isinstance(call.excinfo.value, StorageError):
            self._problems.append(str(call.excinfo.value))
            item.session.shouldstop = str(call.excinfo.value)
        used = item.stash.get(fixtures.USED, [])
        verdict, reason = verdict_of(call, looked=bool(used))
        before = item.stash.get(OUTCOME, None)
        # What goes wrong while tidying up puts a good end in doubt, but takes nothing from a finding.
        if before is None or (verdict is not Verdict.SATISFIED and before[0] is not Verdict.NOT_SATISFIED):
            item.stash[OUTCOME] = before = (verdict, reason)
        if verdict is Verdict.NOT_APPLICABLE:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1] or 0, reason)
        elif verdict is not Verdict.SATISFIED:
            report.outcome = "failed"
            if self._config.option.tbstyle == "no":
                report.longrepr = reason
        report.user_properties.append(("verdict", str(verdict)))
        if call.when == "teardown":
            self._record(item, before, used)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """pytest's counts in the words of a proof; nothing is printed per probe (the progress display does)."""
        verdict = next((value for name, value in report.user_properties if name == "verdict"), None)
        if verdict is None or (report.when != "call" and report.outcome == "passed"):
            return None if verdict is None else ("", "", "")
        words = {"satisfied": "passed", "not-satisfied": "failed", "not-applicable": "skipped"}
        category = words.get(str(verdict), "error")
        return category, "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Seal every run, also an interrupted one; an all-green session without a satisfied control is not green."""
        self._progress.stop()
        for run in self._runs.values():
            try:
                run.close()
                self._finish(run)
            except ProofsError as error:
                self._problems.append(str(error))
        self._stack.close()
        if self._problems and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        empty = [a for a in self._proof.assessments if not a["counts"]["satisfied"]]
        if empty and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The summary people read."""
        self._progress.summary(terminalreporter, self._problems)

    def pytest_unconfigure(self) -> None:
        """Whatever happened, nothing this session brought up stays up."""
        self._stack.close()

    def _record(self, item: pytest.Item, outcome: tuple[Verdict, str], used: list[int]) -> None:
        probe, control = item.stash[fixtures.PROBE]
        started, clock = item.stash[STARTED]
        run = item.stash[fixtures.RUN]
        doc = (getattr(getattr(item, "function", None), "__doc__", None) or "").strip().split("\n\n")[0]
        result = ProbeResult(
            probe,
            control,
            *outcome,
            exchanges=tuple(dict.fromkeys(used)),
            started=started,
            duration_s=round(time.perf_counter() - clock, 4),
            summary=" ".join(doc.split()),
        )
        try:
            run.record(result)
        except StorageError as error:
            self._problems.append(f"{run.target.name}: outcome of {probe} cannot be written: {error}")
            item.session.shouldstop = self._problems[-1]
        self._progress.result(run, result)

    def _finish(self, run: TargetRun) -> None:
        if run.directory is None:
            self._proof.assessments.append(run.replayed())
            return
        if self._proof.signer is None:
            raise IntegrityError("no signer for a live run")
        done = finish(
            run.directory,
            self._proof.signer,
            self._proof.reports,
            secrets=[secret for _, secret in run.secrets.values()],
            connections=run.connections(),
            warnings=run.warnings(),
        )
        self._proof.assessments.append(done.assessment)
        self._proof.bundles.append(done.bundle)
