"""What a service loads at boot, by its configuration: whether that is a default deny."""

from __future__ import annotations

import re

from proofs.errors import Indeterminate
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import iptables
from proofs.probes.host.netfilter.walk import let_in


def why_not_denying(machine: HostChannel, unit: str) -> str | None:
    """Why what a service loads denies nothing by default; None if it does. `Indeterminate` where it was not read."""
    known = {"ufw.service": _ufw, "nftables.service": _nftables, "netfilter-persistent.service": _saved}
    if unit not in known:
        raise Indeterminate(f"what {unit} loads at boot was not read")
    return known[unit](machine)


def _ufw(machine: HostChannel) -> str | None:
    """ufw(8), "Notes": ENABLED in ufw.conf; DEFAULT_INPUT_POLICY and IPV6 in /etc/default/ufw."""
    enabled = _assigned(machine.command("ufw-configuration").stdout, "ENABLED")
    if enabled != "yes":
        return f"/etc/ufw/ufw.conf has ENABLED={enabled!a}"
    defaults = machine.command("ufw-defaults").stdout
    incoming, six = _assigned(defaults, "DEFAULT_INPUT_POLICY"), _assigned(defaults, "IPV6")
    if incoming not in ("drop", "reject"):
        return f"/etc/default/ufw has DEFAULT_INPUT_POLICY={incoming!a}"
    return None if six == "yes" else f"/etc/default/ufw has IPV6={six!a}, so that IPv6 has no rules of ufw's"


def _nftables(machine: HostChannel) -> str | None:
    text = re.sub(r"#.*", "", machine.command("nftables-configuration").stdout)
    if re.search(r"hook\s+input[^}]*?policy\s+drop", text):
        return None
    if re.search(r"\b(include|drop|reject)\b", text):
        raise Indeterminate("whether /etc/nftables.conf denies by other means than policy drop was not read")
    return "/etc/nftables.conf has no chain with hook input that drops"


def _saved(machine: HostChannel) -> str | None:
    for family, command in ((4, "iptables-at-boot"), (6, "ip6tables-at-boot")):
        saved = iptables.tables(machine.command(command).stdout, family)
        if all(opening.possible for opening in let_in(saved, family, "tcp")):
            return f"what is saved in /etc/iptables for IPv{family} denies no port"
    return None


def _assigned(text: str, name: str) -> str:
    """The last value that a file of shell assignments gives, in lower case."""
    found = re.findall(rf"^\s*{name}\s*=\s*[\"']?(\w*)", text, re.MULTILINE)
    return str(found[-1]).lower() if found else ""
