"""One rule of iptables: its options, modules and target, as a condition and a verdict.

iptables(8), iptables-extensions(8). A module or target that is not known may do anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from proofs.probes.host.netfilter.operands import destination
from proofs.probes.host.netfilter.rules import (
    EITHER,
    NO,
    UNKNOWN,
    YES,
    Condition,
    Every,
    From,
    Interface,
    Kind,
    Not,
    Ports,
    Protocol,
    Rule,
)
from proofs.probes.host.netfilter.spans import Spans

_SENDERS = frozenset((
    "connlimit", "dscp", "dst", "ecn", "frag", "hashlimit", "hbh", "hl", "ipv6header", "length", "limit", "mac", "mh",
    "pkttype", "quota", "recent", "rt", "statistic", "string", "tcpmss", "time", "tos", "ttl", "u32",
))  # fmt: skip
"""Modules for what the sender or the moment decides."""
_OTHERS = frozenset(("icmp", "icmp6", "sctp", "dccp", "esp", "ah"))
_TARGETS: dict[str, Kind] = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_TARGETS |= dict.fromkeys(("DNAT", "NETMAP", "REDIRECT"), "translate")
_TARGETS |= dict.fromkeys(("MASQUERADE", "SNAT"), "accept")
_TARGETS |= dict.fromkeys((
    "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "MARK", "CONNMARK", "CONNSECMARK", "SECMARK", "TCPMSS", "SET", "CT",
    "CHECKSUM", "CLASSIFY", "TOS", "DSCP", "NOTRACK", "TTL", "HL",
), "continue")  # fmt: skip
_NUMBERS = {"6": "tcp", "17": "udp"}


def rule_of(words: list[str], family: int) -> Rule:
    """The rule of the words after `-A CHAIN`. `ValueError` or `IndexError` for options of another form."""
    conditions: list[Condition] = []
    protocol: str | None = None
    module, asked = "", False  # asked: an option of the module was read
    for negated, option, values in _options(words):
        if option in ("-j", "-g"):
            target = values[0]
            kind: Kind = "goto" if option == "-g" else _TARGETS.get(target, "jump")
            return Rule(Every((*conditions, *_bare(module, asked))), kind, target)
        if option == "-m":
            conditions += _bare(module, asked)
            module, asked = values[0], False
            continue
        if option == "-p":
            protocol = _NUMBERS.get(values[0], values[0])
        condition = _general(option, values, family) or _modular(module, option, values, protocol)
        asked = asked or option not in ("-s", "-d", "-i", "-o", "-p")
        conditions.append(Not(condition) if negated else condition)
    return Rule(Every((*conditions, *_bare(module, asked))), "continue")


def _options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """(negated, option, its values). What follows a target is the target's own."""
    at = 0
    while at < len(words):
        negated = words[at] == "!"
        at += negated
        option, start = words[at], at + 1
        if not option.startswith("-"):
            raise ValueError(option)
        # A comment may look like an option.
        at = start + 1 if option == "--comment" else start
        while option != "--comment" and at < len(words) and not words[at].startswith("-") and words[at] != "!":
            at += 1
        yield negated, option, words[start:at]
        if option in ("-j", "-g"):
            return


def _bare(module: str, asked: bool) -> list[Condition]:
    """A module without options still matches something."""
    if asked or module in ("", "tcp", "udp", "comment"):
        return []
    if module == "rpfilter":
        return [YES]
    return [NO if module in _OTHERS else EITHER if module in _SENDERS else UNKNOWN]


def _general(option: str, values: list[str], family: int) -> Condition | None:
    match option:
        case "-s":
            return From(family, Spans.network(ip_network(values[0], strict=False)))
        case "-d":
            return destination(family, Spans.network(ip_network(values[0], strict=False)))
        case "-i":
            return Interface(values[0][:-1] + "*" if values[0].endswith("+") else values[0])
        case "-p":
            return YES if values[0] == "all" else Protocol(frozenset({_NUMBERS.get(values[0], values[0])}))
    return None


def _modular(  # noqa: PLR0911, PLR0912 - one answer for each option
    module: str, option: str, values: list[str], protocol: str | None
) -> Condition:
    match module, option:
        case "tcp" | "udp", "--dport":
            return Ports(module, _ports(values[0]))
        case "tcp" | "udp", "--sport" | "--tcp-option":
            return EITHER
        case "tcp", "--tcp-flags":
            wanted = set() if values[1] == "NONE" else set(values[1].split(","))
            return YES if set(values[0].split(",")) & {"SYN"} == wanted else NO
        case "multiport", "--dports":
            return Ports(protocol, _ports(values[0]))
        case "multiport", "--sports" | "--ports":
            return EITHER
        case ("conntrack", "--ctstate") | ("state", "--state"):
            states = set(values[0].split(","))
            return YES if "NEW" in states else UNKNOWN if "UNTRACKED" in states else NO
        case "conntrack", "--ctstatus" if values == ["DNAT"]:
            return NO  # a packet that is sent elsewhere is told of by the rule that does it
        case "addrtype", "--dst-type":
            return YES if {"LOCAL", "UNICAST"} & set(values[0].split(",")) else NO
        case "iprange", "--src-range":
            first, _, last = values[0].partition("-")
            ends = ip_address(first), ip_address(last or first)
            return From(ends[0].version, Spans.of([(int(ends[0]), int(ends[1]))]))
        case "rpfilter", "--invert":
            return NO
        case "rpfilter" | "comment", _:
            return YES
        case _ if module in _OTHERS:
            return NO
        case _ if module in _SENDERS:
            return EITHER
    return UNKNOWN


def _ports(text: str) -> Spans:
    """`80`, `80:90`, `80,443`, `8000:8100,9000`."""
    pairs = [part.partition(":") for part in text.split(",")]
    return Spans.of((int(first), int(last or first)) for first, _, last in pairs)
