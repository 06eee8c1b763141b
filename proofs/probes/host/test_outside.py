"""Control firewall-default-deny, as a stranger meets it: connects from the vantage `outside`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target, Vantage
from proofs.ports import Experiment, Experiments, HostChannel, NetworkChannel, SqlChannel
from proofs.probes.host.server import sockets
from proofs.probes.host.test_firewall import policy
from proofs.probes.transport.settings import setting, texts

OUTSIDE = "outside"
CLOSED = ("timeout", "refused", "unreachable")


def test_database_is_out_of_reach_from_outside(
    network: NetworkChannel, sql: SqlChannel, target: Target, experiment: Experiments
) -> None:
    """The database's port, as the server itself names it, answers the vantage `here`, and not the vantage `outside`."""
    port = int(setting(sql, "port"))
    with experiment("connect to the database from outside") as e:
        e.control(network.connect(target.database.host, target.database.port))
        e.control(sql.login(_caller(target)))
        _show_the_way(network, target, e, port)
        e.attack(network.connect(_address(target), port, vantage=OUTSIDE), refused_with=CLOSED)


def test_nothing_else_answers_outside(
    *,
    machine: HostChannel,
    network: NetworkChannel,
    sql: SqlChannel,
    target: Target,
    params: Mapping[str, ParameterValue],
    experiment: Experiments,
) -> None:
    """What listens on the host, and a sample of other ports, is closed from outside unless the inventory lists it.

    Behind a port forwarder only ports that it forwards can be tried, and there silence may be a service that waits for
    its client to speak: it counts for ports alone where, by the host's own list, nothing listens.
    """
    database = int(setting(sql, "port"))
    listed = {database} | _admitted(target)
    listening = {s.port for s in sockets(machine) if s.protocol == "tcp" and not s.loopback} - listed
    sample = {int(port) for port in texts(params, "sample_ports") if port.isdecimal()} - listed - listening
    tried = []
    untried: list[str] = []
    for port in (*sorted(listening), *sorted(sample)):
        try:
            tried.append(network.connect(_address(target), port, vantage=OUTSIDE))
        except Indeterminate as error:
            untried.append(f"port {port}: {error}")
            if port in listening:
                raise Indeterminate(f"port {port} listens and could not be tried from outside: {error}") from None
    if not tried:
        raise Indeterminate(f"no port could be tried from outside: {'; '.join(untried[:2])}")
    with experiment("connect to other ports from outside") as e:
        e.control(network.connect(target.database.host, target.database.port))
        e.control(sql.login(_caller(target)))
        _show_the_way(network, target, e, database)
        for attempt in tried:
            e.attack(attempt, refused_with=CLOSED)
    if listening and _place(target).forwards:
        raise Indeterminate(
            f"what listens on port {min(listening)} did not speak through the forwarder: no proof of it"
        )


def _admitted(target: Target) -> set[int]:
    """Ports that the inventory may admit the vantage to: all, where the address it is seen by is not known."""
    place = _place(target)
    source = ip_address(place.source_address) if place.source_address else None
    return {
        admitted.port
        for admitted in policy(target)
        if source is None or any(source in ip_network(network, strict=False) for network in admitted.sources)
    }


def _address(target: Target) -> str:
    """The host as it is called from there: by an address that only a forwarder may know."""
    return _place(target).address or target.database.host


def _place(target: Target) -> Vantage:
    if OUTSIDE not in target.vantages:
        raise Indeterminate(f"the target names no vantage {OUTSIDE!r}")
    return target.vantages[OUTSIDE]


def _caller(target: Target) -> str:
    """An identity that logs in over the network: that it can shows that a connect reached the server itself."""
    names = [name for name, identity in target.identities.items() if identity.via == "tcp"]
    if not names:
        raise Indeterminate("the inventory has no identity that logs in over the network")
    return "inspector" if "inspector" in names else names[0]


def _show_the_way(network: NetworkChannel, target: Target, experiment: Experiment, database: int) -> None:
    """Where something stands between, silence may be its own: another listed port must be open by the same way."""
    place = _place(target)
    if not (place.forwards or place.through):
        return
    witnesses = sorted(_admitted(target) - {database})
    witnesses = [port for port in witnesses if not place.forwards or str(port) in place.forwards]
    if not witnesses:
        raise Indeterminate("no other port than the database's is listed and forwarded to show that the way works")
    attempts = [network.connect(_address(target), port, vantage=OUTSIDE) for port in witnesses]
    experiment.control(next((attempt for attempt in attempts if attempt.ok), attempts[0]))
