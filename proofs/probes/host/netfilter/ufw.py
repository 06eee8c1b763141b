"""What ufw loads at boot, put together from its files as its own script does it.

ufw-framework(8); `ufw_start` of /lib/ufw/ufw-init-functions, as ufw 0.36 has it. Every step is an `iptables-restore
--noflush`. Only the way of what comes in is built: no rule for what goes out or through lets anything in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from proofs.errors import Indeterminate
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import iptables
from proofs.probes.host.netfilter.files import text_of
from proofs.probes.host.netfilter.rules import Table

_WAYS = ("input", "output", "forward")
_PRIMARY = ("before-logging", "before", "after", "after-logging", "reject", "track")
"""Chains of every way; a built-in chain jumps to them in this order."""
_POLICIES = ("ACCEPT", "DROP", "REJECT")
# The shell reads both files, so one may say what the other is made for.
_ASSIGNMENT = re.compile(r"""([A-Za-z_]\w*)=(?:([\w./:,+-]*)|"([\w./:,+ -]*)"|'([\w./:,+ -]*)')[ \t]*(?:[ \t]#.*)?""")


def why_nothing(machine: HostChannel) -> str:
    """Why ufw loads nothing at boot; empty where it does load rules."""
    said = _settings(machine)
    if said is None:
        return "/etc/default/ufw or /etc/ufw/ufw.conf is missing or empty"
    enabled = said.get("ENABLED", "")
    return "" if enabled in ("yes", "YES") else f"ENABLED={enabled!a} for ufw"


def tables(machine: HostChannel) -> list[Table]:
    """What it loads where it is enabled. `Indeterminate` where that was not seen whole."""
    said = _settings(machine) or {}
    scripts = machine.command("ufw-scripts")
    if scripts.lines:
        raise Indeterminate(f"what a script of ufw's does at boot was not read: {', '.join(scripts.lines)[:200]!a}")
    if scripts.status and "No such file" not in scripts.stderr:
        raise Indeterminate(f"whether ufw has scripts of its own was not seen: {scripts.stderr[:200]!a}")
    policies = [said.get(f"DEFAULT_{way.upper()}_POLICY", "") for way in _WAYS]
    # iptables-restore refuses a word it does not know, and the policies are one call: then none of them is set.
    known = all(policy in _POLICIES for policy in policies)
    found = iptables.added(_steps(machine, 4, policies[0], known=known), 4)
    if said.get("IPV6") in ("yes", "YES"):
        return found + iptables.added(_steps(machine, 6, policies[0], known=known), 6)
    # ufw(8), "Notes": "When disabled, all incoming, outgoing and forwarded packets are dropped", but on loopback.
    return found + iptables.tables("*filter\n:INPUT DROP\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n", 6)


def _steps(machine: HostChannel, family: int, policy: str, *, known: bool) -> Iterator[str]:
    six = "6" if family == 6 else ""
    own = f"ufw{six}"
    yield _text(
        *(f":{own}-{chain}-{way} -" for chain in _PRIMARY for way in _WAYS),
        *(f"-A INPUT -j {own}-{chain}-input" for chain in _PRIMARY),
    )
    if policy == "REJECT":
        yield _text(f"-A {own}-reject-input -j REJECT")
    if policy == "ACCEPT":
        yield _text(
            *(f"-A {own}-track-input -p {each} -m conntrack --ctstate NEW -j ACCEPT" for each in ("tcp", "udp"))
        )
    yield _text(f":{own}-logging-deny -", f":{own}-logging-allow -")
    yield _text(
        *(f":{own}-skip-to-policy-{way} -" for way in _WAYS),
        *([f"-A {own}-skip-to-policy-input -j {policy}"] if known else []),
    )
    yield text_of(machine, f"ufw-before{six}-rules")
    yield text_of(machine, f"ufw-after{six}-rules")
    users = text_of(machine, f"ufw-user{six}-rules")
    if users:
        yield _text(
            *(f":{own}-user-{way} -" for way in _WAYS),
            *(f":{own}-user-logging-{way} -" for way in _WAYS),
            f":{own}-user-limit -",
            f":{own}-user-limit-accept -",
        )
        yield users
        yield _text(*(f"-A {own}-before-{way} -j {own}-user-{way}" for way in _WAYS))
    if known:
        yield _text(f":INPUT {'ACCEPT' if policy == 'ACCEPT' else 'DROP'}")


def _text(*lines: str) -> str:
    return "\n".join(("*filter", *lines, "COMMIT", ""))


def _settings(machine: HostChannel) -> Mapping[str, str] | None:
    """The variables that both files set, in their order; None where the script would stop for want of one."""
    found: dict[str, str] = {}
    for command in ("ufw-defaults", "ufw-configuration"):
        text = text_of(machine, command)
        if not text:
            return None
        for line in (each.strip() for each in text.splitlines()):
            if line and not line.startswith("#"):
                match = _ASSIGNMENT.fullmatch(line)
                if match is None:
                    raise Indeterminate(f"{command}: what the shell makes of a line was not read: {line[:100]!a}")
                found[match[1]] = match[2] or match[3] or match[4] or ""
    return found
