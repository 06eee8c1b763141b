"""Control firewall-default-deny, by the kernel's rules and the host's sockets."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import Admitted, ParameterValue, Target
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import Opening, Ruleset, Spans, read, strangers
from proofs.probes.host.netfilter.files import text_of
from proofs.probes.host.server import sockets
from proofs.probes.transport.settings import texts


def test_ipv4_lets_in_what_is_listed_only(
    machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Every TCP and UDP port, every source: the kernel's rules let in nothing that the inventory does not list.

    Loopback, ICMP and packets of connections that exist already are left aside. Ubuntu STIG UBTU-22-251010.
    """
    _nothing_wider(machine, target, params, 4)


def test_ipv6_lets_in_what_is_listed_only(
    machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """The same for IPv6, unless the kernel has no IPv6 address at all, not even loopback's (proc(5), if_inet6)."""
    if not text_of(machine, "ipv6-addresses").strip():
        raise NotApplicable("the host has no IPv6 address, not even loopback's: IPv6 is off")
    _nothing_wider(machine, target, params, 6)


def test_every_listening_socket_is_accounted_for(
    machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """What listens on other addresses than loopback is named in the inventory, whatever the firewall makes of it."""
    if target.host is None or not target.host.listeners:
        raise Indeterminate("the inventory does not list the ports that may listen (host.listeners)")
    known = {"tcp": set(target.host.listeners), "udp": udp_ports(params)}
    stray = [s for s in sockets(machine) if not s.loopback and s.port not in known.get(s.protocol, set())]
    shown = [f"{s.protocol} {s.address}:{s.port} ({', '.join(sorted({n for n, _ in s.owners}))!a})" for s in stray[:5]]
    assert not stray, f"{len(stray)} sockets listen that the inventory does not list: {'; '.join(shown)}"


def policy(target: Target) -> tuple[Admitted, ...]:
    """What the inventory says the firewall may let in."""
    if target.host is None or target.host.firewall is None:
        raise Indeterminate("the inventory does not say who may reach what (host.firewall)")
    return target.host.firewall


def udp_ports(params: Mapping[str, ParameterValue]) -> set[int]:
    """The parameter of that name."""
    found = texts(params, "udp_ports")
    if not all(port.isdecimal() for port in found):
        raise Indeterminate(f"parameter udp_ports names no ports: {', '.join(found)[:100]!a}")
    return {int(port) for port in found}


def compared(
    rules: Ruleset, target: Target, params: Mapping[str, ParameterValue], family: int
) -> tuple[list[str], list[str]]:
    """What rules let in beyond what the inventory lists: surely, and perhaps, by what was not understood of them."""
    tcp: dict[int, Spans] = {}
    for admitted in policy(target):
        networks = [ip_network(source, strict=False) for source in admitted.sources]
        spans = [Spans.network(network) for network in networks if network.version == family]
        tcp[admitted.port] = Spans.of(pair for each in (tcp.get(admitted.port, Spans()), *spans) for pair in each.pairs)
    udp = dict.fromkeys(udp_ports(params), strangers(family))
    wider, unsure = [], []
    for protocol, allowed in (("tcp", tcp), ("udp", udp)):
        for opening in rules.let_in(family, protocol, sorted(allowed)):
            listed = allowed.get(opening.ports[0], Spans())
            surely, perhaps = opening.sources - listed, opening.possible - listed
            if surely:
                wider.append(_shown(opening, protocol, surely, family))
            elif perhaps or opening.translated:
                unsure.append(_shown(opening, protocol, perhaps or opening.translated, family))
    return wider, unsure


def _nothing_wider(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue], family: int) -> None:
    rules = read(machine)
    wider, unsure = compared(rules, target, params, family)
    assert not wider, f"IPv{family}, more than the inventory lists is let in: {'; '.join(wider[:5])}"
    if unsure:
        why = "; ".join((*unsure[:3], *rules.unseen))
        raise Indeterminate(f"IPv{family}, there are rules that were not understood or lead elsewhere: {why}")


def _shown(opening: Opening, protocol: str, sources: Spans, family: int) -> str:
    first, last = opening.ports
    ports = f"port {first}" if first == last else f"ports {first} to {last}"
    return f"{protocol} {ports} from {'anywhere' if sources == strangers(family) else sources.shown(family)}"
