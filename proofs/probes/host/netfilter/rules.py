"""The common form of rules: conditions on a new connection, verdicts, chains.

The packet is the first of a connection that a stranger opens to an address of the host's own, over any interface but
loopback. What its sender chooses (source port, options, length), and what changes with time (rates), can match and can
not match, as the sender likes: both count. What was not understood is `UNKNOWN`, and is never taken for a denial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from proofs.probes.host.netfilter.spans import Spans


@dataclass(frozen=True, slots=True)
class Packet:
    """What does not vary by source: family 4 or 6, `tcp` or `udp`, destination port, the interface it comes in by."""

    family: int
    protocol: str
    port: int
    interface: str


@dataclass(frozen=True, slots=True)
class From:
    """The source lies in a set of addresses of one family."""

    family: int
    sources: Spans


@dataclass(frozen=True, slots=True)
class Ports:
    """The destination port, of a protocol or of any."""

    protocol: str | None
    ports: Spans


@dataclass(frozen=True, slots=True)
class Protocol:
    """The transport protocol is one of these."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Family:
    """The packet is IPv4 (4) or IPv6 (6)."""

    number: int


@dataclass(frozen=True, slots=True)
class Interface:
    """It comes in by an interface of this name; one that ends in `*` is the beginning of names."""

    name: str


@dataclass(frozen=True, slots=True)
class Always:
    """`yes`, `no`, `either` (as the sender or the moment likes), `unknown` (was not understood)."""

    answer: Literal["yes", "no", "either", "unknown"]


@dataclass(frozen=True, slots=True)
class Every:
    """All of the conditions hold; without any it holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the conditions holds at least; without any it does not."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    condition: Condition


Condition = From | Ports | Protocol | Family | Interface | Always | Every | AnyOf | Not

YES, NO, EITHER, UNKNOWN = Always("yes"), Always("no"), Always("either"), Always("unknown")

Kind = Literal["accept", "drop", "return", "jump", "goto", "continue", "translate", "unknown"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `kind` and, for jump and goto, `target`. `translate`: on to another address or port."""

    condition: Condition
    kind: Kind
    target: str = ""


@dataclass(slots=True)
class Chain:
    """Rules in order; `hook` and `policy` (`accept`, `drop`) where the kernel begins at this chain."""

    rules: list[Rule] = field(default_factory=list)
    hook: str | None = None
    policy: str = "accept"


@dataclass(slots=True)
class Table:
    """Chains by name, for packets of the families."""

    name: str
    families: tuple[int, ...]
    chains: dict[str, Chain] = field(default_factory=dict)


def matches(  # noqa: PLR0911 - one answer for each form
    condition: Condition, packet: Packet, *, unknown: bool
) -> tuple[Spans, Spans]:
    """The sources for which the condition can hold, and for which it can fail; `unknown` counts as both, or neither."""
    everyone, nobody = Spans.everyone(packet.family), Spans()
    match condition:
        case From(family, sources):
            held = sources if family == packet.family else nobody
            return held, everyone - held
        case Every(parts):
            can, fails = everyone, nobody
            for part in parts:
                yes, no = matches(part, packet, unknown=unknown)
                can, fails = can & yes, fails | no
            return can, fails
        case AnyOf(parts):
            no, yes = matches(Every(tuple(Not(part) for part in parts)), packet, unknown=unknown)
            return yes, no
        case Not(inner):
            yes, no = matches(inner, packet, unknown=unknown)
            return no, yes
        case Always("either"):
            return everyone, everyone
        case Always("unknown"):
            return (everyone, everyone) if unknown else (nobody, nobody)
    return (everyone, nobody) if _holds(condition, packet) else (nobody, everyone)


def _holds(condition: Condition, packet: Packet) -> bool:
    match condition:
        case Ports(protocol, ports):
            return protocol in (None, packet.protocol) and packet.port in ports
        case Protocol(names):
            return packet.protocol in names
        case Family(number):
            return packet.family == number
        case Interface(name):
            return packet.interface.startswith(name[:-1]) if name.endswith("*") else packet.interface == name
        case Always(answer):
            return answer == "yes"
    raise TypeError(condition)
