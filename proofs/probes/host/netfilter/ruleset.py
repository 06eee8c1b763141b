"""The ruleset of a host, from what nft and iptables-save show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import ChannelError, Indeterminate
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import iptables, nftables
from proofs.probes.host.netfilter.rules import Table
from proofs.probes.host.netfilter.walk import Opening, let_in

_SAVES = {"ip": (4, "iptables-rules"), "ip6": (6, "ip6tables-rules")}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Every table of the kernel that was seen; `unseen` says why a look was not taken, for what it leaves unknown."""

    tables: Sequence[Table]
    unseen: Sequence[str]

    def let_in(self, family: int, protocol: str, ports: Sequence[int] = ()) -> list[Opening]:
        """See `walk.let_in`. `Indeterminate` where no table of the family was seen, for a look that was not taken."""
        if self.unseen and not any(family in table.families for table in self.tables):
            raise Indeterminate(f"no rule for IPv{family} was seen: {'; '.join(self.unseen)}")
        return let_in(self.tables, family, protocol, ports)


def read(machine: HostChannel) -> Ruleset:
    """What the kernel holds now; what was not seen is said.

    A table that iptables(8) made is read as iptables-save shows it: nft prints its matches without their content. A
    table that was not seen can only drop more, since a packet must pass all: what is let in is never understated.
    """
    found: list[Table] = []
    saved: set[tuple[str, str]] = set()
    unseen: list[str] = []
    for name, (family, command) in _SAVES.items():
        try:
            shown = iptables.tables(machine.command(command).stdout, family)
        except ChannelError as error:
            unseen.append(str(error))
            continue
        found += shown
        saved |= {(name, table.name) for table in shown}
    try:
        found += nftables.tables(machine.command("nftables-ruleset").stdout, but=frozenset(saved))
    except ChannelError as error:
        unseen.append(str(error))
    return Ruleset(found, unseen)
