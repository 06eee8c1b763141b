"""One run against one target: its directory, its channels, its results."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from proofs.catalogue.secretstore import SecretStore
from proofs.catalogue.tailor import scope, tailor, without_effect
from proofs.channels.budget import DEFAULT_LIMIT, AbortBudget
from proofs.channels.host import Machine
from proofs.channels.ledger import Ledger, Since
from proofs.channels.material import Material
from proofs.channels.network import Network
from proofs.channels.records import RecordsLooks
from proofs.channels.scap import Scap
from proofs.channels.sql import Sql
from proofs.channels.tls import Tls
from proofs.evidence import Journal, Redactor, ReplaySink, RunDirectory
from proofs.model import ParameterValue, ProbeResult, Target
from proofs.plugin.header import run_header, write_inputs
from proofs.plugin.prepare import Proof
from proofs.plugin.restarts import Restarts
from proofs.plugin.settings import apply_settings
from proofs.verdicts import assess


class TargetRun:
    """Channels and records of one target. `begin` once the selection is known; `close` in every case."""

    def __init__(self, proof: Proof, target: Target) -> None:
        self.proof = proof
        self.target = target
        self.profile = proof.profile or target.profile
        self.parameters, self.tailoring = tailor(proof.catalogue, self.profile, target)
        apply_settings(proof.settings, proof.catalogue, self.parameters, self.tailoring)
        self.scope = scope(proof.catalogue, self.profile, target.engine)
        self.results: dict[str, ProbeResult] = {}
        self.secrets = SecretStore()
        if proof.replay is None:
            # Before anything is contacted: one that can't be had is a mistake of the inventory, and what is known
            # from the start is redacted from the start.
            for identity in target.identities.values():
                if identity.password is not None:
                    self.secrets.resolve(identity.password)
        self.started = datetime.now(UTC).replace(microsecond=0)  # as it is recorded, so that a replay sees the same
        self.started_monotonic = time.monotonic()
        self.directory: RunDirectory | None = None
        self.since: Since | None = proof.checkpoints.get(target.name)
        self.sink: Journal | ReplaySink
        self.tell: Callable[[str], None] = lambda _: None  # how far a look is that takes minutes, for people
        self.budget = AbortBudget(lambda: self.sql.good_login())  # noqa: PLW0108 - there is no `sql` yet

    def begin(self, selected: Mapping[str, Iterable[str]], selection: str | None) -> None:
        """Open the evidence: a new run directory, or the bundle's journal in a replay.

        `selected` maps each control to the probes chosen for this run. Raises `ConfigurationError`.
        """
        self._selected = {control: list(probes) for control, probes in selected.items()}
        bundle = self.proof.replay
        if bundle is not None:
            self.started = datetime.fromisoformat(bundle.run["run"]["started"])
            self.sink = ReplaySink(bundle.journal, bundle.evidence)
        else:
            header = self._header(selected, selection)
            parent = self.proof.reports / ".runs"
            self.directory = RunDirectory.create(parent, f"{self.target.name}-{self.started:%Y%m%dT%H%M%SZ}")
            try:
                write_inputs(self.directory, self.proof.catalogue, self.target, header)
                self.sink = Journal(self.directory.path, header["run"]["id"], Redactor(self.secrets.values))
            except BaseException:
                # Nothing was looked at yet: no run was begun.
                shutil.rmtree(self.directory.path)
                raise
        self.sql = Sql(self.target, self.sink, self.secrets, self.budget)
        self.tls = Tls(self.target, self.sink, self.budget)
        self.network = Network(self.target, self.sink)
        self.machine = Machine(self.target, self.sink)
        self.scap = Scap(self.target, self.sink, self.machine, self.tell)
        self.material = Material(self.target, self.sink)
        self.records = RecordsLooks(self.target, self.sink, self.secrets)
        self.ledger = Ledger(self.target, self.sink, self.secrets, self.since)
        self.lab = Restarts(self.target, self.sink, self.sql)

    def record(self, result: ProbeResult) -> None:
        """Keep one probe's result, on the disk at once."""
        self.results[result.probe] = result
        if self.directory is not None:
            if isinstance(self.sink, Journal):
                self.sink.sync()
            self.directory.append_outcome(result)

    def parameters_of(self, control: str) -> dict[str, ParameterValue]:
        """Effective parameters of a control."""
        return self.parameters[control]

    def recorded_selection(self) -> frozenset[str] | None:
        """In a replay, the probes that the recorded run had selected; otherwise None."""
        bundle = self.proof.replay
        if bundle is None or not bundle.run["run"]["partial"]:
            return None
        return frozenset(probe for control in bundle.run["controls"] for probe in control["selected"])

    def replayed(self) -> dict[str, Any]:
        """The assessment of a replay: today's judgement of the recorded run."""
        bundle = self.proof.replay
        if bundle is None:
            raise ValueError("not a replay")
        return assess(
            self._header(self._selected, bundle.run["run"]["selection"]),
            [asdict(result) for result in self.results.values()],
            bundle.assessment["journal"],
            finished=bundle.assessment["run"]["finished"],
            status=bundle.assessment["run"]["status"],
            connections=bundle.assessment["connections"],
        )

    def warnings(self) -> list[str]:
        """What an assessor should know about how the looks were taken."""
        found = list(self.proof.inventory.warnings) if self.proof.inventory else []
        found += without_effect(self.target, self.scope)
        if self.budget.aborted:
            found.append(
                f"{self.budget.aborted} connections were ended without a login, never more than {DEFAULT_LIMIT} "
                f"without a good login between, so that the server does not block this address"
            )
        if self.since is not None:
            found.append(f"the audit's chain was verified since id {self.since.id} of {self.since.origin}, not in full")
        return found

    def connections(self) -> dict[str, int]:
        """How many connections were ended without a login, and how many good logins were put between them."""
        return {"aborted": self.budget.aborted, "good_logins": self.budget.renewals}

    def close(self) -> None:
        """End sessions and close the journal."""
        self.sql.close()
        self.machine.close()
        self.sink.close()

    def _header(self, selected: Mapping[str, Iterable[str]], selection: str | None) -> dict[str, Any]:
        return run_header(
            catalogue=self.proof.catalogue,
            profile=self.profile,
            target=self.target,
            scope=self.scope,
            parameters=self.parameters,
            tailoring=self.tailoring,
            started=self.started,
            selected=selected,
            selection=selection,
        )
