"""Control bind-address-restricted: TCP."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, NetworkChannel, SqlChannel
from proofs.probes.transport.addresses import bare, is_wildcard, named, other_addresses, parsed, ways_to
from proofs.probes.transport.settings import listed, setting, texts


def test_bind_address_names_addresses(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """The server is told to listen on named addresses, not on every one the host has.

    Variables `bind_address` (MySQL: a list since 8.0.13; MariaDB: since 10.11; empty means everywhere) and
    `admin_address`, which can be no wildcard. STIG MYS8-00-006000, MADB-10-003500.
    """
    entries = _entries(sql)
    allowed = texts(params, "allowed_addresses")
    wild = [entry for entry in entries if is_wildcard(entry)]
    assert params["allow_wildcard"] or not wild, f"the server listens everywhere: bind_address is {', '.join(wild)!a}"
    stray = [entry for entry in entries if allowed and not is_wildcard(entry) and bare(entry) not in allowed]
    assert not stray, f"bind_address names {', '.join(stray)!a}, expected only {', '.join(allowed)}"


def test_unlisted_address_is_refused(
    *,
    sql: SqlChannel,
    network: NetworkChannel,
    machine: HostChannel,
    target: Target,
    params: Mapping[str, ParameterValue],
    experiment: Experiments,
) -> None:
    """The server's ports are closed at the host's other addresses, while the named address answers.

    The other addresses are the parameter `other_addresses`, or else read from the host. `refused` is the kernel's
    answer where nothing listens; `timeout` that of a firewall in between.
    """
    entries = _entries(sql)
    if params["allow_wildcard"] and any(is_wildcard(entry) for entry in entries):
        raise NotApplicable("by parameter allow_wildcard the server may listen on every address")
    own = {*named(entry for entry in entries if not is_wildcard(entry)), *parsed(target.database.host)}
    others = texts(params, "other_addresses") or other_addresses(target, machine, own)
    if not others:
        raise NotApplicable("the host has no address besides those that bind_address names")
    ports = _ports(sql, target)
    with experiment("connect to an address that bind_address does not name") as e:
        e.control(network.connect(target.database.host, target.database.port))
        for port in ports:
            for address in others:
                e.attack(ways_to(network, target, address, port), refused_with=("refused", "timeout"))


def test_host_listens_only_there(sql: SqlChannel, machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """The host's listening sockets at the server's ports are those its configuration names.

    Read from /proc/net/tcp and tcp6, so that the server's own words are not believed: the value shown may have been
    bound otherwise (a proxy, an init system's socket, a second server on the same port).
    """
    entries = _entries(sql)
    ports = {setting(sql, "port"), sql.variable("admin_port"), sql.variable("extra_port")} - {None, "0"}
    sockets = [each for each in machine.listening() if str(each["port"]) in ports]
    if not sockets:
        raise Indeterminate(f"the host shows no listening socket at the server's ports {', '.join(map(str, ports))}")
    wild = [f"{each['address']} port {each['port']}" for each in sockets if is_wildcard(str(each["address"]))]
    assert params["allow_wildcard"] or not wild, f"the host listens on {', '.join(wild)}"
    if params["allow_wildcard"] and any(is_wildcard(entry) for entry in entries):
        return
    own = named(entry for entry in entries if not is_wildcard(entry))
    stray = [
        f"{each['address']} port {each['port']}" for each in sockets if not set(parsed(str(each["address"]))) <= own
    ]
    assert not stray, f"the host listens on {', '.join(stray)[:300]}, which bind_address does not name"


def _ports(sql: SqlChannel, target: Target) -> list[int]:
    """The server's ports as they are on the host: behind forwarders those the server names, else the inventory's."""
    here = target.vantages.get("here")
    if here is not None and here.forwards:
        return [int(port) for port in (setting(sql, "port"), sql.variable("admin_port")) if port not in (None, "0")]
    return [port for port in (target.database.port, target.database.admin_port) if port is not None]


def _entries(sql: SqlChannel) -> tuple[str, ...]:
    """Where the server is told to listen: `bind_address` (an empty value is kept as such) and `admin_address`."""
    entries = listed(setting(sql, "bind_address")) or ("",)
    admin = sql.variable("admin_address")
    return (*entries, admin) if admin else entries
