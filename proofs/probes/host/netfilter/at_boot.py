"""What the services that load rules at boot would load: the same form as the kernel's rules have, from their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import ChannelError, Indeterminate
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import iptables, nftables, ufw
from proofs.probes.host.netfilter.files import text_of
from proofs.probes.host.netfilter.rules import Table
from proofs.probes.host.units import properties

_UNIT = "nftables.service"
_NFT_FILES = {
    # Debian, Ubuntu, Arch Linux; Red Hat's.
    "/etc/nftables.conf": ("nftables-configuration", "nftables-at-boot"),
    "/etc/sysconfig/nftables.conf": ("nftables-sysconfig", "nftables-sysconfig-at-boot"),
}
_PACKAGED = ("/usr/lib/systemd/", "/lib/systemd/", "/run/systemd/generator")
_IPTABLES = frozenset(("filter", "nat", "mangle", "raw", "security"))


@dataclass(frozen=True, slots=True)
class Boot:
    """What one service loads at boot: `tables`; `unread` says why they were not seen, `nothing` why there are none.

    `apart`: it neither takes rules of another service away nor adds to that one's chains, so that it can only drop
    more than the others do.
    """

    tables: Sequence[Table] = ()
    unread: str = ""
    nothing: str = ""
    apart: bool = False


def loaded_by(machine: HostChannel, unit: str) -> Boot:
    """What a unit loads, as its configuration is now."""
    known = {"ufw.service": _ufw, _UNIT: _nftables, "netfilter-persistent.service": _saved}
    if unit not in known:
        return Boot(unread=f"what {unit} loads at boot was not read")
    shown = properties(machine, unit)
    changed = [
        path
        for path in (shown.get("FragmentPath", ""), *shown.get("DropInPaths", "").split())
        if path and not path.startswith(_PACKAGED)
    ]
    if changed:
        return Boot(unread=f"{unit} is started in another way than its package says: {', '.join(changed)[:200]!a}")
    try:
        return known[unit](machine)
    except (Indeterminate, ChannelError) as error:
        return Boot(unread=str(error))


def _ufw(machine: HostChannel) -> Boot:
    reason = ufw.why_nothing(machine)
    return Boot(nothing=reason, apart=True) if reason else Boot(ufw.tables(machine))


def _saved(machine: HostChannel) -> Boot:
    """netfilter-persistent(8): iptables-restore(8) of /etc/iptables/rules.v4, ip6tables-restore of rules.v6.

    What these refuse (a set that is not there yet) is not loaded at all, and the service is active nevertheless. So
    they are run, apart from the host's rules, and what they made is read.
    """
    found: list[Table] = []
    plugins = machine.command("persistent-plugins").stdout
    for family, name in ((4, "iptables"), (6, "ip6tables")):
        if not text_of(machine, f"{name}-at-boot"):
            continue
        if ("ip4tables" if family == 4 else "ip6tables") not in plugins:
            continue
        answer = machine.command(f"{name}-loaded")
        if answer.status:
            raise Indeterminate(f"the rules in /etc/iptables were not loaded: {_first(answer.stderr)}")
        found += iptables.tables(answer.stdout, family)
    if not found:
        return Boot(nothing="there are no rules in /etc/iptables, or nothing that loads them", apart=True)
    return Boot(found)


def _nftables(machine: HostChannel) -> Boot:
    """nft(8), --file: its language is not read here. nft itself loads the file on the host, into a network namespace
    that is there for this one command, and shows what is in there then."""
    started = [line for line in machine.command("nftables-start").lines if not line.endswith("=")]
    found = re.search(r"argv\[\]=(?:/usr)?/s?bin/nft -f (\S+) ;", started[0]) if len(started) == 1 else None
    if found is None or found[1] not in _NFT_FILES:
        raise Indeterminate(f"{_UNIT} loads rules in another way than is known: {'; '.join(started)[:200]!a}")
    shown, loaded = _NFT_FILES[found[1]]
    answer = machine.command(loaded)
    if answer.status:
        raise Indeterminate(f"{found[1]} was not loaded into a network namespace of its own: {_first(answer.stderr)}")
    tables = nftables.tables(answer.stdout)
    takes_away = re.search(r"\b(?:flush|delete|destroy|reset|include)\b", text_of(machine, shown))
    in_others = any(table.name in _IPTABLES and len(table.families) == 1 for table in tables)
    return Boot(tables, apart=not (takes_away or in_others))


def _first(errors: str) -> str:
    return ascii((errors.strip().splitlines() or ["no message"])[0][:200])
