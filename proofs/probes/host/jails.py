"""fail2ban's jails, as fail2ban-client(1) shows them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import HostChannel

Address = IPv4Address | IPv6Address
_WATCHED = {"ssh": "SSH", "database": "the database"}


def named(target: Target, what: str) -> str:
    """The jail that the inventory names for `ssh` or `database`. `Indeterminate` where it names none."""
    jail = target.host.jails.get(what) if target.host else None
    if jail is None:
        raise Indeterminate(f"the inventory does not name the jail for {_WATCHED[what]} (host.jails.{what})")
    return jail


def ask(machine: HostChannel, name: str, jail: str) -> str:
    """What the server answers about a jail; fails for one that it does not have, or where it does not run."""
    answer = machine.command(f"fail2ban-{name}", jail=jail)
    assert answer.status == 0, f"jail {jail}: {last(answer.stdout + answer.stderr)}"
    if not answer.stdout.strip():
        raise Indeterminate(f"fail2ban-client said nothing of {name} of jail {jail}")
    return answer.stdout


def number_of(machine: HostChannel, name: str, jail: str) -> int:
    """A number that a jail is set to. `Indeterminate` for anything else."""
    text = ask(machine, name, jail).strip()
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise Indeterminate(f"{name} of jail {jail} is no number: {text[:100]!a}")
    return int(text)


def banned(machine: HostChannel, jail: str) -> frozenset[Address]:
    """The addresses that a jail keeps out at this moment: `get JAIL banip`, which is empty where there are none."""
    answer = machine.command("fail2ban-banned", jail=jail)
    assert answer.status == 0, f"jail {jail}: {last(answer.stdout + answer.stderr)}"
    try:
        return frozenset(ip_address(each) for each in re.split(r"[\s,]+", answer.stdout.strip()) if each)
    except ValueError:
        raise Indeterminate(f"fail2ban-client names no addresses as banned: {answer.stdout[:200]!a}") from None


def last(text: str) -> str:
    """The last line, for people."""
    lines = text.strip().splitlines()
    return ascii(lines[-1][:200]) if lines else "no message"
