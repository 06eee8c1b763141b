"""Matches of nft --json on a stranger's new connection, as conditions. Format: libnftables-json(5), expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proofs.probes.host.netfilter.operands import addresses, destination_is, port_pair, words_of
from proofs.probes.host.netfilter.rules import (
    EITHER,
    NO,
    UNKNOWN,
    YES,
    AnyOf,
    Condition,
    Every,
    Family,
    From,
    Interface,
    Not,
    Ports,
    Protocol,
)
from proofs.probes.host.netfilter.spans import Spans

Sets = Mapping[str, Mapping[str, Any]]
"""Named sets and maps of a table."""
_NUMBERS = {6: "tcp", 17: "udp"}
_FAMILIES = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6}
_OTHERS = frozenset(("icmp", "icmpv6", "sctp", "dccp", "udplite", "esp", "ah", "comp", "igmp", "arp"))
_OWN = frozenset({"local", "unicast"})
_SENDERS_KEYS = frozenset({"length", "pkttype", "time", "day", "hour", "cpu", "random", "priority"})
"""Keys of `meta` that the sender or the moment decides."""


def match_of(body: Mapping[str, Any], sets: Sets) -> Condition:
    """A match statement {op, left, right}."""
    op, left, right = body["op"], body["left"], body["right"]
    if not isinstance(left, dict):
        return UNKNOWN
    if "&" in left:
        return _flags(left["&"][0], left["&"][1], right, op)
    if op == "in" and _field(left) == ("tcp", "flags"):
        return _flags(left, right, ["syn"], "==") if "syn" in words_of(right) else NO
    condition = key_is(left, right, sets)
    if op in ("==", "in"):
        return condition
    if op == "!=":
        return Every((*_dependencies(left), Not(condition)))
    return _compared(left, op, right)


def key_is(left: Any, right: Any, sets: Sets) -> Condition:  # noqa: PLR0911 - one answer for each form of a value
    """A key (an expression of the packet) is a value, or one of a set, range or prefix."""
    if isinstance(right, str) and right.startswith("@"):
        known = sets.get(right[1:])
        if known is None or fleeting(known):
            return UNKNOWN
        entries = [each[0] if known.get("map") else each for each in known.get("elem", [])]
        return _any_of(key_is(left, each, sets) for each in entries)
    if isinstance(right, dict) and "set" in right:
        return _any_of(key_is(left, each, sets) for each in right["set"])
    if isinstance(right, list):
        return _any_of(key_is(left, each, sets) for each in right)
    if isinstance(right, dict) and "elem" in right:
        return key_is(left, right["elem"]["val"], sets)
    if isinstance(left, dict) and "concat" in left:
        if not isinstance(right, dict) or len(right.get("concat", [])) != len(left["concat"]):
            return UNKNOWN
        return Every(
            tuple(key_is(one, other, sets) for one, other in zip(left["concat"], right["concat"], strict=True))
        )
    return _one(left, right)


def _any_of(conditions: Iterable[Condition]) -> Condition:
    """One of these, those of one kind in one: a list of thousands of addresses is no work of its square."""
    sources: dict[int, list[tuple[int, int]]] = {}
    ports: dict[str | None, list[tuple[int, int]]] = {}
    others = []
    for each in conditions:
        if isinstance(each, From):
            sources.setdefault(each.family, []).extend(each.sources.pairs)
        elif isinstance(each, Ports):
            ports.setdefault(each.protocol, []).extend(each.ports.pairs)
        else:
            others.append(each)
    merged: list[Condition] = [From(family, Spans.of(pairs)) for family, pairs in sources.items()]
    merged += [Ports(protocol, Spans.of(pairs)) for protocol, pairs in ports.items()]
    return AnyOf((*merged, *others))


def fleeting(known: Mapping[str, Any]) -> bool:
    """A set or map that packets fill, or whose entries end: what it holds at the moment is not a policy."""
    return bool({"dynamic", "timeout"} & words_of(known.get("flags", [])))


def _one(left: Any, right: Any) -> Condition:  # noqa: PLR0911 - one line for each kind of key
    if not isinstance(left, dict):
        return UNKNOWN
    match _field(left):
        case ("ip" | "ip6" as protocol, "saddr"):
            family = 4 if protocol == "ip" else 6
            sources = addresses(family, right)
            return From(family, sources) if sources is not None else UNKNOWN
        case ("ip" | "ip6" as protocol, "daddr"):
            return destination_is(4 if protocol == "ip" else 6, right)
        case ("ip" | "ip6", "protocol" | "nexthdr"):
            return Every((*_dependencies(left), _protocol(right)))
        case ("tcp" | "udp" | "th" as protocol, "dport"):
            pair = port_pair(right)
            return Ports(None if protocol == "th" else protocol, Spans.of([pair])) if pair else UNKNOWN
        case ("tcp", "flags"):
            return YES if words_of(right) == {"syn"} else NO
        case ("tcp" | "udp" | "th" | "ip" | "ip6" | "ether", _):
            return Every((*_dependencies(left), EITHER))
        case (protocol, _) if protocol in _OTHERS:
            return NO
    return _state(left, right)


def _state(left: Mapping[str, Any], right: Any) -> Condition:  # noqa: PLR0911 - one answer for each kind of key
    kind, body = next(iter(left.items()))
    key = body.get("key") if isinstance(body, dict) else None
    match kind, key:
        case "meta", "l4proto":
            return _protocol(right)
        case "meta", "nfproto" | "protocol":
            return Family(_FAMILIES[right]) if right in _FAMILIES else UNKNOWN
        case "meta", "iif" | "iifname":
            return Interface(right) if isinstance(right, str) else UNKNOWN
        case "meta", key if key in _SENDERS_KEYS:
            return EITHER
        case "ct", "state":
            return _ct_state(words_of(right))
        case "ct", "status" if right == "dnat":
            return NO  # a packet that is sent elsewhere is told of by the rule that does it
        case "ct", "direction":
            return YES if right == "original" else NO
        case "fib", _ if body.get("result") == "type" and "daddr" in body.get("flags", []):
            return YES if right in _OWN else NO
        case "fib", _ if body.get("result") in ("oif", "oifname") and "saddr" in body.get("flags", []):
            # A reverse path filter: some stranger's packets do come by the right way.
            return NO if right in (False, 0, "") else UNKNOWN if right is not True else YES
        case "exthdr" | "tcp option" | "ip option", _:
            return EITHER
    return UNKNOWN


def _ct_state(words: set[str]) -> Condition:
    if "new" in words:
        return YES
    return UNKNOWN if "untracked" in words else NO


def _dependencies(left: Mapping[str, Any]) -> list[Condition]:
    """What a look at a header's field says besides: that the packet has such a header. nft adds it by itself."""
    if "concat" in left:
        return [found for part in left["concat"] for found in _dependencies(part)]
    match _field(left):
        case ("ip", _):
            return [Family(4)]
        case ("ip6", _):
            return [Family(6)]
        case ("tcp" | "udp" as protocol, _):
            return [Protocol(frozenset({protocol}))]
        case (protocol, _) if protocol in _OTHERS:
            return [NO]
    return []


