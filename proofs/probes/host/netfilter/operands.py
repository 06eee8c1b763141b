"""What matches compare with: words, ports, addresses; of nft --json, and destinations of iptables too."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from proofs.probes.host.netfilter.rules import EITHER, NO, UNKNOWN, YES, Condition, Every, Family
from proofs.probes.host.netfilter.spans import BITS, Spans


def words_of(value: Any) -> set[str]:
    """The words of a list, an inline set, a disjunction `|` or a word alone."""
    if isinstance(value, dict):
        value = next(iter(value.values()))
    parts = value if isinstance(value, list) else [value]
    return {word for part in parts for word in (words_of(part) if isinstance(part, dict | list) else {str(part)})}


def port_pair(value: Any) -> tuple[int, int] | None:
    """First and last of a port or a range of them; None for anything else."""
    ends = value["range"] if isinstance(value, dict) and "range" in value else [value, value]
    return (ends[0], ends[1]) if all(type(end) is int and 0 <= end <= 65535 for end in ends) else None


def addresses(family: int, value: Any) -> Spans | None:
    """An address, prefix or range of the family; None for anything else."""
    try:
        if isinstance(value, dict) and "prefix" in value:
            network = ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}", strict=False)
            return Spans.network(network) if network.version == family else None
        ends = [ip_address(str(end)) for end in (value["range"] if isinstance(value, dict) else [value, value])]
    except (ValueError, KeyError):
        return None
    return Spans.of([(int(ends[0]), int(ends[1]))]) if all(end.version == family for end in ends) else None


def destination_is(family: int, value: Any) -> Condition:
    """An address of the host's own is among those named or not, as the sender likes; none is multicast or loopback."""
    named = addresses(family, value)
    if named is None:
        return UNKNOWN
    return destination(family, named)


def destination(family: int, named: Spans) -> Condition:
    """The destination lies in a set; the host's own addresses are not known here."""
    special = (  # loopback and multicast; RFC 6890, RFC 4291
        [(127 << 24, (128 << 24) - 1), (224 << 24, (1 << 32) - 1)]
        if family == 4
        else [(0, 1), (255 << 120, (1 << 128) - 1)]
    )
    if not named - Spans.of(special):
        return NO
    everyone = not Spans(((0, (1 << BITS[family]) - 1),)) - named
    return Every((Family(family), YES if everyone else EITHER))
