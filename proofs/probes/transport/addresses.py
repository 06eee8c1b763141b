"""Addresses a server is told to listen on, those its host has, and which of them are the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import ConnectResult, HostChannel, NetworkChannel

Address = IPv4Address | IPv6Address
MOST = 8
_LOCAL = re.compile(r"\|-- (?P<address>[0-9.]+)\s+/32 host LOCAL")
_BY_NAME = {"localhost": ("127.0.0.1", "::1")}


def bare(entry: str) -> str:
    """One entry of `bind_address` without its network namespace (`198.51.100.1/red`) and without brackets."""
    return entry.partition("/")[0].strip().strip("[]")


def is_wildcard(entry: str) -> bool:
    """`*`, `0.0.0.0`, `::`, in whatever spelling; an empty value listens everywhere as well."""
    address = bare(entry)
    if address in ("", "*", "%"):
        return True
    found = parsed(address)
    return any(a.is_unspecified or (mapped(a) is not None and mapped(a).is_unspecified) for a in found)  # type: ignore[union-attr]


def mapped(address: Address) -> IPv4Address | None:
    """The IPv4 address inside `::ffff:a.b.c.d`."""
    return address.ipv4_mapped if isinstance(address, IPv6Address) else None


def parsed(entry: str) -> tuple[Address, ...]:
    """The addresses an entry means; empty for a host name, which only the server's resolver knows."""
    found = []
    for text in _BY_NAME.get(entry.lower(), (entry,)):
        try:
            address = ip_address(text)
        except ValueError:
            return ()
        found.append(mapped(address) or address)
    return tuple(found)


def named(entries: Iterable[str]) -> frozenset[Address]:
    """All addresses the entries mean. `Indeterminate` for a host name: what it stands for on the server is unknown."""
    found: set[Address] = set()
    for entry in entries:
        addresses = parsed(bare(entry))
        if not addresses:
            raise Indeterminate(f"{entry!a} is a host name: which addresses it means on the server was not seen")
        found.update(addresses)
    return frozenset(found)


def ways_to(network: NetworkChannel, target: Target, address: Address | str, port: int) -> ConnectResult:
    """A connect to another address of the host: from here, or from the vantage whose forwarders lead to that address.

    Where forwarders lead to the host, its addresses are those of another network: from here they may be anybody's.
    """
    here = target.vantages.get("here")
    if here is None or not here.forwards:
        return network.connect(str(address), port)
    for name, vantage in target.vantages.items():
        if vantage.address == str(address):
            return network.connect(str(address), port, vantage=name)
    raise Indeterminate(f"the inventory names no vantage that reaches {address} of the host (vantages.NAME.address)")


def other_addresses(target: Target, machine: HostChannel, own: Iterable[Address]) -> tuple[Address, ...]:
    """IPv4 addresses of the host that the server is not told to listen on and that can be dialled from here.

    From the kernel's table of local addresses (/proc/net/fib_trie, proc_net(5)); loopback counts only where prover and
    host are one machine, and there the whole of 127.0.0.0/8 is local, so 127.0.0.2 stands for the rest of it.
    """
    here = target.host is not None and target.host.local
    text = machine.read_text("/proc/net/fib_trie", limit=1 << 18)
    found: set[Address] = {ip_address(match["address"]) for match in _LOCAL.finditer(text)}
    if not found:
        raise Indeterminate("the host's own addresses were not found in /proc/net/fib_trie")
    if here:
        found.add(ip_address("127.0.0.2"))
    usable = (a for a in found - set(own) if here or not a.is_loopback)
    return tuple(sorted(usable, key=int))[:MOST]