def _compared(left: Mapping[str, Any], op: str, right: Any) -> Condition:
    """`<`, `>`, `<=`, `>=`: of ports; with other keys it is not read."""
    if type(right) is not int:
        return UNKNOWN
    ends = {"<": (0, right - 1), "<=": (0, right), ">": (right + 1, 65535), ">=": (right, 65535)}.get(op)
    return _one(left, {"range": list(ends)}) if ends and (_field(left) or ("", ""))[1] == "dport" else UNKNOWN


def _flags(left: Any, mask: Any, right: Any, op: str) -> Condition:
    """TCP flags of a connection's first packet: SYN alone."""
    if not isinstance(left, dict) or _field(left) != ("tcp", "flags") or op not in ("==", "!="):
        return UNKNOWN
    wanted = set() if right == 0 else words_of(right)
    held = Every((Protocol(frozenset({"tcp"})), YES if words_of(mask) & {"syn"} == wanted else NO))
    return held if op == "==" else Every((Protocol(frozenset({"tcp"})), Not(held)))


def _field(left: Mapping[str, Any]) -> tuple[str, str] | None:
    payload = left.get("payload")
    return (str(payload["protocol"]), str(payload["field"])) if payload and "protocol" in payload else None


def _protocol(right: Any) -> Condition:
    return Protocol(frozenset({_NUMBERS.get(right, "another") if isinstance(right, int) else str(right)}))
