"""fail2ban's jails, as fail2ban-client(1) shows them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import HostChannel

Address = IPv4Address | IPv6Address
_EVERYBODY = {"0.0.0.0": "0.0.0.0/0", "::": "::/0"}  # noqa: S104 - nothing is bound
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


def actions_of(machine: HostChannel, jail: str, known: tuple[str, ...]) -> list[str]:
    """Actions of a jail that keep an address out, by the beginnings of their names; fails where it has none.

    What an action is called is taken for what it does: its commands are not read. test_ban_live.py sees what it does.
    """
    shown = ask(machine, "actions", jail)
    if shown.startswith("No actions"):
        raise AssertionError(f"jail {jail} has no action: it counts and bans nobody")
    title, *rest = shown.splitlines()
    if not title.startswith("The jail") or not rest:
        raise Indeterminate(f"fail2ban-client answered in another format: {shown[:200]!a}")
    actions = re.split(r",\s*", " ".join(rest).strip())
    banning = [action for action in actions if action.startswith(known)]
    assert banning, f"jail {jail} bans by nothing that is known to: {', '.join(actions)[:200]!a}"
    return banning


def exempt(machine: HostChannel, jail: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks a jail never bans; host names are left out. 0.0.0.0/0 is shown as 0.0.0.0, ::/0 as ::."""
    text = ask(machine, "ignoreip", jail)
    found = re.findall(r"^[|`]- ([0-9A-Fa-f.:]+(?:/[0-9]{1,3})?)$", text, re.MULTILINE)
    try:
        return [ip_network(_EVERYBODY.get(each, each), strict=False) for each in found if set(each) & set(".:")]
    except ValueError:
        raise Indeterminate(f"fail2ban-client names no addresses as ignored: {text[:200]!a}") from None


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
