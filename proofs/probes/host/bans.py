"""Whom a ban may hit, and how it is lifted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from proofs.errors import Indeterminate, ProofsError
from proofs.model import STRANGER, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.jails import Address, banned, last, named

_REFUSED = re.compile(rf"Invalid user {STRANGER} from (?P<address>[0-9A-Fa-f.:]+) port (?P<port>[0-9]+)\s*")
NOBODY = "192.0.2.1"
"""An address for documentation (RFC 5737): there is nobody to be let in again."""
_LOOKS = 3
_LIFTS = 6
_QUIET = 2
_SEEN_BY_DATABASE = "SELECT SUBSTRING_INDEX(USER(), '@', -1) AS address"

Login = tuple[Address, str]
"""A refused login: the address and the port that the host saw it come from."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where failed logins are made, and what must not be hit.

    `vantage` reaches sshd at `address` and `port`; the prover's own way there is `own_way`, and `own` are the addresses
    that the host and the database see the prover at.
    """

    jail: str
    vantage: str
    address: str
    port: int
    own_way: tuple[str, int]
    own: frozenset[Address]


def place_of(machine: HostChannel, sql: SqlChannel, target: Target) -> Place:
    """The place, from the inventory and what the host says. `Indeterminate` where it is not known for sure."""
    if not target.allow_ban_probe:
        raise Indeterminate("the target does not allow bans to be tried (allow_ban_probe), so only settings were seen")
    jail = named(target, "ssh")
    vantage = target.vantages.get(target.ban_vantage or "")
    if vantage is None or vantage.name == "here":
        raise Indeterminate("the inventory names no vantage that may be banned (ban_vantage)")
    if not (vantage.forwards or vantage.source_address):
        raise Indeterminate(f"logins are tried from vantages with source_address or forwards, not from {vantage.name}")
    way = urlsplit(target.host.connection if target.host else "")
    if way.scheme != "ssh" or not way.hostname:
        raise Indeterminate("the host is not reached over SSH, so its sshd cannot be tried (host.connection)")
    session = machine.command("ssh-connection").stdout.split()
    if len(session) != 4 or not session[3].isdecimal():
        raise Indeterminate("the host does not say where the prover's SSH session comes from (SSH_CONNECTION)")
    names = [session[0], *(str(row["address"]) for row in sql.rows(_SEEN_BY_DATABASE))]
    own = frozenset(_address(name) for name in names if name != "localhost")
    if vantage.source_address and _address(vantage.source_address) in own:
        raise Indeterminate(f"the prover's own connections come from the vantage {vantage.name}: no ban is tried")
    own_way = (way.hostname, way.port or 22)
    port = int(session[3]) if vantage.forwards else own_way[1]
    return Place(jail, vantage.name, vantage.address or own_way[0], port, own_way, own)


def refused_logins(machine: HostChannel) -> frozenset[Login]:
    """The last refused logins of the account that no host has, as sshd logged them (auth.c: `Invalid user …`)."""
    found = (_REFUSED.fullmatch(line) for line in machine.command("ssh-strangers").lines)
    return frozenset((_address(m["address"]), m["port"]) for m in found if m)


def seen_from(machine: HostChannel, place: Place, before: frozenset[Login]) -> Address:
    """The address that the login just made came from. `Indeterminate` for none, several, or one of the prover's own."""
    fresh: frozenset[Login] = frozenset()
    for _ in range(_LOOKS):  # what was logged may be on its way to the journal
        fresh = fresh or refused_logins(machine) - before
    addresses = sorted({str(address) for address, _ in fresh})
    if len(addresses) != 1:
        seen = f"from {len(addresses)} addresses" if addresses else "from nowhere"
        raise Indeterminate(f"the host's journal shows the failed login {seen}, so it is not known who would be banned")
    address = _address(addresses[0])
    if address in place.own:
        raise Indeterminate(
            f"the host sees the vantage {place.vantage} at {address}, where the prover's own connections come from: "
            "no ban is tried"
        )
    return address


def must_be_able_to_lift(machine: HostChannel, place: Place) -> None:
    """The way back is tried before anybody is banned. `Indeterminate` where it is closed."""
    try:
        answer = machine.command("fail2ban-unban", jail=place.jail, address=NOBODY)
    except ProofsError as error:
        raise Indeterminate(
            f"a ban could not be lifted, so none is tried: {error} (tools/sudoers.py --bans has the rule)"
        ) from None
    assert answer.status == 0, f"jail {place.jail}: {last(answer.stdout + answer.stderr)}"


def lift(machine: HostChannel, place: Place, known: frozenset[Address], seen: Address | None) -> str:
    """Take the ban away; what stood in the way, with the command to type, or nothing. Never raises for a look.

    Lifted is the vantage's ban, and one of the prover's own addresses that was not there before; bans of others stay.
    fail2ban may be behind with what it reads, and ban anew: it is over when two looks in turn show nobody listed.
    """
    mine = place.own | ({seen} if seen else frozenset())
    left = frozenset({seen}) if seen else frozenset()
    problems: list[str] = []
    quiet = 0
    for _ in range(_LIFTS):
        problems = [_unban(machine, place, address) for address in sorted(left, key=str)]
        try:
            listed = (banned(machine, place.jail) - known) & mine
        except (ProofsError, Indeterminate, AssertionError) as error:
            problems.append(str(error))
            break
        if any(problems):
            left |= listed
            break
        left = listed
        quiet = 0 if left else quiet + 1
        if quiet == _QUIET:
            return ""
    if not left:
        return ""
    said = "; ".join(each for each in problems if each) or "the jail still lists it"
    by_hand = " && ".join(f"fail2ban-client set {place.jail} unbanip {each}" for each in sorted(map(str, left)))
    return f"the vantage {place.vantage} is left banned ({said}); by hand, on the host as root: {by_hand}"


def _unban(machine: HostChannel, place: Place, address: Address) -> str:
    try:
        answer = machine.command("fail2ban-unban", jail=place.jail, address=str(address))
    except ProofsError as error:
        return str(error)
    return "" if answer.status == 0 else last(answer.stdout + answer.stderr)


def _address(text: str) -> Address:
    try:
        found = ip_address(text)
    except ValueError:
        raise Indeterminate(f"where connections come from is no address: {text[:100]!a}") from None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
