"""What a probe is given. Every fixture here leads to a channel, so nothing a probe sees can stay unrecorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from proofs.catalogue import support as tables
from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.plugin.run import TargetRun
from proofs.ports import (
    Experiments,
    HostChannel,
    LabChannel,
    LedgerChannel,
    MaterialChannel,
    NetworkChannel,
    RecordsChannel,
    ScapChannel,
    SqlChannel,
    TlsChannel,
)
from proofs.verdicts import experiment as conclude

RUN = pytest.StashKey[TargetRun]()
PROBE = pytest.StashKey[tuple[str, str]]()
USED = pytest.StashKey[list[int]]()


@pytest.fixture(autouse=True)
def proof_run(request: pytest.FixtureRequest) -> Iterator[TargetRun]:
    """The run this probe belongs to; its exchanges are attributed to it while this is open."""
    run = request.node.stash.get(RUN, None)
    if run is None:
        raise Indeterminate("not selected by the catalogue")
    with run.sink.for_probe(*request.node.stash[PROBE]) as used:
        request.node.stash[USED] = used
        yield run


@pytest.fixture
def target(proof_run: TargetRun) -> Target:
    """The target, as the inventory describes it."""
    return proof_run.target


@pytest.fixture
def params(request: pytest.FixtureRequest, proof_run: TargetRun) -> dict[str, ParameterValue]:
    """The effective parameters of the control this probe belongs to."""
    return proof_run.parameters_of(request.node.stash[PROBE][1])


@pytest.fixture
def now(proof_run: TargetRun) -> datetime:
    """When the run began (UTC): a replay judges by the day of the run."""
    return proof_run.started


@pytest.fixture
def sql(proof_run: TargetRun) -> SqlChannel:
    """The database as a client sees it."""
    return proof_run.sql


@pytest.fixture
def tls(proof_run: TargetRun) -> TlsChannel:
    """The endpoints' TLS."""
    return proof_run.tls


@pytest.fixture
def network(proof_run: TargetRun) -> NetworkChannel:
    """TCP reachability."""
    return proof_run.network


@pytest.fixture
def machine(proof_run: TargetRun) -> HostChannel:
    """The host's files and sockets, where the target gives access."""
    return proof_run.machine


@pytest.fixture
def scap(proof_run: TargetRun) -> ScapChannel:
    """The host's benchmark, evaluated by OpenSCAP where the target names one."""
    return proof_run.scap


@pytest.fixture
def ledger(proof_run: TargetRun) -> LedgerChannel:
    """The audit's hash chain and its anchors."""
    return proof_run.ledger


@pytest.fixture
def lab(proof_run: TargetRun) -> LabChannel:
    """Restarts, where the target is one of the project's own labs."""
    return proof_run.lab


@pytest.fixture
def records(proof_run: TargetRun) -> RecordsChannel:
    """Encrypted records, through an application's client."""
    return proof_run.records


@pytest.fixture
def material(proof_run: TargetRun) -> MaterialChannel:
    """CA, CRL and certificates on the prover's machine."""
    return proof_run.material


@pytest.fixture
def experiment(proof_run: TargetRun) -> Experiments:
    """Opens an attack with its control experiment."""
    return lambda title: conclude(title, proof_run.target.engine)


@pytest.fixture
def support(proof_run: TargetRun) -> Any:
    """`support(version)` → what the catalogue's dated table says of a server version, on the day of the run."""
    catalogue, day = proof_run.proof.catalogue, proof_run.started.date()
    engine = proof_run.target.engine

    def look_up(version: str) -> dict[str, Any]:
        row = tables.find_series(catalogue, version, engine)
        return {
            "engine": tables.engine_of(version),
            "series": tables.series_of(version, engine),
            "end_of_life": row.end_of_life if row else None,
            "days_left": tables.days_left(row, day) if row else None,
            "minimum": row.minimum if row else None,
            "at_least_minimum": tables.at_least(version, row.minimum, engine) if row and row.minimum else None,
            "table_age_days": tables.table_age_days(catalogue, day),
            "at_least": lambda minimum: tables.at_least(version, minimum, engine),
        }

    return look_up
