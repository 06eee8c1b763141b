"""Control fail2ban-active."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.jails import ask, last, named, number_of
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import number, setting, texts

SERVICE = "fail2ban.service"
WIDEST = 8
"""A network of a shorter prefix than that of 10.0.0.0/8 is no network of one's own."""
_EVERYBODY = {"0.0.0.0": "0.0.0.0/0", "::": "::/0"}  # noqa: S104 - nothing is bound


def test_service_runs_now_and_at_boot(machine: HostChannel) -> None:
    """The unit is active and enabled, and the server answers at its socket."""
    runs_now_and_at_boot(machine, SERVICE)
    answer = machine.command("fail2ban-status")
    assert answer.status == 0, f"fail2ban's server does not answer: {last(answer.stderr or answer.stdout)}"


def test_jails_ban(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """Each jail of the inventory exists and has an action that keeps an address out, not just one that tells of it.

    What an action is called is taken for what it does: its commands are not read. test_ban_live.py sees what it does.
    """
    known = texts(params, "banning_actions")
    for jail in _jails(target):
        answer = ask(machine, "jail", jail)
        assert answer.startswith(f"Status for the jail: {jail}"), f"jail {jail}: {answer[:200]!a}"
        shown = ask(machine, "actions", jail)
        if shown.startswith("No actions"):
            raise AssertionError(f"jail {jail} has no action: it counts and bans nobody")
        title, *rest = shown.splitlines()
        if not title.startswith("The jail") or not rest:
            raise Indeterminate(f"fail2ban-client answered in another format: {shown[:200]!a}")
        actions = re.split(r",\s*", " ".join(rest).strip())
        assert any(action.startswith(known) for action in actions), (
            f"jail {jail} bans by nothing that is known to: {', '.join(actions)[:200]!a}"
        )


def test_jails_ban_soon_and_for_long(
    machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """`maxretry`, `findtime` and `bantime` are within the parameters; a negative bantime is for ever (jail.conf(5))."""
    for jail in _jails(target):
        retries, window, ban = (number_of(machine, name, jail) for name in ("maxretry", "findtime", "bantime"))
        most, shortest = number(params, "most_retries"), number(params, "shortest_ban_s")
        assert retries <= most, f"jail {jail} lets {retries} attempts pass, at most {most} are expected"
        assert ban < 0 or ban >= shortest, f"jail {jail} bans for {ban} s, at least {shortest} are expected"
        shortest = number(params, "shortest_window_s")
        assert window >= shortest, f"jail {jail} forgets after {window} s, at least {shortest} are expected"


def test_jails_watch_a_log(machine: HostChannel, target: Target) -> None:
    """Each jail reads a log file that is there, or matches the journal; no network of everybody is exempt."""
    for jail in _jails(target):
        files = re.findall(r"^[|`]- (/.+)$", ask(machine, "logpath", jail), re.MULTILINE)
        journal = ask(machine, "journalmatch", jail)
        assert files or not journal.startswith("No journal match"), f"jail {jail} watches no log at all"
        for path in files:
            kind = machine.stat_path(path)[0]["type"]
            assert kind in ("regular file", "symbolic link"), f"jail {jail} watches {path!a}, a {kind}"
        wide = [each for each in _exempt(ask(machine, "ignoreip", jail)) if each.prefixlen < WIDEST]
        assert not wide, f"jail {jail} exempts {', '.join(map(str, wide))} from bans (ignoreip)"


def test_database_tells_of_refused_logins(sql: SqlChannel, target: Target) -> None:
    """The database's log holds refused logins, without which a jail that reads it sees nothing.

    MySQL Reference Manual, `log_error_verbosity` (3: information, with access-denied messages); MariaDB Knowledge Base,
    `log_warnings` (2 and more).
    """
    named(target, "database")
    name, least = ("log_warnings", 2) if target.engine == "mariadb" else ("log_error_verbosity", 3)
    value = setting(sql, name)
    assert value.isdecimal() and int(value) >= least, f"{name} is {value!a}; refused logins are logged from {least} on"


def _jails(target: Target) -> list[str]:
    for what in ("database", "ssh"):
        named(target, what)
    assert target.host is not None
    return list(target.host.jails.values())


def _exempt(text: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks of a list; host names in it are left out. 0.0.0.0/0 is shown as 0.0.0.0, ::/0 as ::."""
    found = re.findall(r"^[|`]- ([0-9A-Fa-f.:]+(?:/[0-9]{1,3})?)$", text, re.MULTILINE)
    try:
        return [ip_network(_EVERYBODY.get(each, each), strict=False) for each in found if set(each) & set(".:")]
    except ValueError:
        raise Indeterminate(f"fail2ban-client names no addresses as ignored: {text[:200]!a}") from None
