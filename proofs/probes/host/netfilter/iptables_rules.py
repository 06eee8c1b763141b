"""One rule of iptables: its options, modules and target, as a condition and a verdict.

iptables(8), iptables-extensions(8). A module or target that is not known may do anything.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import cast

from proofs.probes.host.netfilter.iptables_options import SHORT, options
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
from proofs.probes.host.netfilter.spans import MOST_PORT, Spans

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
_NUMBERS = {"0": "all", "6": "tcp", "17": "udp"}


_OF_PROTOCOL = frozenset(("--dport", "--sport", "--tcp-flags", "--tcp-option", "--syn"))
"""Options of the modules tcp and udp, which `-p tcp` and `-p udp` load by themselves."""
_TCP_FLAGS = frozenset(("FIN", "SYN", "RST", "PSH", "ACK", "URG"))


def rule_of(words: list[str], family: int) -> Rule:
    """The rule of the words after `-A CHAIN`, as iptables-save prints it or a file for iptables-restore holds it.

    There a match may follow the target, and `-p tcp` stands without `-m tcp`. `ValueError` or `IndexError` for options
    of another form.
    """
    conditions: list[Condition] = []
    protocol: str | None = None
    module, asked = "", False  # asked: an option of the module was read
    kind, target, targets_own = "continue", "", False
    for negated, option, values in options(words):
        if option in ("-j", "-g"):
            if target:
                raise ValueError("two targets")
            target, targets_own = values[0], True
            kind = "goto" if option == "-g" else _TARGETS.get(target, "jump")
            continue
        if option == "-m":
            conditions += _bare(module, asked)
            module, asked, targets_own = values[0], False, False
            continue
        if targets_own and _is_of_target(option, target):
            continue
        if option == "-p":
            protocol = _protocol(values[0])
        implied = protocol if option in _OF_PROTOCOL and protocol in ("tcp", "udp") else None
        condition = _general(option, values, family) or _modular(implied or module, option, values, protocol)
        asked = asked or not (option in SHORT or (implied and implied != module))
        conditions.append(Not(condition) if negated else condition)
    return Rule(Every((*conditions, *_bare(module, asked))), cast("Kind", kind), target)


def _is_of_target(option: str, target: str) -> bool:
    """Whether an option right after the target is the target's own, and not one more of a match's."""
    if target == "LOG":
        return option.startswith("--log-")
    if target == "REJECT":
        return option == "--reject-with"
    return option not in SHORT and target in _TARGETS and target not in ("ACCEPT", "DROP", "RETURN")


def _protocol(text: str) -> str:
    return _NUMBERS.get(text, text.lower())


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
            return From(family, _networks(values[0]))
        case "-d":
            return destination(family, _networks(values[0]))
        case "-i":
            return Interface(values[0][:-1] + "*" if values[0].endswith("+") else values[0])
        case "-p":
            return YES if _protocol(values[0]) == "all" else Protocol(frozenset({_protocol(values[0])}))
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
            looked_at, wanted = _flags(values[0]), _flags(values[1])
            return YES if looked_at & {"SYN"} == wanted else NO
        case "tcp", "--syn":
            return YES
        case "multiport", "--dports":
            return Ports(protocol, _ports(values[0]))
        case "multiport", "--sports" | "--ports":
            return EITHER
        case ("conntrack", "--ctstate") | ("state", "--state"):
            states = set(values[0].upper().split(","))
            return YES if "NEW" in states else UNKNOWN if "UNTRACKED" in states else NO
        case "conntrack", "--ctstatus" if values == ["DNAT"]:
            return NO  # a packet that is sent elsewhere is told of by the rule that does it
        case "addrtype", "--dst-type":
            return YES if {"LOCAL", "UNICAST"} & set(values[0].upper().split(",")) else NO
        case "iprange", "--src-range":
            first, _, last = values[0].partition("-")
            ends = ip_address(first), ip_address(last or first)
            return From(ends[0].version, Spans.of([(int(ends[0]), int(ends[1]))]))
        case "rpfilter", "--invert":
            return NO
        case ("rpfilter", "--loose" | "--validmark" | "--accept-local") | ("comment", "--comment"):
            return YES
        case _ if module in _OTHERS:
            return NO
        case _ if module in _SENDERS:
            return EITHER
    return UNKNOWN


def _flags(text: str) -> set[str]:
    flags = set(text.upper().split(",")) - {"NONE"}
    return set(_TCP_FLAGS) if "ALL" in flags else flags


def _ports(text: str) -> Spans:
    """`80`, `80:90`, `80,443`, `8000:8100,9000`; `:1023` and `1024:` reach to the end."""
    pairs = [part.partition(":") for part in text.split(",")]
    return Spans.of(
        (int(first or 0), int(last or MOST_PORT)) if colon else (int(first), int(first)) for first, colon, last in pairs
    )


def _networks(text: str) -> Spans:
    """`10.0.0.0/8`, `10.0.0.0/255.0.0.0`, several with commas. `ValueError` for a mask with gaps."""
    networks = [ip_network(part, strict=False) for part in text.split(",")]
    for part, network in zip(text.split(","), networks, strict=True):
        _, _, mask = part.partition("/")
        # ip_network() would take 0.0.0.255 for the complement of a mask.
        if "." in mask and mask != str(network.netmask):
            raise ValueError(part)
    return Spans.of(pair for network in networks for pair in Spans.network(network).pairs)
