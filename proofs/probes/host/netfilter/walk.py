"""Walking a ruleset as the kernel does: for every port, which sources get through.

nft(8), "Chains" and "Verdict statements": a packet passes every base chain of a hook in turn; an accept ends one base
chain, a drop ends all; an empty end of a base chain is its policy, of another chain a return. iptables(8) likewise.
Base chains of the hooks prerouting and input are walked; what other hooks drop only lets in less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proofs.errors import Indeterminate
from proofs.probes.host.netfilter.rules import (
    AnyOf,
    Chain,
    Condition,
    Every,
    From,
    Interface,
    Not,
    Packet,
    Ports,
    Table,
    matches,
)
from proofs.probes.host.netfilter.spans import BITS, MOST_PORT, Spans

HOOKS = ("prerouting", "input")
DEEPEST = 64
"""Jumps within each other; the kernel allows 16 (NFT_JUMP_STACK_SIZE) or, for iptables, as many as there are rules."""
MOST_STEPS = 2_000_000


@dataclass(frozen=True, slots=True)
class Opening:
    """What a span of ports lets in: `sources` surely, `possible` if every rule not understood lets in what it can,
    `translated` to somewhere else."""

    ports: tuple[int, int]
    sources: Spans
    possible: Spans
    translated: Spans


@dataclass(slots=True)
class _Walk:
    table: Table
    packet: Packet
    unknown: bool
    budget: list[int]
    accepted: Spans = field(default_factory=Spans)
    translated: Spans = field(default_factory=Spans)

    def chain(self, chain: Chain, sources: Spans, depth: int = 0) -> Spans:
        """Those that come back from a chain without a verdict."""
        if depth > DEEPEST:
            raise Indeterminate(f"the chains of table {self.table.name!a} jump deeper than {DEEPEST}")
        back = Spans()
        for rule in chain.rules:
            if not sources:
                break
            self.budget[0] -= 1 + len(sources.pairs)
            if self.budget[0] < 0:
                raise Indeterminate("the ruleset has more rules and ports than are walked")
            yes, no = matches(rule.condition, self.packet, unknown=self.unknown)
            hit, sources = sources & yes, sources & no
            match rule.kind:
                case "accept":
                    self.accepted |= hit
                case "translate":
                    self.accepted |= hit
                    self.translated |= hit
                case "return":
                    back |= hit
                case "continue":
                    sources |= hit
                case "unknown" if self.unknown:
                    self.accepted |= hit
                    sources |= hit
                case "jump" | "goto":
                    target = self.table.chains.get(rule.target)
                    if target is None:
                        raise Indeterminate(f"a rule jumps to {rule.target!a}, which table {self.table.name!a} has not")
                    rest = self.chain(target, hit, depth + 1)
                    sources, back = (sources | rest, back) if rule.kind == "jump" else (sources, back | rest)
        return sources | back


def let_in(tables: Sequence[Table], family: int, protocol: str, ports: Sequence[int] = ()) -> list[Opening]:
    """What every span of ports lets in, for a family and protocol, over any interface but loopback.

    Ports that no rule tells apart are one span; `ports` are told apart in any case. `Indeterminate` for a ruleset too
    large to be walked.
    """
    tables = [table for table in tables if family in table.families]
    conditions = [leaf for table in tables for leaf in _leaves(table)]
    starts = {0, 1, *ports, *(port + 1 for port in ports)}
    names = {"another0"}
    for leaf in conditions:
        if isinstance(leaf, Ports):
            starts |= {edge for a, b in leaf.ports.pairs for edge in (a, b + 1)}
        elif isinstance(leaf, Interface):
            names.add(leaf.name.replace("*", "0"))
    edges = sorted(start for start in starts if 0 < start <= MOST_PORT)
    budget = [MOST_STEPS]
    found = []
    for first, after in zip(edges, [*edges[1:], MOST_PORT + 1], strict=True):
        sources, possible, translated = Spans(), Spans(), Spans()
        for interface in sorted(names - {"lo"}):
            packet = Packet(family, protocol, first, interface)
            sources |= _passed(tables, packet, budget, unknown=False)[0]
            through, away = _passed(tables, packet, budget, unknown=True)
            possible, translated = possible | through, translated | away
        found.append(Opening((first, after - 1), sources, possible, translated))
    return found


def _passed(tables: Sequence[Table], packet: Packet, budget: list[int], *, unknown: bool) -> tuple[Spans, Spans]:
    """The sources that every base chain accepts, and those that a chain sends elsewhere on the way."""
    everyone = strangers(packet.family)
    through, translated = everyone, Spans()
    for hook in HOOKS:
        for table in tables:
            for chain in table.chains.values():
                if chain.hook == hook:
                    walk = _Walk(table, packet, unknown, budget)
                    rest = walk.chain(chain, everyone)
                    accepted = walk.accepted | (rest if chain.policy == "accept" else Spans())
                    # Under its new address a packet is another one: what later chains do to this port is not its fate.
                    translated |= walk.translated & through
                    through &= accepted
    return through, translated


def strangers(family: int) -> Spans:
    """Addresses that a packet from outside may come from: the kernel takes none of the loopback network for one."""
    loopback = Spans(((127 << 24, (128 << 24) - 1),)) if family == 4 else Spans(((0, 1),))
    return Spans(((0, (1 << BITS[family]) - 1),)) - loopback


def _leaves(table: Table) -> Iterator[Condition]:
    waiting: list[Condition] = [rule.condition for chain in table.chains.values() for rule in chain.rules]
    while waiting:
        condition = waiting.pop()
        match condition:
            case Every(parts) | AnyOf(parts):
                waiting.extend(parts)
            case Not(inner):
                waiting.append(inner)
            case From():
                continue
            case _:
                yield condition
